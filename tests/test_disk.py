"""The simulated disk itself: what it may take at a power cut, and what it may not."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.disk import RUBBISH, SECTOR_BYTES, Disk, Tree, write_tree
from tests.power.watch import Killed, Watch

TIMES = 200


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with Watch(tmp_path, Disk()).watching() as made:
        yield made


def left(disk: Disk) -> list[Tree]:
    """Return what power cuts at this moment leave."""
    return [disk.after_a_cut(Random(seed)) for seed in range(TIMES)]


def append(path: Path, data: bytes, *, sync: bool = False) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, data)
    if sync:
        os.fsync(descriptor)
    os.close(descriptor)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def test_names_and_contents_may_go_each_by_itself_until_they_are_synced(watch: Watch) -> None:
    append(watch.root / "file", b"x")
    contents = {tree.get("file", b"no file") for tree in left(watch.disk)}
    assert contents == {b"no file", b"", b"x", b"\0", RUBBISH[:1]}
    sync(watch.root / "file")
    assert {tuple(tree.items()) for tree in left(watch.disk)} == {(), (("file", b"x"),)}
    sync(watch.root)
    assert left(watch.disk) == [{"file": b"x"}] * TIMES == [watch.disk.safe()] * TIMES


def test_a_folder_goes_with_all_that_is_in_it_until_its_own_name_is_synced(watch: Watch) -> None:
    (watch.root / "folder").mkdir()
    append(watch.root / "folder" / "file", b"x", sync=True)
    sync(watch.root / "folder")
    assert watch.disk.safe() == {}
    assert {len(tree) for tree in left(watch.disk)} == {0, 2}
    sync(watch.root)
    assert left(watch.disk) == [{"folder": None, "folder/file": b"x"}] * TIMES


def test_a_renaming_is_there_or_not_and_never_half(watch: Watch) -> None:
    append(watch.root / "old", b"x", sync=True)
    sync(watch.root)
    (watch.root / "old").rename(watch.root / "new")
    assert {tuple(tree) for tree in left(watch.disk)} == {("old",), ("new",)}


def test_names_are_not_kept_in_order(watch: Watch) -> None:
    for name in ("first", "second"):
        append(watch.root / name, b"x", sync=True)
    assert {tuple(sorted(tree)) for tree in left(watch.disk)} == {(), ("first",), ("second",), ("first", "second")}


def test_what_was_synced_stays_and_what_follows_may_tear(watch: Watch) -> None:
    path, safe = watch.root / "file", b"a" * 700
    append(path, safe, sync=True)
    sync(watch.root)
    for letter in (b"b", b"c"):
        append(path, letter * 700)
    contents = {tree["file"] for tree in left(watch.disk)}
    assert all(content and content.startswith(safe) for content in contents)
    sizes = {len(content or b"") for content in contents}
    assert {700, 1_400, 2_100} < sizes, "ends between, too"
    third = b"b" * 376 + b"c" * 136
    assert any(content and third not in content and content.endswith(b"c") for content in contents), "not in order"


def test_a_failed_sync_loses_what_it_was_to_bring(watch: Watch) -> None:
    append(watch.root / "file", b"x" * SECTOR_BYTES)
    other = os.open(watch.root / "file", os.O_RDONLY)

    def fail(call: str, path: str) -> None:
        if call == "fsync":
            raise OSError(errno.EIO, path)

    watch.fault = fail
    with pytest.raises(OSError, match="file"):
        sync(watch.root / "file")
    watch.fault = None
    with pytest.raises(OSError, match="earlier"):
        os.fsync(other)
    os.fsync(other)  # succeeds, and brings nothing
    os.close(other)
    append(watch.root / "file", b"y", sync=True)
    sync(watch.root)
    contents = {tree["file"] for tree in left(watch.disk)}
    assert all(content and content[SECTOR_BYTES:] == b"y" for content in contents)
    assert {content[0] for content in contents if content} == {ord("x"), 0, RUBBISH[0]}


def test_nothing_is_done_by_what_was_killed(watch: Watch) -> None:
    watch.process, watch.killed = "one", True
    with pytest.raises(Killed):
        append(watch.root / "file", b"x")
    watch.end("one")
    append(watch.root / "file", b"x")
    assert watch.disk.tree() == {"file": b"x"}


def test_a_change_that_was_not_told_is_found(tmp_path: Path) -> None:
    watch = Watch(tmp_path, Disk())
    (tmp_path / "folder").mkdir()
    with pytest.raises(AssertionError, match="not told"), watch.watching():
        pass


def test_a_disk_begins_with_what_was_left(tmp_path: Path) -> None:
    tree: Tree = {"folder": None, "folder/file": b"x"}
    write_tree(tree, tmp_path)
    with Watch(tmp_path, Disk(tree)).watching() as watch:
        append(tmp_path / "folder" / "file", b"y")
    assert watch.disk.tree() == {"folder": None, "folder/file": b"xy"}
    assert watch.disk.safe() == tree
