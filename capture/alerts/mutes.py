"""Mutes: of what nothing is told for a while."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from capture.data_folder import ALERT_MUTES
from capture.publish import make_folder, publish

EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Mute:
    """Nothing is told of `what` up to a moment, in seconds since 1970: a kind, a recorder, an instrument by its word or
    symbol, one with a stream, or "all".
    """

    what: str
    until_s: float

    def covers(self, trouble: Mapping[str, Any], now_s: float) -> bool:
        """Return whether it silences a trouble at a moment."""
        return now_s < self.until_s and (self.what == EVERYTHING or self.what.casefold() in names(trouble))


def names(trouble: Mapping[str, Any]) -> set[str]:
    """Return by what names a trouble may be meant, small letters."""
    facts = trouble.get("facts", {})
    said = [trouble["kind"], trouble["name"], trouble["key"]]
    said += [facts.get(name) for name in ("recorder", "instrument", "symbol", "stream", "word")]
    said += [f"{facts[name]} {facts[word]}" for name in ("instrument", "symbol") for word in ("word", "stream")
             if facts.get(name) and facts.get(word)]  # fmt: skip
    return {str(one).casefold() for one in said if one}


def read_mutes(data: Path) -> list[Mute]:
    """Return the mutes of a data folder, those that are over too; none where there is no file that can be read."""
    with suppress(FileNotFoundError, ValueError, TypeError):
        return [Mute(**one) for one in json.loads((data / ALERT_MUTES).read_text())]
    return []


def write_mutes(data: Path, mutes: Iterable[Mute]) -> None:
    """Publish the mutes of a data folder."""
    path = data / ALERT_MUTES
    make_folder(path.parent)
    publish(path, lambda temporary: temporary.write_text(json.dumps([asdict(one) for one in mutes])))


def changed(mutes: Iterable[Mute], what: str, until_s: float | None, now_s: float) -> list[Mute]:
    """Return mutes with one of something up to a moment, or with none of it; those that are over are left out."""
    rest = [one for one in mutes if one.until_s > now_s and one.what.casefold() != what.casefold()]
    return rest if until_s is None else [*rest, Mute(what, until_s)]
