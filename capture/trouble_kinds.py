"""The kinds of trouble, as data: what each means and what helps; the docs' table of alerts is made from it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from .trouble import Severity, Subject, Trouble


class Kind(NamedTuple):
    """A kind of trouble. Kinds of one `slot` are one trouble to people: what was `line-lost` may become `login-needed`.

    `remedy` may name facts in braces. A `threshold` is the key of an [[alert]] that says from where on it is trouble.
    What `happens` is told at once and is never over.
    """

    name: str
    slot: str
    subject: Subject
    severity: Severity
    meaning: str
    remedy: str
    threshold: str | None = None
    happens: bool = False


_ALARM, _WARNING, _ROUTINE = Severity.ALARM, Severity.WARNING, Severity.ROUTINE

# What a look at a data folder finds.
JUDGED: Mapping[str, Kind] = {kind.name: kind for kind in (
    Kind("nothing-records", "recorders", Subject.LAKE, _ALARM, "no recorder of this lake runs",
         "start one: `ticktape record`, or its service"),
    Kind("lake-unreadable", "lake", Subject.LAKE, _ALARM,
         "what the lake must know of itself cannot be read: questions and rolling are refused, the tape goes on",
         "run `ticktape recover --data {data}`"),
    Kind("recorder-ended", "recorder", Subject.RECORDER, _ALARM, "a recorder was killed or crashed: it did not stop",
         "start it again; what it had received is on the tape"),
    Kind("recorder-mute", "recorder", Subject.RECORDER, _ALARM, "a recorder's process lives, but says nothing",
         "see whether process {pid} hangs, or what it says; kill and start it again"),
    Kind("line-lost", "line", Subject.LINE, _ALARM, "a recorder has no session with its gateway",
         "it tries again by itself; where it goes on, look at TWS or IB Gateway at {host}:{port}"),
    Kind("login-needed", "line", Subject.LINE, _ALARM,
         "the gateway has taken no session for minutes: it is not running, or waits for a login or a second factor",
         "log in to TWS or IB Gateway at {host}:{port}, and answer the second factor on the phone"),
    Kind("ib-line-lost", "line", Subject.LINE, _ALARM, "the gateway lost its own line to IB (code 1100)",
         "it comes back by itself; where it goes on, see whether the gateway wants a login, and IB's system status"),
    Kind("farm-broken", "farm", Subject.FARM, _ALARM, "IB says that one of its data farms is broken",
         "IB mends it; streams of that farm are silent, `ticktape gaps` says which"),
    Kind("history-farm-broken", "farm", Subject.FARM, _WARNING,
         "IB says that a farm of historical data is broken: gaps are not restored until it is back",
         "IB mends it; nothing live is lost"),
    Kind("feed-silent", "feed", Subject.RECORDER, _ALARM, "every stream of which rows are expected is silent",
         "restart the gateway, which may be stuck; look whether the same user is logged in elsewhere (code 10197)"),
    Kind("stream-silent", "stream", Subject.STREAM, _ALARM, "no row of a stream came against expectation",
         "it is requested again by itself; where it goes on, compare with TWS, then restart the gateway"),
    Kind("stream-refused", "stream", Subject.STREAM, _WARNING, "IB refuses a stream, or knows no such instrument",
         "mend what IB says, or take the stream out of ticktape.toml; `ticktape plan` says what the account allows"),
    Kind("stream-waiting", "stream", Subject.STREAM, _WARNING,
         "a stream is wanted, but was not requested or answered for minutes, though there is a session",
         "look at what the recorder says of it; restart the gateway if it answers nothing"),
    Kind("stream-late", "late", Subject.STREAM, _WARNING,
         "rows come seconds after their events: what is under way is lost where the line breaks",
         "look at the load of this machine and of the gateway's; record fewer streams"),
    Kind("account-unknown", "account", Subject.STREAM, _WARNING,
         "what a stream of accounts holds is not known: IB refuses it, or does not answer",
         "mend what IB says: code 321 may be Read-Only API (Configure > API > Settings); or take the stream out of "
         "streams below [accounts] in ticktape.toml"),
    Kind("account-missing", "account-missing", Subject.RECORDER, _WARNING,
         "an account that is wanted is none of the login's",
         "correct accounts below [accounts] in ticktape.toml; the recorder says which there are"),
    Kind("account-differs", "account-differs", Subject.ACCOUNT, _WARNING,
         "what IB says of an account, and its fills or its parts, do not agree; told for 7 days",
         "run `ticktape check-positions --data {data}`, which names each difference, and compare with TWS"),
    Kind("worth-jumped", "worth-jumped", Subject.ACCOUNT, _ALARM,
         "what an account is worth changed in a day by more than its positions, its fills and its cash explain",
         "run `ticktape check-positions --data {data}`; until it is explained trust no sum of that account: a unit, a "
         "price or a fill is wrong or missing"),
    Kind("definition-changed", "definition-changed", Subject.ACCOUNT, _ALARM,
         "IB defines anew what an account holds: another multiplier, root, underlying or symbol of the same contract "
         "id",
         "run `ticktape check-positions --data {data}`, which says what changed, and look at IB's notice of the "
         "corporate action"),
    Kind("expired-held", "expired-held", Subject.ACCOUNT, _ALARM,
         "what expired is still among an account's positions after two business days",
         "ask IB: the expiry was not booked. `ticktape check-positions --data {data}` says what it is"),
    Kind("auditor-fails", "auditor-fails", Subject.LAKE, _WARNING,
         "the process that compares accounts once a day ends with an error again and again: differences go untold",
         "run `ticktape check-positions --data {data}`, which says why; the recorder's log has it too"),
    Kind("disk-full", "disk", Subject.DISK, _ALARM, "there is no room for more tape: recording waits",
         "free space on the disk of {data}, with `ticktape prune` or otherwise; recording goes on by itself"),
    Kind("disk-nearly-full", "disk", Subject.DISK, _WARNING, "at the growth of the last days the disk is full soon",
         "free space, set retention in ticktape.toml, or give {data} a larger disk; `ticktape du` says what takes it"),
    Kind("roller-dead", "roller", Subject.ROLLER, _WARNING,
         "the process that turns tape into Parquet does not run: nothing is lost, files grow no more",
         "look at what the recorder says of it; the recorder starts it again by itself"),
    Kind("roller-behind", "roller", Subject.ROLLER, _WARNING,
         "rows come to the tape faster than they come to Parquet: nothing is lost, files are late",
         "look at the load of this machine and of its disk; record less, or give it another core"),
    Kind("sealer-late", "sealer", Subject.SEALER, _WARNING, "a date that is over was not sealed in time",
         "run `ticktape seal --data {data}`, which says what stands in the way"),
    Kind("sealer-fails", "sealer-fails", Subject.SEALER, _WARNING,
         "the process that seals dates that are over ends with an error again and again: nothing is lost, files stay "
         "small and many", "run `ticktape seal --data {data}`, which says why; the recorder's log has it too"),
    Kind("damage-found", "damage", Subject.CHECKER, _ALARM, "a file of the archive cannot be trusted", "{repair}"),
    Kind("check-overdue", "check", Subject.CHECKER, _WARNING,
         "files of the archive were not read for far more than the 30 days in which each is",
         "keep a recorder running, which reads them, or run `ticktape verify --files --data {data}`"),
    Kind("checker-fails", "checker-fails", Subject.CHECKER, _WARNING,
         "the process that reads the archive for damage ends with an error again and again: damage may go unseen",
         "run `ticktape verify --files --data {data}`, which says why; the recorder's log has it too"),
    Kind("verify-failed", "verify", Subject.VERIFY, _ALARM,
         "the last `ticktape verify` found rows that are missing, different or damaged",
         "run `ticktape verify --data {data}`: each finding names the command that mends it"),
    Kind("verify-overdue", "verify", Subject.VERIFY, _WARNING, "`ticktape verify` ran before, but not for long",
         "run `ticktape verify --data {data}`, or see why whatever runs it does not"),
    Kind("backfill-stuck", "backfill", Subject.BACKFILL, _WARNING,
         "history waits to be fetched, and nothing of it came for an hour",
         "see what the recorder says, and whether the account may have history; `ticktape backfill` tells more"),
)}  # fmt: skip

# What is looked for only where an alert wants it.
OF_ALERTS: Mapping[str, Kind] = {kind.name: kind for kind in (
    Kind("gap-open", "gap", Subject.STREAM, _ALARM, "rows of a stream are being missed, and nothing else tells of it",
         "see `ticktape gaps`; what IB's history has is restored once the stream is back"),
    Kind("gap-not-restored", "unrestored", Subject.STREAM, _WARNING,
         "a gap is over, and IB's history did not fill it, though it has such rows",
         "see `ticktape gaps`; `ticktape backfill` asks once more", happens=True),
    Kind("silent-above", "silence", Subject.STREAM, _ALARM,
         "a stream had no row for longer than is given, while its market is open",
         "compare with TWS; it may be quiet, or wait to be requested again", "silent_above_s"),
    Kind("lag-above", "lag", Subject.STREAM, _WARNING,
         "half of a stream's rows of the last minute came later than is given",
         "look at the load of this machine and of the gateway's; record fewer streams", "lag_above_s"),
    Kind("coverage-below", "coverage", Subject.STREAM, _WARNING,
         "of a stream's trading time today less is there than the share that is given",
         "see `ticktape coverage`, and `ticktape gaps` for why", "coverage_below"),
    Kind("disk-below", "room", Subject.DISK, _ALARM, "the disk of the data folder has less room than is given",
         "free space on the disk of {data}, with `ticktape prune` or otherwise", "disk_below_gb"),
    Kind("fill", "fill", Subject.ACCOUNT, _ROUTINE, "an order was executed, in part or whole", "", happens=True),
    Kind("order-rejected", "rejected", Subject.ACCOUNT, _ALARM, "IB rejected an order, or made it inactive",
         "read IB's reason, and place it anew where it is placed", happens=True),
    Kind("position-above", "position", Subject.ACCOUNT, _ALARM, "a position is larger than is given, long or short",
         "look at what trades it: `select * from positions`", "position_above"),
    Kind("day-loss-above", "day-loss", Subject.ACCOUNT, _ALARM,
         "an account has lost more today than is given, in its base currency",
         "look at what trades it: `select * from pnl`", "day_loss_above"),
    Kind("margin-cushion-below", "cushion", Subject.ACCOUNT, _ALARM,
         "an account's excess liquidity is a smaller share of its net liquidation than is given",
         "reduce positions, or add funds, before IB liquidates", "margin_cushion_below"),
    Kind("exposure-above", "exposure", Subject.ACCOUNT, _ALARM,
         "the gross value of an account's positions is larger than is given, in its base currency",
         "reduce positions", "exposure_above"),
)}  # fmt: skip

KINDS = {**JUDGED, **OF_ALERTS}

# What an [[alert]] may call many kinds by.
GROUPS: Mapping[str, frozenset[str]] = {
    "recording": frozenset(name for name, kind in KINDS.items() if kind.subject is not Subject.ACCOUNT),
    "account": frozenset(name for name, kind in KINDS.items() if kind.subject is Subject.ACCOUNT),
    "all": frozenset(KINDS),
}


def trouble(
    kind: str, name: str, since: datetime | None, cause: str, facts: Mapping[str, Any], *,
    severity: Severity | None = None, within: str | None = None,
) -> Trouble:
    """Return a trouble of a kind, whose severity is that of its kind where none is given."""
    known = KINDS[kind]
    assert since is None or since.tzinfo is not None, "times of troubles are UTC"
    return Trouble(known.name, key_of(kind, name), severity or known.severity, known.subject, name, since, cause,
                   known.remedy.format_map(facts), dict(facts), within)


def key_of(kind: str, name: str) -> str:
    """Return the key of a trouble: its kind's slot, and of what it is."""
    return f"{KINDS[kind].slot}:{name}"


def inside(one: Trouble, cause: Trouble) -> Trouble:
    """Return a trouble as one that another causes: where that is routine, so is this."""
    severity = Severity.ROUTINE if cause.severity is Severity.ROUTINE else one.severity
    return replace(one, within=cause.key, severity=severity)
