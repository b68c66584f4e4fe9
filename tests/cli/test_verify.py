"""verify, recover and rebuild from the command line: findings, exit codes, and the commands they name."""

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.schemas import TRADES
from capture.tape import recording_lock, segments

Run = Callable[..., Any]


@pytest.fixture
def data(script: Any) -> Path:
    """A rolled lake of two ranges with a trade each."""
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    script.trade(5, 1.5).mark().trade(5, 2.5).mark()
    script.writer.close()
    layout = Layout(script.data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    return layout.root


def test_a_clean_lake(run: Run, data: Path) -> None:
    code, out, err = run("verify", "--data", data)
    assert (code, out) == (0, "clean\n")
    assert "2 ranges, 3 frames, 4 rows compared" in err
    assert "rows/s" in err
    found = json.loads(run("verify", "--data", data, "--json").out)
    assert found["clean"]
    (recorder,) = found["recorders"]
    assert (recorder["recorder"], recorder["rolled_mark"], recorder["rows"]) == ("main", 3, 4)
    assert recorder["tables"]["trades"]["rows"] == 2


def test_a_missing_file_is_found_and_the_named_command_brings_it_back(run: Run, data: Path) -> None:
    (path,) = Layout(data).live("trades").glob("date=2*/main.000000000002.parquet")
    path.unlink()
    code, out, _ = run("verify", "--data", data)
    assert code == 3
    assert out.startswith(f"file missing: {path}\n")
    found = json.loads(run("verify", "--data", data, "--json").out)
    command = shlex.split(found["findings"][0]["repair"])
    assert command[0] == "ticktape"
    assert run(*command[1:]).code == 0
    assert run("verify", "--data", data, "--recorder", "main").code == 0


def test_files_alone_are_read_without_a_tape_and_the_named_command_mends_them(run: Run, data: Path) -> None:
    assert run("verify", "--files", "--data", data)[:2] == (0, "clean\n")
    found = json.loads(run("verify", "--files", "--data", data, "--json").out)
    assert found["clean"]
    assert (found["read"]["rows"], found["read"]["without_checksums"]) == (4, 0)
    (path,) = Layout(data).live("trades").glob("date=2*/main.000000000002.parquet")
    chunk = pq.read_metadata(path).row_group(0).column(TRADES.schema.names.index("price"))
    spoiled = bytearray(path.read_bytes())
    spoiled[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(spoiled)
    (segment,) = segments(data / "tape" / "main")
    kept = segment.path.rename(data / "kept")  # no tape is needed to find it, but to mend it
    code, out, _ = run("verify", "--files", "--data", data)
    assert code == 3
    assert out.startswith(f"file unreadable: {path}\n")
    kept.rename(segment.path)
    (finding,) = json.loads(run("verify", "--files", "--data", data, "--json").out)["findings"]
    assert run(*shlex.split(finding["repair"])[1:]).code == 0
    assert run("verify", "--files", "--data", data).code == 0


def test_files_alone_are_no_part_of_a_tape(run: Run, data: Path) -> None:
    assert run("verify", "--files", "--from", 3, "--data", data).code == 2


def test_a_stray_file_is_moved_by_the_named_command(run: Run, data: Path) -> None:
    stray = Layout(data).live("trades") / "date=2026-01-01" / "x.parquet"
    stray.parent.mkdir()
    stray.write_text("")
    found = json.loads(run("verify", "--data", data, "--json").out)
    assert [one["repair"] for one in found["findings"]] == [f"mv {stray} {stray}.bad"]


def test_a_new_lake_verifies(run: Run, data: Path, tmp_path: Path) -> None:
    code, out, _ = run("rebuild", "--data", data, "--into", tmp_path / "new")
    assert code == 0
    assert f"ticktape verify --data {tmp_path / 'new'}" in out
    first, second = (json.loads(run("verify", "--data", folder, "--json").out) for folder in (data, tmp_path / "new"))
    assert first["recorders"][0]["tables"] == second["recorders"][0]["tables"]
    assert run("rebuild", "--data", data, "--into", tmp_path / "new").code == 1


def test_a_missing_date_of_sealing_is_refused_and_recovered(run: Run, data: Path) -> None:
    layout = Layout(data)
    sealer = Sealer(layout, settle_s=0, grace_s=-1e12, now_s=lambda: time.time() + 3 * 86_400)
    assert len(list(sealer.seal())) >= 1
    assert sealer.clear() > 0
    count = ("sql", "select count(*) as rows from trades", "--format", "csv", "--data", data)
    before = run(*count).out
    layout.sealed("trades").unlink()
    for command in (count, *((*words, "--data", data) for words in (["seal"], ["verify"], ["rebuild", "--replace"]))):
        code, _, err = run(*command)
        assert code == 1
        assert f"`ticktape recover --data {data}` restores it" in err
    code, out, err = run("recover", "--data", data)
    assert (code, out) == (0, "nothing is lost\n")
    assert f"restored {layout.sealed('trades')}: trades is sealed up to" in err
    assert run(*count).out == before
    assert run("verify", "--data", data).code == 0


def test_damage_is_told_repaired_and_rolled_on(run: Run, data: Path) -> None:
    assert run("recover", "--data", data).out == "nothing is lost\n"
    (segment,) = segments(data / "tape" / "main")
    spoiled = bytearray(segment.path.read_bytes())
    spoiled[spoiled.rindex(b"2.5")] ^= 1
    segment.path.write_bytes(spoiled)
    assert run("verify", "--data", data).code == 3
    code, out, err = run("recover", "--data", data)
    assert code == 3
    assert "1 records" in out
    assert "after mark 2: 1 frames are missing before the next mark" in out
    (loss,) = json.loads(run("recover", "--data", data, "--json").out)
    assert (loss["records"], loss["after_mark"], loss["frames_before_next_mark"]) == (1, 2, 1)
    assert loss["from"] < loss["to"]
    with recording_lock(data / "tape" / "main"):
        assert run("recover", "--data", data, "--repair").code == 1
    code, _, err = run("recover", "--data", data, "--repair")
    assert code == 3
    assert f"{segment.path.name}.bad" in err
    assert run("recover", "--data", data).code == 0
    code, out, _ = run("verify", "--data", data)
    assert code == 3, "the row that was rolled before is not on the tape any more"
    assert "file different" in out or "file unexplained" in out
    code, out, _ = run("rebuild", "--data", data, "--replace")
    assert code == 3
    assert "kept, as the tape is not whole there" in out


@pytest.mark.parametrize(("words", "told"), [
    (["verify", "--recorder", "nobody"], "holds no tape of 'nobody', but of: main"),
    (["verify", "--from", "yesterday"], "neither the number of a mark nor a date"),
    (["rebuild"], "say either --into"),
    (["rebuild", "--replace", "--into", "x"], "say either --into"),
    (["rebuild", "--into", "x", "--from", "3"], "go with --replace"),
])
def test_wrong_usage(run: Run, data: Path, words: list[str], told: str) -> None:
    code, _, err = run(*words, "--data", data)
    assert code == 2
    assert told in err


@pytest.mark.parametrize("verb", [["verify"], ["recover"], ["rebuild", "--replace"]])
def test_without_a_lake_nothing_can_be_told(run: Run, tmp_path: Path, verb: list[str]) -> None:
    code, _, err = run(*verb, "--data", tmp_path / "none")
    assert code == 1
    assert "no lake at" in err
