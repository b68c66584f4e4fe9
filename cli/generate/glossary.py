"""The words of this project, one meaning each; the public names that use them, and the words that are not used for it.
"""

from typing import NamedTuple

from .markdown import markdown, page


class Word(NamedTuple):
    """A word: what it means, and the public names that have that meaning.

    `code` are classes and functions below `capture`, `commands` those of ticktape, `settings` keys of ticktape.toml,
    `columns` those of stored tables. `never` are words that are not used for it, by pattern, and the folders below
    `capture` in which none of them stands.
    """

    name: str
    meaning: str
    code: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    never: str = ""
    rooms: tuple[str, ...] = ()


WORDS = (
    Word("alert", "A block of the settings: what is told of troubles and fills, to whom and how.",
         ("wanted.alert_block.AlertBlock",), ("alerts",), ("alert",)),
    Word("archive", "The files of sealed days, sorted: one for each table, date and recorder, and more where rows came "
         "later.", ("lake.layout.Layout.archive",)),
    Word("backfill", "To ask IB's history for what is missing in gaps, or was never recorded, and to add what is not "
         "there yet.", ("tape.notes.BACKFILL",), ("backfill",)),
    Word("compact", "To make files of the archive anew, with the row groups that questions about one instrument read "
         "best; rows and names stay.", ("lake.row_groups.compactor.Compactor",), ("compact",)),
    Word("compress", "To make a finished segment of the tape smaller, byte for byte the same. Days are sealed, "
         "segments compressed.", ("tape.compress", "tape.compress_closed", "tape.Compressed"),
         never="seal", rooms=("tape", "wire", "decode", "session", "recorder")),
    Word("coverage", "The share of wanted time in which a stream was whole, by what its gaps leave.",
         ("face.Lake.coverage",), ("coverage",)),
    Word("digest", "What is kept of the rows of a table's archive files: who asks all dates need not open each.",
         ("lake.digest.Digest",)),
    Word("export", "To write rows into files of another tool's form; also these files.",
         ("face.Lake.export",), ("export",)),
    Word("exposure", "The money that moves with an instrument's price, by what instruments have in common.",
         ("face.Lake.exposure",), ("exposure",)),
    Word("feed", "What a gateway serves rows from: an invented market, a recording, or one that is being made.",
         ("gateway.feed.Feed",)),
    Word("frame", "The bytes of one message between the gateway and its client, behind their length. Received frames "
         "are numbered from 1 on, across sessions: `seq`.", ("wire.text.framing.frame",), columns=("frame",)),
    Word("gap", "A time in which a wanted stream was not whole; it is open, then closed, and backfilled or unavailable "
         "in the end.", ("decode.gaps.Gaps", "face.Lake.gaps"), ("gaps",), columns=("gap_id",),
         never=r"\bholes?\b|\bdropouts?\b", rooms=("tape", "wire", "decode", "session", "recorder", "lake", "query")),
    Word("gateway", "What speaks the TWS protocol to clients: IB's TWS and IB Gateway, or `ticktape gateway`.",
         ("gateway.server.Gateway",), ("gateway",)),
    Word("holding", "A position of an account with all that pricing has to know of it.",
         ("risk.holding.Holding", "face.Lake.holdings")),
    Word("instrument", "What can be traded, as IB's contract id names it: `instrument_id`. On the command line it is a "
         "word, which becomes the contract that is asked for.", ("wanted.instrument.Instrument",),
         columns=("instrument_id",)),
    Word("lake", "The tables of a data folder, and what opens them to be asked: files, and the tail of each tape.",
         ("open_lake", "face.Lake"), ("sql", "tables")),
    Word("line", "The connection to a gateway as the tape tells it: frames counted, the frame that is not whole yet, "
         "what each request id stands for. IB's market data lines are a limit of an account, and only called in full.",
         ("wire.line.Line",), settings=("market_data_lines",)),
    Word("live file", "The rows of one table and date that one roll published; it goes once its date is sealed.",
         ("lake.layout.Layout.live_file",)),
    Word("margin", "What a broker requires for what is held: estimated here, and beside it what IB says.",
         ("face.Lake.margin",), ("margin",)),
    Word("mark", "A record of the tape at which decoding can begin: it holds the state of the line. Their numbers "
         "only rise.", ("tape.last_mark", "tape.MarkMissing")),
    Word("note", "A record of the tape for what the recorder noticed or did itself.", ("tape.Kind.NOTE",)),
    Word("prune", "To remove what is older than its owner wants to keep, once it is written down that it goes.",
         ("lake.proof.prune.prune",), ("prune",), ("retention",)),
    Word("question", "What is asked of a lake, in SQL or by a method: answered from files and tails as they are at "
         "that moment, by views of its own. The SQL in it is a query.", ("query.answer.AskedError",)),
    Word("range", "What a tape holds between two marks that follow one another: what is rolled, compared and rebuilt "
         "at once.", ("lake.ranges.Range", "lake.ranges.Ranges")),
    Word("read", "The bytes that one read of the socket brought: one record of the tape. All its frames came at one "
         "moment, `ts`. Decoding joins several of them into one piece.", ("wire.line.Read",)),
    Word("rebuild", "To write files of the lake anew from the tape.", ("lake.proof.rebuild.Rebuilder",), ("rebuild",)),
    Word("record", "One thing written down, with its time: an entry of the tape, or what a replay gives for a row. To "
         "record is to write down all that a line carries.", ("tape.Record", "replay.records.Record"),
         ("record",), ("record",)),
    Word("recorder", "Who records: a process under a name, with a tape of its own.",
         ("recorder.recorder.Recorder", "tape.RecorderBusy"), ("status",), ("recorder",), ("recorder",)),
    Word("recording", "What was recorded in some time, whatever it is read from.",
         ("gateway.recorded.recording.Recording",)),
    Word("replay", "To play what was recorded again, event by event in recorded order.",
         ("replay.Replay", "face.Lake.replay"), ("replay",),
         never="playback", rooms=("replay", "query", "lake", "gateway", "export")),
    Word("request", "A message to the gateway that asks for something, under a number of its session: `request_id`. A "
         "stream is asked for by one request after another.", ("wire.context.Request",),
         settings=("requests_per_second",), columns=("request_id",)),
    Word("roll", "To write the rows of a range into files, and to move the rolled position past it.",
         ("lake.roll.Roller", "lake.layout.Rolled"), settings=("roll_interval_s",)),
    Word("row", "One event in a table. (`recorder`, `seq`, `row`) names it: whose tape, which frame, which row of that "
         "frame.", ("face.Lake.rows",), columns=("row",)),
    Word("seal", "To sort the rows of a day that is over into the archive, and to have questions read them from there.",
         ("lake.sealing.Sealer", "lake.sealed.seal_through"), ("seal",)),
    Word("segment", "One file of a tape. It begins with a mark, which it is named by. IB calls parts of an account so "
         "too: the column `segment` of account values.",
         ("tape.Segment", "tape.segments"),
         settings=("segment_size_bytes",), columns=("segment",), never=r"tape files?\b",
         rooms=("tape", "wanted", "lake", "recorder", "query")),
    Word("session", "What happens on a line from when it is made until it ends; a recorder's line is made anew, and so "
         "has one session after another. An exchange's hours are trading sessions, and only called in full.",
         ("session.machine.Machine",)),
    Word("snapshot", "How something stands at one moment: the values of a market, or an order book.",
         ("face.Lake.book_snapshots",), ("snapshot",)),
    Word("statement", "What IB itself says of an account for some days, as a Flex query gives it: imported, and kept "
         "beside the tape.", ("statements.StatementError", "lake.statements.imported.import_statements"),
         ("statement",)),
    Word("stream", "One kind of data of one instrument, for as long as it is wanted: `all_last`, `quotes`, `depth`.",
         ("wanted.streams.Stream",), columns=("stream",),
         never=r"\bchannels?\b", rooms=("wanted", "session", "recorder", "decode", "lake", "query")),
    Word("stress", "What all that is held would gain or lose if the market moved so and so.",
         ("face.Lake.stress",), ("stress",)),
    Word("subscription", "A stream that a recorder keeps asked for: how far it has come, and under which request.",
         ("session.subscriptions.Subscription",)),
    Word("symbol", "The name by which people ask for an instrument: IB's local symbol. It may stand for several, a "
         "contract id never does.", ("wire.messages.naming.symbol_of",), columns=("symbol",),
         never=r"\btickers?\b", rooms=("tape", "wanted", "session", "recorder", "decode", "lake", "query", "replay")),
    Word("tail", "The end of a tape whose rows are in no file yet; a question decodes it. The command shows the newest "
         "rows of all, and goes on with what comes.", ("query.tail.Tail",), ("tail",)),
    Word("tape", "Every byte that a recorder received and sent, with the time of each, appended and never changed.",
         ("tape.TapeWriter", "tape.TapeError")),
    Word("trouble", "What is wrong with something, with its cause and what helps; it has a key for as long as it "
         "lasts. A trouble is an alarm, a warning, or routine.", ("trouble.Trouble",), ("status",)),
    Word("value at risk", "What is lost over a day no more often than on one of so many days, by past days.",
         ("face.Lake.value_at_risk",)),
    Word("verdict", "How it is, in a word: well, trouble or unknown.", ("trouble.Verdict",)),
    Word("verify", "To decode a tape once more, and compare what it gives with what is in files.",
         ("lake.proof.verify.Verifier",), ("verify",)),
)  # fmt: skip


def glossary_page() -> str:
    """Return all words."""
    return page(
        "Glossary",
        ("cli/generate/glossary.py",),
        "What the words of this project mean, in code, tables, messages and docs: one thing each. Names are those "
        "below `capture`; a test finds each of them, and finds the words that are not used for it nowhere in the "
        "folders that are named.",
        markdown(("word", "means", "names", "never called"), map(_row, WORDS)))


def _row(word: Word) -> tuple[str, ...]:
    public = [*(f"`ticktape {name}`" for name in word.commands), *(f"setting `{name}`" for name in word.settings),
              *(f"column `{name}`" for name in word.columns), *(f"`{name}`" for name in word.code)]
    return f"**{word.name}**", word.meaning, ", ".join(public), _never(word)


def _never(word: Word) -> str:
    if not word.never:
        return ""
    plain = word.never.replace(r"\b", "").replace("s?", "").replace("|", ", ")
    return f"{plain} (in {', '.join(f'`{room}/`' for room in word.rooms)})"
