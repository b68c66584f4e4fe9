"""A simulated disk: what a power cut may leave of what was done to files below a folder.

`tests/power/watch.py` stands between the product and the system and tells what is done, operation by operation. The
disk promises what POSIX does, which is less than most file systems give:

- What was written to a file and not synced since is there, gone, or there in part: each sector as it was at any moment
  since, zeros or rubbish where it is new, and the file as long as it was at any of these moments.
- A new name, a renaming, a removal is there or gone until the folder it stands in was synced, each by itself, whatever
  came before or after. Syncing a file does not sync its name, and syncing a folder does not sync its own name.
- A sync that fails loses what it was to bring to disk: the next one succeeds and brings only what was written since, as
  Linux does.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTOR_BYTES = 512
ROOT = 0
RUBBISH = b"\xf5\xfa\0\0\0\0\x01" * SECTOR_BYTES  # what a sector may hold that was never written: it looks like records

Change = dict[str, int | None]  # name -> inode, None where the name goes
Tree = dict[str, bytes | None]  # path below the root -> content, None for a folder


@dataclass(slots=True)
class File:
    """What may be there of a file: its content now, the contents that each unsafe sector had, and the sizes."""

    content: bytes = b""
    sectors: dict[int, list[bytes]] = field(default_factory=dict)  # the first is the safe one, empty if there is none
    sizes: list[int] = field(default_factory=lambda: [0])
    dirty: set[int] = field(default_factory=set)

    def write(self, content: bytes, first: int, last: int) -> None:
        """Take what the file holds after bytes from `first` to before `last` were written, or cut off."""
        for at in range(first // SECTOR_BYTES, -(-last // SECTOR_BYTES)):
            before, now = _sector(self.content, at), _sector(content, at)
            known = self.sectors.setdefault(at, [before])
            if known[-1] != now:
                known.append(now)
            self.dirty.add(at)
        if len(content) != self.sizes[-1]:
            self.sizes.append(len(content))
        self.content = content

    def sync(self) -> None:
        """Make safe what was written since the last sync."""
        for at in self.dirty:
            del self.sectors[at]
        self.dirty.clear()
        self.sizes = [len(self.content)]

    def lose(self) -> None:
        """Take a failed sync: what it was to bring to disk never gets there, unless it is written again."""
        self.dirty.clear()

    @property
    def is_safe(self) -> bool:
        """Whether a power cut leaves it as it is."""
        return not self.sectors and len(self.sizes) == 1

    def after_a_cut(self, random: Random) -> bytes:
        """Return what may be left: all, what is safe, a beginning, or a mixture of sectors."""
        how = random.randrange(6)
        if how == 0 or self.is_safe:
            return self.content
        if how == 1:
            return self.safe()
        if how == 2:
            beyond = random.choice((0, 1, 40, SECTOR_BYTES))
            return self._made_of(min(random.choice(self.sizes) + beyond, len(self.content)), lambda known: known[-1])
        return self._made_of(random.choice(self.sizes), lambda known: random.choice(
            known if known[0] or how > 3 else [*known, RUBBISH]))

    def safe(self) -> bytes:
        """Return what no power cut can take."""
        return self._made_of(min(self.sizes), lambda known: known[0])

    def _made_of(self, size: int, choose: Callable[[list[bytes]], bytes]) -> bytes:
        parts = [choose(self.sectors[at]) if at in self.sectors else _sector(self.content, at)
                 for at in range(-(-size // SECTOR_BYTES))]
        return b"".join(part[:SECTOR_BYTES].ljust(SECTOR_BYTES, b"\0") for part in parts)[:size]


@dataclass(slots=True)
class Folder:
    """What names may be in a folder: those that are safe, and what was changed since, in order."""

    names: dict[str, int] = field(default_factory=dict)
    changes: list[tuple[int, Change]] = field(default_factory=list)  # with the moment

    def now(self) -> dict[str, int]:
        """Return the names that processes see."""
        return self._with(change for _, change in self.changes)

    def sync(self) -> None:
        """Make all names safe."""
        self.names, self.changes = self.now(), []

    def after_a_cut(self, survives: Callable[[int], bool]) -> dict[str, int]:
        """Return the names that are left where only the changes of some moments survive."""
        return self._with(change for when, change in self.changes if survives(when))

    def _with(self, changes: Iterable[Change]) -> dict[str, int]:
        names: Change = dict(self.names)
        for change in changes:
            names |= change
        return {name: inode for name, inode in names.items() if inode is not None}


class Disk:
    """The files and folders below a root, at one moment; `tree` is what it begins with, all of it safe."""

    def __init__(self, tree: Tree | None = None) -> None:
        self.files: dict[int, File] = {}
        self.folders: dict[int, Folder] = {ROOT: Folder()}
        self.moment = 0  # operations so far
        self._next = ROOT + 1
        for path, content in sorted((tree or {}).items()):
            self.make(path, content)
        for inode in (*self.files, *self.folders):
            self.sync(inode)

    # Names

    def find(self, path: str) -> int | None:
        """Return the inode of a path below the root, None where there is none."""
        inode: int | None = ROOT
        for name in Path(path).parts:
            folder = self.folders.get(inode) if inode is not None else None
            inode = folder.now().get(name) if folder else None
        return inode

    def make(self, path: str, content: bytes | None = b"") -> int:
        """Make a file, or a folder where the content is None; return its inode."""
        inode, self._next = self._next, self._next + 1
        if content is None:
            self.folders[inode] = Folder()
        else:
            self.files[inode] = File()
            self.files[inode].write(content, 0, len(content))
        self.change(path, inode)
        return inode

    def change(self, path: str, inode: int | None, gone: str | None = None) -> None:
        """Give an inode a name, or take the name away where it is None, and a name beside it, at once."""
        place = Path(path)
        folder = self.find(str(place.parent))
        assert folder is not None, f"{place.parent} is not there"
        change: Change = {place.name: inode}
        if gone is not None:
            assert Path(gone).parent == place.parent, "names move within their folder"
            change = {Path(gone).name: None, **change}
        self.moment += 1
        self.folders[folder].changes.append((self.moment, change))

    # Content

    def write(self, inode: int, content: bytes, first: int, last: int) -> None:
        """Take what a file holds after a write."""
        self.moment += 1
        self.files[inode].write(content, first, last)

    def sync(self, inode: int) -> None:
        """Sync a file, or a folder's list of names."""
        self.moment += 1
        if inode in self.files:
            self.files[inode].sync()
        else:
            self.folders[inode].sync()

    def lose(self, inode: int) -> None:
        """Let the sync of a file fail; a folder's changes stay as unsafe as they are."""
        self.moment += 1
        if inode in self.files:
            self.files[inode].lose()

    # What is there

    def tree(self) -> Tree:
        """Return what processes see."""
        return self._tree(Folder.now, lambda file: file.content)

    def after_a_cut(self, random: Random) -> Tree:
        """Return what may be there after a power cut at this moment."""
        survives = self._survivors(random)
        return self._tree(lambda folder: folder.after_a_cut(survives), lambda file: file.after_a_cut(random))

    def safe(self) -> Tree:
        """Return what no power cut can take."""
        return self._tree(lambda folder: folder.names, File.safe)

    def _survivors(self, random: Random) -> Callable[[int], bool]:
        """Choose which changes of names survive: none, all, those before a moment, or each by chance."""
        how = random.randrange(5)
        if how < 2:
            return lambda _: how == 0
        if how == 2:
            moments = sorted(when for folder in self.folders.values() for when, _ in folder.changes)
            last = random.choice([0, *moments])
            return lambda when: when <= last
        return lambda _: random.random() < 0.5

    def _tree(self, names: Callable[[Folder], dict[str, int]], content: Callable[[File], bytes]) -> Tree:
        found: Tree = {}
        waiting = [("", ROOT)]
        while waiting:
            path, inode = waiting.pop()
            for name, child in names(self.folders[inode]).items():
                place = f"{path}/{name}" if path else name
                if child in self.folders:
                    found[place] = None
                    waiting.append((place, child))
                else:
                    found[place] = content(self.files[child])
        return found


def _sector(content: bytes, at: int) -> bytes:
    return content[at * SECTOR_BYTES : (at + 1) * SECTOR_BYTES]


def write_tree(tree: Tree, root: Path) -> None:
    """Make the files and folders of a tree below a folder that is there."""
    for path, content in sorted(tree.items()):
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)


def read_tree(root: Path) -> Tree:
    """Return all files and folders below a folder."""
    return {str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in root.rglob("*")}
