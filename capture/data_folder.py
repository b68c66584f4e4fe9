"""Every file of a data folder: its name, what it is, who writes and reads it, and what its loss costs.

Names that stand alone are given here, and imported by whoever makes their paths. docs/data-folder.md is made from
FILES and FOLDERS, and a test finds each file of a real data folder in exactly one of them.
"""

from enum import Enum
from typing import NamedTuple

TAPE, LIVE, ARCHIVE, SEALED, STATEMENTS = "tape", "live", "archive", "sealed", "statements"
DATABASE = "ticktape.duckdb"
SNAPSHOT = "snapshot"  # the recorder of `ticktape snapshot`
ACCOUNT_KEY = "account.key"
DEMO = ".demo"  # by which a demo knows its folder again

# Beside a recorder's tape.
LOCK, ROLLER_LOCK = "lock", "roller.lock"
ROLLED = "rolled.json"  # how far the tape is rolled, and which gaps wait for history
STATUS, ROLLER_STATUS, PACING, PRUNED = "status.json", "roller.json", "pacing.json", "pruned.json"
WISHES = "backfill"

# Below the data folder.
DAMAGED = f"{SEALED}/damaged.json"  # files of the archive: path (below it), why, repair, found (ISO 8601)
CHECKED, VERIFIED, VIEWS, AUDITED, COMPACTED = (
    f"{SEALED}/{name}.json" for name in ("checked", "verified", "views", "audited", "compacted"))
DATES_LOCK, SEALER_LOCK, CHECKER_LOCK, COMPACTOR_LOCK = (
    f"{SEALED}/{name}.lock" for name in ("dates", "sealer", "checker", "compactor"))
STATEMENTS_LOCK = f"{STATEMENTS}/lock"
ALERTS = "alerts"
ALERT_STATE, ALERT_LOG, ALERT_LOG_BEFORE, ALERT_MUTES, ALERT_LOCK = (
    f"{ALERTS}/{name}" for name in ("state.json", "log.jsonl", "log.1.jsonl", "mutes.json", "lock"))
COPIES = f"{ARCHIVE}/pruned"  # second copies of what says what was pruned
PRUNED_TABLES, PRUNED_TABLES_COPY = f"{SEALED}/{PRUNED}", f"{COPIES}/tables.json"


def pruned_tape_copy(recorder: str) -> str:
    """Return where, below the data folder, the second copy lies of what says what was pruned of a tape."""
    return f"{COPIES}/tape.{recorder}.json"


class Loss(Enum):
    """What is lost with a file, for good or until something brings it back."""

    ROWS = "rows, or what they can be made from"
    STATE = "no row: what depends on it is refused until it is restored"
    NOTHING = "nothing that is not made anew"


class Entry(NamedTuple):
    """A kind of file: its path below the data folder, with words in <> that vary, and modules below `capture`.

    `costs` says what its loss costs, in words, and `back` what brings it back.
    """

    path: str
    holds: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    loss: Loss
    costs: str
    back: str


_OF_DAY = "<table>/date=<date>"
_NO_DAY = "<table>/date=1970-01-01"
_RECOVER = "`ticktape recover`"
_REBUILD = "`ticktape rebuild --replace`, from the tape"
_ANEW = "made anew by whoever needs it next"
_NO_LOCK = "nothing while nobody holds it; removed while somebody does, a second process may do the same work"
_IN_PLACE_OF = "nothing that is read: what is left of a file that was set aside, for a person to judge"

FOLDERS = {
    TAPE: "the tapes; with all below it its owner's alone",
    f"{TAPE}/<recorder>": "one recorder's tape, and what belongs to it",
    f"{TAPE}/<recorder>/{WISHES}": "history that was asked for by `ticktape backfill`",
    LIVE: "rows of days that are not sealed",
    f"{LIVE}/<table>": "those of a table",
    f"{LIVE}/{_OF_DAY}": "those of one UTC date",
    f"{LIVE}/{_NO_DAY}": "of no date",
    ARCHIVE: "rows of sealed days",
    f"{ARCHIVE}/<table>": "those of a table",
    f"{ARCHIVE}/{_OF_DAY}": "those of one UTC date",
    f"{ARCHIVE}/{_NO_DAY}": "of no date",
    f"{ARCHIVE}/{_OF_DAY}/.sort-<random>": "what is being sorted and does not fit into memory; of a killed sealer, "
                                           "until the next one",
    COPIES: "second copies of what says what was pruned",
    SEALED: "up to when tables are sealed, what was pruned, what was looked at, and locks",
    f"{SEALED}/compact-<random>": "a file of the archive that is being made anew; of a killed compactor, until the "
                                  "next one",
    STATEMENTS: "IB's own statements, as `ticktape statement import` was given them",
    f"{STATEMENTS}/<statements>": "rows of a table that they give",
    ALERTS: "what was told of troubles, and of what nothing is told",
}  # fmt: skip

FILES = (
    Entry(f"{TAPE}/<recorder>/<mark>.tape", "a segment of the tape: every byte received and sent since that mark; the "
          "newest is the one being appended to (docs/tape-format.md)",
          ("tape.writer", "tape.repair"), ("tape.reader", "tape.repair"), Loss.ROWS,
          "what came in its time and is not rolled; what is rolled stays, but cannot be proven or rebuilt any more",
          "a backup; `ticktape verify` says what is missing, `ticktape backfill` fetches what IB's history has"),
    Entry(f"{TAPE}/<recorder>/<mark>.tape.zst", "a finished segment, compressed",
          ("tape.compress",), ("tape.reader", "tape.repair", "tape.compressed_check"), Loss.ROWS,
          "as of an open segment", "as an open segment"),
    Entry(f"{TAPE}/<recorder>/<mark>.tape<bad>", "a damaged segment as it was, after `ticktape recover --repair`",
          ("tape.repair",), (), Loss.NOTHING, _IN_PLACE_OF, "nothing"),
    Entry(f"{TAPE}/<recorder>/<mark>.tape.zst<bad>", "a damaged compressed segment as it was, after a repair",
          ("tape.repair",), (), Loss.NOTHING, _IN_PLACE_OF, "nothing"),
    Entry(f"{TAPE}/<recorder>/{LOCK}", "held by the recorder that writes the tape; its text is that process's id",
          ("tape.recording_lock",), ("tape.recording_lock",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(f"{TAPE}/<recorder>/{ROLLER_LOCK}", "held by who rolls the tape, or makes its files anew",
          ("lake.process_lock",), ("lake.process_lock",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(f"{TAPE}/<recorder>/{ROLLED}", "the rolled position: the mark up to which rows are in files, the state of "
          "decoding there, with the gaps that are open or wait for history, and how many rows name no instrument",
          ("lake.roll", "lake.proof.rebuild", "lake.proof.recover"),
          ("lake.roll", "lake.sealing", "lake.state", "lake.views", "lake.proof.verify", "lake.proof.prune",
           "lake.proof.recover", "lake.row_groups.compactor", "query.tail", "recorder.history_desk",
           "watch.recorder_state", "serve.live_feed",
           "alerts.news_tail", "alerts.stored_gaps"), Loss.STATE,
          "no row. Once days are sealed, questions, rolling and pruning are refused until it is restored; before that "
          "rolling begins with the tape and writes the same files again. Gaps are not filled from history meanwhile",
          f"{_RECOVER}, which reads the tape up to where files reach"),
    Entry(f"{TAPE}/<recorder>/{ROLLED}<bad>", "a rolled position that could not be read, or was wrong, after "
          f"{_RECOVER}", ("lake.proof.recover",), (), Loss.NOTHING, _IN_PLACE_OF, "nothing"),
    Entry(f"{TAPE}/<recorder>/{PRUNED}", "what was pruned of the tape: the mark it begins with now, the state of "
          "decoding there, and per table and day what the part that went had given",
          ("lake.pruned",), ("lake.pruned",), Loss.STATE,
          "nothing while its copy is there; without both, what was pruned counts as lost",
          f"{_RECOVER}, from the copy"),
    Entry(f"{TAPE}/<recorder>/{STATUS}", "what the recorder says of itself; its time of change shows that it lives",
          ("recorder.status",), ("watch.recorder_state", "serve.live_feed",), Loss.NOTHING,
          "nothing: `ticktape status` knows less until the recorder writes it again", "the recorder, within seconds"),
    Entry(f"{TAPE}/<recorder>/{ROLLER_STATUS}", "what the roller says of itself: counters since it began; its time of "
          "change shows that it lives",
          ("lake.processes.roll_counts",), ("watch.recorder_state", "serve.live_feed",), Loss.NOTHING,
          "nothing: `ticktape status` knows less until the roller writes it again", "the roller, within seconds"),
    Entry(f"{TAPE}/<recorder>/{PACING}", "what IB was asked for in the last 10 minutes",
          ("recorder.history_desk",), ("recorder.history_desk",), Loss.NOTHING,
          "nothing recorded: a recorder that is started within 10 minutes may ask IB for more than it allows",
          "the recorder, with its next request"),
    Entry(f"{TAPE}/<recorder>/{WISHES}/<wish>.json", "a span of history that was asked for, and how far it is fetched",
          ("recorder.history_desk",), ("recorder.history_desk",), Loss.NOTHING,
          "the wish: what is fetched stays", "the same `ticktape backfill` again, which adds nothing twice"),
    Entry(f"{LIVE}/{_OF_DAY}/<recorder>.<mark>.parquet", "the rows of a table and date that followed a mark, up to the "
          "next; of a sealed date no question reads it, and sealing removes it",
          ("lake.roll", "lake.proof.rebuild"),
          ("query.database", "query.sizes", "lake.views", "lake.sealing", "lake.stored_rows", "lake.damage",
           "lake.proof.verify", "lake.proof.file_check"), Loss.ROWS, "these rows, which answers then lack", _REBUILD),
    Entry(f"{LIVE}/{_NO_DAY}/empty.parquet", "no rows: so that every pattern finds a file, and columns",
          ("lake.views",), ("lake.views",), Loss.NOTHING, "no row: a view of `ticktape.duckdb` fails until it is back",
          f"the next question through ticktape, or {_RECOVER}"),
    Entry(f"{LIVE}/{_OF_DAY}/<file>.parquet<bad>",
          "a file that was set aside, as the tape does not give it, or by hand",
          ("lake.proof.rebuild",), (), Loss.NOTHING, _IN_PLACE_OF, "nothing"),
    Entry(f"{ARCHIVE}/{_OF_DAY}/<recorder>.<mark>-<mark>.parquet",
          "the rows of a table and sealed date that followed the first mark, the last, and those between, sorted; rows "
          "that came once the date was sealed are in a file of their own",
          ("lake.sealing", "lake.roll", "lake.proof.rebuild", "lake.row_groups.compactor"),
          ("query.database", "query.sizes", "replay.archive_sweep", "lake.views", "lake.stored_rows", "lake.damage",
           "lake.proof.verify", "lake.proof.file_check", "lake.proof.file_round"),
          Loss.ROWS, "these rows, which answers then lack",
          f"{_REBUILD}; where the tape was pruned, a backup alone"),
    Entry(f"{ARCHIVE}/{_NO_DAY}/empty.parquet", "no rows, as among the live files",
          ("lake.views",), ("lake.views",), Loss.NOTHING, "as among the live files", "as among the live files"),
    Entry(f"{ARCHIVE}/{_OF_DAY}/<file>.parquet<bad>", "a file that was set aside, as among the live files",
          ("lake.proof.rebuild",), (), Loss.NOTHING, _IN_PLACE_OF, "nothing"),
    Entry(f"{SEALED}/<table>.parquet", "one row: the date up to which the table is sealed, so that questions read "
          "the archive up to it, and live files after it",
          ("lake.sealed",), ("lake.sealed", "lake.views"), Loss.STATE,
          "no row: once a day of the table is in the archive, all that reads or writes it is refused",
          f"{_RECOVER}, from the names of files"),
    Entry(f"{SEALED}/<table>.files", "what is kept of the table's archive files, so that no question need open them: "
          "names, sizes, times and rows by date, under a checksum",
          ("lake.kept",), ("lake.kept",), Loss.NOTHING,
          "nothing: what is not in it is looked up, which takes longer", "sealing, or `ticktape recover`"),
    Entry(f"{SEALED}/<table>.digest", "what is kept of the rows of the table's archive files, so that questions over "
          "all dates need not open each: of tables with few rows a date all rows, of market data minutes with rows and "
          "lags of each day; with size and time of these files, under a checksum",
          ("lake.digest",), ("lake.digest",), Loss.NOTHING,
          "nothing: rows are read from the archive, which takes longer", "sealing, or `ticktape recover`"),
    Entry(f"{SEALED}/<table>.groups", "which row groups of market data's archive files hold which symbols, contract "
          "ids and times, so that questions about few instruments open no others; with size and time of these files, "
          "under a checksum",
          ("lake.row_groups.group_index",), ("lake.row_groups.group_index",), Loss.NOTHING,
          "nothing: footers are read, which takes longer", "sealing, or `ticktape recover`"),
    Entry(f"{SEALED}/<table>.parquet<bad>", f"one that could not be read, or was wrong, after {_RECOVER}",
          ("lake.proof.recover",), (), Loss.NOTHING, _IN_PLACE_OF, "nothing"),
    Entry(PRUNED_TABLES, "what was pruned of tables: per table up to which date, before which mark of each recorder",
          ("lake.pruned",), ("lake.pruned", "serve.sql_child"), Loss.STATE,
          "nothing while its copy is there; without both, rows that were pruned count as missing, and `ticktape "
          "rebuild` brings back those of which there is tape", f"{_RECOVER}, from the copy"),
    Entry(PRUNED_TABLES_COPY, f"the copy of `{PRUNED_TABLES}`",
          ("lake.pruned",), ("lake.pruned", "serve.sql_child"), Loss.NOTHING, "nothing while the other is there",
          _RECOVER),
    Entry(pruned_tape_copy("<recorder>"), f"the copy of `{TAPE}/<recorder>/{PRUNED}`",
          ("lake.pruned",), ("lake.pruned",), Loss.NOTHING, "nothing while the other is there", _RECOVER),
    Entry(VIEWS, f"what `{DATABASE}` was made of: whether it is still right is seen without opening it",
          ("lake.views",), ("lake.views",), Loss.NOTHING, f"nothing: `{DATABASE}` is made once more", _ANEW),
    Entry(CHECKED, "when each file of the archive was read last",
          ("lake.proof.file_round",), ("lake.proof.file_round", "watch.lake_state"), Loss.NOTHING,
          "nothing: the round over the archive begins anew", "the checker, file by file"),
    Entry(COMPACTED, "of each date, by table: when its folder of archive files was changed, once all files in it have "
          "the row groups of today",
          ("lake.row_groups.compacted",), ("lake.row_groups.compacted",), Loss.NOTHING,
          "nothing: the compactor looks at all files once more", "the compactor"),
    Entry(VERIFIED, "when the last `ticktape verify` of the whole lake ended, and how much it found",
          ("lake.proof.verified",), ("lake.proof.verified", "watch.lake_state"), Loss.NOTHING,
          "nothing: that verify failed, or is due, is not told", "the next `ticktape verify`"),
    Entry(AUDITED, "when accounts were compared last with what explains them, and which kinds of difference there were",
          ("lake.proof.audited",), ("lake.proof.audited", "watch.lake_state"), Loss.NOTHING,
          "nothing: differences of accounts are not told until then", "the auditor within a day, or "
          "`ticktape check-positions`"),
    Entry(DAMAGED, "files of the archive that could not be trusted when they were read",
          ("lake.proof.file_round",), ("lake.proof.file_round", "recorder.damaged_files", "watch.lake_state"),
          Loss.NOTHING,
          "up to 30 days until damage is told of again", "`ticktape verify --files` finds it at once"),
    Entry(DATES_LOCK, "held by who publishes rows, or moves the dates up to which tables are sealed",
          ("lake.sealed",), ("lake.sealed",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(SEALER_LOCK, "held by who seals, prunes or rebuilds",
          ("lake.sealed",), ("lake.sealed",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(CHECKER_LOCK, "held by who reads the archive in its round",
          ("lake.processes.checker",), ("lake.processes.checker",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(COMPACTOR_LOCK, "held by who makes archive files anew",
          ("lake.row_groups.compactor",), ("lake.row_groups.compactor",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(f"{STATEMENTS}/<sha256>.xml.zst", "a statement as IB sent it, compressed; its name is the SHA-256 of what it "
          "holds", ("lake.statements.originals",), ("lake.statements.originals",), Loss.ROWS,
          "what this statement alone tells: no tape has it", "IB has statements of the last years: fetch it again and "
          "`ticktape statement import` it"),
    Entry(f"{STATEMENTS}/<sha256>.masked.xml.zst", "one of whose accounts rows have aliases",
          ("lake.statements.originals",), ("lake.statements.originals",), Loss.ROWS, "as of one without",
          "as one without"),
    Entry(f"{STATEMENTS}/<statements>/rows.parquet", "rows of all statements, each once",
          ("lake.statements.imported",), ("query.database", "lake.views", "lake.damage", "lake.proof.statement_check"),
          Loss.NOTHING, "nothing: what asks for them fails until they are back",
          "`ticktape statement import` without files, or `ticktape rebuild --replace`"),
    Entry(f"{STATEMENTS}/<statements>/empty.parquet", "no rows, as among the live files",
          ("lake.views",), ("lake.views",), Loss.NOTHING, "as among the live files", "as among the live files"),
    Entry(STATEMENTS_LOCK, "held by who imports statements",
          ("lake.statements.imported",), ("lake.statements.imported",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(ALERT_STATE, "which troubles were told, and which messages wait to be sent",
          ("alerts.alert_log",), ("alerts.alert_log",), Loss.NOTHING,
          "no row: what was told is told once more, and messages that wait are not sent",
          "the alerter, within seconds"),
    Entry(ALERT_LOG, "what was told by `[[alert]]`s, a line of JSON each, and what became of it",
          ("alerts.alert_log",), ("alerts.alert_log",), Loss.NOTHING, "no row: `ticktape alerts list` knows less",
          "nothing"),
    Entry(ALERT_LOG_BEFORE, "the log of before, once it had 8 MiB",
          ("alerts.alert_log",), ("alerts.alert_log",), Loss.NOTHING, "as of the log", "nothing"),
    Entry(ALERT_MUTES, "of what nothing is told, and until when",
          ("alerts.mutes",), ("alerts.mutes",), Loss.NOTHING, "no row: what was muted is told",
          "`ticktape alerts mute` again"),
    Entry(ALERT_LOCK, "held by the process that tells troubles",
          ("alerts.alerter",), ("alerts.alerter",), Loss.NOTHING, _NO_LOCK, _ANEW),
    Entry(DATABASE, "views of all tables and the research functions, for any DuckDB; no rows",
          ("lake.views",), ("lake.views",), Loss.NOTHING,
          "nothing: tools that open it have to wait", f"the next question through ticktape, or {_RECOVER}"),
    Entry(ACCOUNT_KEY, "the key by which accounts get their aliases, where `mask_accounts` is set",
          ("account_key",), ("account_key",), Loss.NOTHING,
          "no row: accounts get other aliases from then on", "made anew; to keep the old ones, a backup"),
    Entry(DEMO, "nothing: it says that the folder is a demo's, which the next demo may clear",
          ("cli.playing.demo",), ("cli.playing.demo",), Loss.NOTHING,
          "nothing: `ticktape demo` wants a fresh folder", "nothing"),
    Entry(".<file>.<process>.tmp", "in any folder: a file that is being written, and not published yet; of a killed "
          "process, until who writes there next finds it an hour old",
          ("publish",), ("publish", "lake.leftovers"), Loss.NOTHING,
          "nothing, of a process that is gone; else its publishing fails and is done again", "nothing"),
)  # fmt: skip
