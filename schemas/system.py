"""System tables: what happened on the line, and what is missing."""

from dataclasses import replace

from .columns import PLAIN, Column, integer, number, text, time
from .table import INSTRUMENT, PLACE, SYSTEM_SORT_KEY, Subject, Table

NO_REQUEST = "it concerns the line, not one request"

SESSIONS = Table(
    "sessions",
    "Every connection to a gateway: when it opened and closed, to what, and why it ended.",
    (
        *PLACE,
        text("event", "opened or closed"),
        text("host", "gateway's address", "a closed row"),
        integer("port", "gateway's port", null="a closed row"),
        integer("client_id", "API client id", null="a closed row"),
        integer("server_version", "version of the protocol agreed upon", null="a closed row"),
        text("connection_time", "gateway's own time at connection, in its zone, as sent", "a closed row"),
        text("software", "name and version of the recorder's software", "a closed row"),
        text("reason", "why the session ended", "an opened row"),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.LINE,
    shown=("ts", "recorder", "event", "host", "port", "reason"),
    kept_for_ever=True,
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "The life of every request for data: requested, acknowledged, changed, refused, ended.",
    (
        *PLACE,
        *INSTRUMENT,
        integer("request_id", "IB request id; new for every subscription within a session"),
        text("stream", "the kind of subscription", "the request is not on the tape"),
        text("event", "requested, acknowledged (tickReqParams), data_type (marketDataType), rerouted, refused (a terminal "
             "error, or a doubtful one and no rows after it), completed (end of a snapshot or of history), cancelled, unwanted (a later "
             "start of the recorder no longer wants it)"),
        text("parameters", "requested: the request's fields as a JSON object", "not a requested row", encoding=PLAIN),
        number("min_tick", "acknowledged: smallest price step", "instrument's price units", "another event, or none sent"),
        text("bbo_exchange", "acknowledged: token that names the exchanges behind the best bid and offer",
             "another event, or none sent"),
        integer("snapshot_permissions", "acknowledged: IB's snapshot permission bits", null="another event"),
        text("data_type", "data_type: live, frozen, delayed or delayed_frozen", "another event"),
        integer("code", "refused: IB's error code", null="another event"),
        text("detail", "refused: IB's message; rerouted: the contract id and exchange to ask instead", "another event",
             encoding=PLAIN),
        replace(text("account", "whose account it is about", "it is about an instrument, or all accounts, or recorded "
                     "before version 2"), since=2, personal=True),
    ),
    SYSTEM_SORT_KEY,
    version=2,
    subject=Subject.LINE,
    shown=("ts", "symbol", "stream", "event", "code", "detail"),
    kept_for_ever=True,
)

NOTICES = Table(
    "notices",
    "Every error, warning and status message of IB, and the recorder's own notes.",
    (
        *PLACE,
        *INSTRUMENT,
        integer("request_id", "request it concerns", null=NO_REQUEST),
        text("stream", "stream of that request", NO_REQUEST),
        text("source", "gateway: IB sent it; recorder: the recorder noticed it"),
        integer("code", "IB's code", null="a note of the recorder"),
        text("kind", "status, advisory (the request lives on), doubtful (its rows tell whether it does), terminal (the "
             "request is dead), connection, or note"),
        text("meaning", "what the code means", "not a known code"),
        text("message", "the text as sent", encoding=PLAIN),
        time("ts_event", "IB's time of the error, sent since server version 194", "IB sent no time"),
        text("order_reject_json", "IB's advanced reject text", "IB sent none", encoding=PLAIN),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.LINE,
    shown=("ts", "kind", "code", "symbol", "message"),
)

UNDECODED = Table(
    "undecoded",
    "Frames that could not be decoded, whole, with the reason; nothing that arrived is dropped.",
    (
        *PLACE,
        integer("message_id", "IB message id", null="the frame has no readable id"),
        text("reason", "what was wrong", encoding=PLAIN),
        integer("server_version", "protocol version of the session", null="the frame came before the hello"),
        Column("frame", "bytes", "the frame's payload, without the length in front", encoding=PLAIN),
    ),
    SYSTEM_SORT_KEY,
    subject=Subject.LINE,
    shown=("ts", "message_id", "reason"),
)

GAPS = Table(
    "gaps",
    "Times in which data was wanted and did not arrive. A gap's newest row (by gap_id) is its state.",
    (
        *PLACE,
        *INSTRUMENT,
        text("stream", "stream that was silent"),
        text("gap_id", "name of the gap: recorder, stream, instrument and the seq at which it opened"),
        text("state", "open, closed, backfilled or unavailable; unavailable from the first is a second of which IB's "
             "history gave as many rows as it gives at most, so that it is not known to be whole"),
        replace(time("from_ts", "last moment the stream was known to be whole: where IB gives event times, that of its last "
                     "row (ts_event; of a bar its end), as what was under way was lost too"), revised=2),
        replace(time("to_ts", "when the stream was whole again: when its first row came, or where that was late, IB's time "
                     "of it", "the gap is open"), revised=2),
        text("reason", "why data was missing"),
        integer("code", "IB's code behind it", null="no code: the line or the recorder was down"),
        integer("rows_restored", "rows fetched from IB's history into the gap", "rows", "not backfilled", bits=64),
        Column("lag_s", "number", "how late the stream's last row before the gap came: ts less IB's time of it, which "
               "for ticks is a whole second and so makes this up to 1 s too much", "s",
               "IB gives the stream no event times, or no row had come, or recorded before version 2", since=2),
        replace(text("account", "whose account it is about", "it is about an instrument, or all accounts, or recorded "
                     "before version 3"), since=3, personal=True),
    ),
    SYSTEM_SORT_KEY,
    version=3,
    subject=Subject.LINE,
    shown=("ts", "symbol", "stream", "state", "from_ts", "to_ts", "reason"),
    kept_for_ever=True,
)
