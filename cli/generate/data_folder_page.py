"""The page of a data folder: each file, who writes and reads it, and what its loss costs."""

from capture.data_folder import FILES, FOLDERS, Entry, Loss

from .markdown import markdown, page

_PLACES = {"": "In the data folder itself", **{folder: f"`{folder}/`" for folder in FOLDERS}}


def data_folder_page() -> str:
    """Return the files and folders of a data folder."""
    return page(
        "The data folder",
        ("capture/data_folder.py", "cli/generate/data_folder_page.py"),
        "Every file that ticktape makes in a data folder, as `capture/data_folder.py` lists them. The tape is what all "
        "else is made from: bytes that are not on it are nowhere. So a copy of `tape/` is a backup of everything that "
        "was not pruned from it; of what was, `archive/` and `sealed/` have to be kept as well. A file is "
        "visible whole or not at all. None is written in place but the newest segment of a tape and its `lock`.",
        "What stands in <> varies: `<mark>` is a number of at least twelve digits, of a mark on the tape; `<bad>` is "
        "`.bad`, with a number where that name was taken. Modules are those below `capture/`; "
        "of files of rows the chief readers alone are named.",
        "## What a loss costs",
        markdown(("lost is", "with"), [(loss.value, _names(loss)) for loss in Loss]),
        "What is damaged is as good as lost, but is not taken for missing: what reads it says which file it is and "
        "what mends it. `ticktape verify` finds both.",
        "## Folders",
        markdown(("folder", "holds"), [(f"`{folder}/`", holds) for folder, holds in FOLDERS.items()]),
        *[f"## {title}\n\n{markdown(_COLUMNS, map(_row, entries))}"
          for place, title in _PLACES.items() if (entries := [one for one in FILES if _place(one) == place])])


_COLUMNS = ("file", "holds", "written by", "chiefly read by", "its loss costs", "brought back by")


def _place(entry: Entry) -> str:
    return entry.path.rpartition("/")[0]


def _row(entry: Entry) -> tuple[str, ...]:
    return (f"`{entry.path.rpartition('/')[2]}`", entry.holds, _modules(entry.writers), _modules(entry.readers),
            entry.costs, entry.back)


def _modules(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nobody"


def _names(loss: Loss) -> str:
    return ", ".join(f"`{entry.path}`" for entry in FILES if entry.loss is loss)
