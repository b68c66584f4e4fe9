"""Text as a terminal may show it: what came over the line can draw, move the cursor or forge lines otherwise."""

import unicodedata
from functools import lru_cache

# Control characters, marks that turn the direction of text, separators of lines and paragraphs, halves of pairs.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_LAYOUT = "\n\t"
_JOINERS = "\u200c\u200d"  # of which scripts and emoji are made


def printable(text: str) -> str:
    r"""Return a text with its control characters written out, such as `\x1b`; new lines and tabs stay."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def one_line(text: str) -> str:
    """Return a text that is shown on one line: the lines of it a blank apart, its control characters written out."""
    return printable(" ".join(text.splitlines()))


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    kept = character in _LAYOUT or character in _JOINERS
    if kept or unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
