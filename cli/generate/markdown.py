"""What the pages that follow from the code have in common."""

from collections.abc import Iterable, Sequence

WRITTEN = "<!-- Written by `make docs` from the code; change it there. -->"


def page(title: str, *parts: str) -> str:
    """Return a page of a title and its parts."""
    return "\n\n".join([f"# {title}", WRITTEN, *parts]) + "\n"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    cells = [[cell.replace("|", r"\|") for cell in line] for line in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
