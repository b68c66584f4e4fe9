"""What the pages that follow from the code have in common."""

from collections.abc import Iterable, Sequence


def page(title: str, sources: Sequence[str], *parts: str) -> str:
    """Return a page of a title and its parts, which says what it was written from: files and folders to change."""
    written = f"<!-- Written by `make docs` from {', '.join(sources)}; change it there. -->"
    return "\n\n".join([f"# {title}", written, *parts]) + "\n"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    cells = [[cell.replace("|", r"\|") for cell in line] for line in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
