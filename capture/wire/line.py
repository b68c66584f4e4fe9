"""What the tape so far says about the line: frames counted, the frame still unfinished, the session's context.

The recorder keeps a Line to write it into every mark (D22); whoever decodes starts from a mark's Line. Both
therefore agree on each frame's number and on what every request id stands for.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from capture.kernel.decoding import decoding
from capture.wire.messages.answers import ANSWERS, UNREAD
from capture.wire.text.codec import Decoded, answer_codec
from capture.wire.text.framing import MAX_FRAME_BYTES, Splitter, boundaries, corruption, find_step
from capture.wire.text.handshake import PREFIX, ServerHello, parse_server_hello
from capture.wire.text.protocol_error import ProtocolError

from .context import Context
from .frame_kinds import Keys, control_frames, message_keys
from .history_summary import decode_short
from .ib_times import zone_of

PROTOCOL = "tws"  # what marks and opened records call it

# Up to this many frames it is quicker to look at the message id of each, without the kernel and with it.
_FEW_FRAMES, _FEW_FOR_KERNEL = 256, 24
_HEADS = frozenset(str(number).encode() for number in {*UNREAD, *(message.id for message in ANSWERS)})


@dataclass(slots=True)
class Read:
    """One read of the socket or, as decoding joins them, several: cut into frames.

    `data` begins with the bytes that were unfinished before; frame i is data[starts[i]:starts[i + 1]] and has the
    number `first_seq + i`. Where no frame came to its end, `data` may be empty. The first `greeting` frames belong to
    the handshake; `hello` is what came of it, `refused` why nothing can. `corrupt` says why the bytes after the last
    frame cannot go on, None where they can. `lost` are bytes around a damage of the tape that are no whole frames; they
    are not part of `data`. `keys` are the `message_keys` of the frames behind the greeting, where `steer` had to know
    them.
    """

    data: bytes
    starts: npt.NDArray[np.int64]
    first_seq: int
    greeting: int = 0
    hello: ServerHello | None = None
    refused: str | None = None
    corrupt: str | None = None
    lost: bytes = b""
    keys: Keys | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def payload(self, frame: int) -> bytes:
        """Return a frame's payload by its number in the read."""
        return self.data[self.starts[frame] + 4 : self.starts[frame + 1]]


@dataclass(slots=True)
class Line:
    """The state of the line: `seq` is the number of the last whole frame received, `session` the session's description.

    `pending` are the bytes of the frame that is not whole yet. `session` is None between sessions. While the line is
    `out_of_step` after damage of the tape, `pending` holds bytes that may turn out to begin with a frame.
    """

    seq: int = 0
    pending: bytearray = field(default_factory=bytearray)  # a large frame comes in many reads: joined only once
    session: dict[str, Any] | None = None
    context: Context = field(default_factory=Context)
    _sent: Splitter = field(default_factory=Splitter)
    _greeted: bool = False
    _damaged: bool = False
    out_of_step: bool = False

    def damaged(self) -> None:
        """Take note that records are missing here: what is received next may begin inside a frame."""
        self._damaged = True

    def opened(self, session: dict[str, Any]) -> None:
        """Begin a session: nothing of the one before counts any more."""
        self.pending, self.session, self.context = bytearray(), session, self.context.after()
        self._sent, self._greeted = Splitter(), False
        self._damaged = self.out_of_step = False

    def closed(self) -> bytes:
        """End the session and return the bytes of a frame that never came whole."""
        rest = bytes(self.pending)
        self.pending, self.session, self.context = bytearray(), None, self.context.after()
        return rest

    def received(self, data: bytes) -> Read:
        """Cut received bytes into frames and count them; `steer` or `decode` then reads them."""
        searching = data and (self._damaged or self.out_of_step)
        if not searching and self._unfinished(data):
            self.pending += data
            return Read(b"", np.zeros(1, np.int64), self.seq + 1)
        before_bytes = len(self.pending)
        lost, whole = self._step(data) if searching else (b"", bytes(self.pending) + data)
        assert len(lost) + len(whole) == before_bytes + len(data), "no received byte goes unaccounted for"
        starts = np.zeros(1, np.int64) if self.out_of_step else boundaries(whole)
        rest = whole[starts[-1] :]
        assert starts[0] == 0 and starts[-1] + len(rest) == len(whole), "the rest lies behind the frames"
        self.pending = bytearray(rest)
        read = Read(whole, starts, self.seq + 1, corrupt=corruption(rest), lost=lost)
        self.seq += len(read)
        if self.context.server_version is None:
            self._greet(read)
        return read

    def give_up(self) -> bytes:
        """Return the bytes received since damage that gave no frame, and forget them; none when in step."""
        if not self.out_of_step:
            return b""
        lost, self.pending = bytes(self.pending), bytearray()
        return lost

    def steer(self, read: Read) -> list[tuple[int, Decoded]]:
        """Decode the frames of a read that are not of the masses, by frame number in the read, and take note of them.

        Whoever decodes whole reads need not call this: `decode` takes note of the same messages. Frames that cannot
        be decoded are left out.
        """
        if self.context.server_version is None or len(read) == read.greeting:
            return []
        codec = answer_codec(self.context.server_version)
        messages = []
        starts = read.starts[read.greeting :]
        if len(starts) > (_FEW_FOR_KERNEL if decoding() else _FEW_FRAMES):
            read.keys = message_keys(read.data, starts)
        for frame in control_frames(read.data, starts, read.keys):
            try:
                decoded = decode_short(codec, read.payload(frame + read.greeting), self.context.server_version)
            except ProtocolError:
                continue  # rolling makes it a row of `undecoded`
            self.context.received(decoded)
            messages.append((frame + read.greeting, decoded))
        return messages

    def sent(self, data: bytes) -> list[Decoded]:
        """Take note of sent bytes and return the requests in them; the hello is none."""
        if not self._greeted:
            self._greeted = True
            data = data[len(PREFIX) :] if data.startswith(PREFIX) else data
        requests = []
        for payload in self._sent.feed(data):
            if self.context.server_version is None:
                continue
            try:
                requests.append(self.context.sent(payload))
            except ProtocolError:
                continue  # a request of a newer recorder, unknown here: its answers say "request not on the tape"
        return requests

    def as_mark(self, mark: int) -> dict[str, Any]:
        """Return the state as the body of a mark of this number. Requests that are over are left out."""
        self.context.forget_ended()
        return {
            "mark": mark,
            "protocol": PROTOCOL,
            "seq": self.seq,
            "pending": base64.b64encode(self.pending).decode(),
            "session": self.session and dict(self.session),
            "context": self.context.as_json(),
        }

    @classmethod
    def from_mark(cls, body: dict[str, Any]) -> "Line":
        """Return the state that a mark holds."""
        return cls(body["seq"], bytearray(base64.b64decode(body.get("pending", ""))), body.get("session"),
                   Context.from_json(body.get("context", {})))

    def _unfinished(self, data: bytes) -> bool:
        """Return whether the frame that `pending` begins is known not to be whole with these bytes either."""
        head = self.pending[:4] + data[:4]
        length = int.from_bytes(head[:4], "big")
        return len(head) >= 4 and len(self.pending) + len(data) < 4 + length <= 4 + MAX_FRAME_BYTES

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the bytes to give up after damage, and those to go on with, which may still be out of step."""
        pending = bytes(self.pending)
        lost, whole = (pending, data) if self._damaged else (b"", pending + data)
        at, found = find_step(whole, _HEADS)
        self._damaged, self.out_of_step = False, not found
        return lost + whole[:at], whole[at:]

    def _greet(self, read: Read) -> None:
        for frame in range(len(read)):
            read.greeting = frame + 1
            try:
                read.hello = parse_server_hello(read.payload(frame))
            except ProtocolError as error:  # a redirect: whoever holds the line reports it and hangs up
                read.refused = str(error)
                return
            if read.hello is not None:
                self.context.server_version = read.hello.server_version
                self.context.zone = zone_of(read.hello.connection_time)
                return
