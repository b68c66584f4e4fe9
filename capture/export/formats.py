"""The formats that rows can be exported to, as data; what each can hold is said by its own module (D109)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from .job import Job
from .row_writer import Rows, Writer


class Module(Protocol):
    """What the module of a format gives.

    `TAKES` says of each table that it can take what becomes of it, `LEAVES_OUT` what it has no place for.
    """

    TAKES: Mapping[str, str]
    LEAVES_OUT: str

    def rows(self, job: Job) -> Rows:
        """Return the rows that the format is made of. Raises QueryError for what it cannot take."""

    def open_writer(self, path: Path, rows: Rows, job: Job) -> Writer:
        """Return a writer of a file, or into an empty folder."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name, what it is, how names of its files end, the first by default; none for a folder.

    One that has columns of its own takes no choice of columns.
    """

    name: str
    meaning: str
    endings: tuple[str, ...] = ()
    own_columns: bool = False

    @property
    def module(self) -> Module:
        """The module that reads and writes, loaded when it is needed."""
        return cast(Module, import_module(f".{self.name.replace('-', '_')}", __package__))

    def agree(self, stage: Path, place: Path) -> list[Path]:
        """Have new files, in a stage, and those that are in their place agree, where the format wants it.

        Returns which are to be replaced by copies that are in the stage now, relative to both.
        """
        agree: Callable[[Path, Path], list[Path]] | None = getattr(self.module, "agree", None)
        return agree(stage, place) if agree else []


FORMATS = {one.name: one for one in (
    Format("parquet", "Parquet, compressed with zstd", (".parquet", ".pq")),
    Format("csv", "CSV, also compressed", (".csv", ".csv.gz", ".csv.zst")),
    Format("arrow", "Arrow's file format, which is Feather", (".arrow", ".feather", ".ipc")),
    Format("json-lines", "an object per line, also compressed",
           (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz", ".ndjson.zst")),
    Format("dbn", "Databento's format", (".dbn.zst", ".dbn"), own_columns=True),
    Format("nautilus", "a catalog of nautilus_trader", own_columns=True),
    Format("hftbacktest", "events for hftbacktest, one instrument a file", (".npz",), own_columns=True),
    Format("lean", "a data folder for LEAN, QuantConnect's engine", own_columns=True),
)}  # fmt: skip

