"""The one way to say what was probably meant where a name is none of those that there are."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

MOST_NEAR, MOST_LISTED = 3, 40
LIKENESS = 0.7  # by difflib: MFST is like MSFT, orders is not like trades


def near(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that are like one, nearest first: those that differ in case only, else the similar ones."""
    by_folded: dict[str, list[str]] = {}
    for one in known:
        by_folded.setdefault(_folded(one), []).append(one)
    folded = _folded(name)
    similar = [folded] if folded in by_folded else get_close_matches(folded, by_folded, MOST_NEAR, LIKENESS)
    return [one for each in similar for one in sorted(by_folded[each])][:MOST_NEAR]


def hint(name: str, known: Iterable[str], there: str = "there are") -> str:
    """Return what is like a name that is none, in words; where nothing is, what there is."""
    names = list(dict.fromkeys(known))
    if close := near(name, names):
        return f"did you mean {' or '.join(map(repr, close))}?"
    more = f", … ({len(names):,} in all)" if len(names) > MOST_LISTED else ""
    return f"{there} {', '.join(names[:MOST_LISTED]) or 'none'}{more}"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is none."""
    return f"there is no {what} {name!r}; {hint(name, known)}"


def _folded(name: str) -> str:
    return " ".join(re.split(r"[\s._-]+", name.casefold()))
