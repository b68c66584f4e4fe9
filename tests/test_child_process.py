"""What the processes beside a recorder say, for people and for programs."""

import json
import logging

import pytest

from capture.child_process import begin, fail


@pytest.mark.parametrize("form", ["", "text", "json"])
def test_a_process_says_its_warnings_and_its_end_as_it_was_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    monkeypatch.setenv("TICKTAPE_LOG_FORMAT", form)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("os.nice", lambda _: None)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        begin("sealer")
        logging.getLogger("ticktape.sealer").warning("a\nb")
        with pytest.raises(SystemExit) as end:
            fail("sealer", "no room")
    finally:
        root.handlers[:], root.level = handlers, level
    out, err = capsys.readouterr()
    if form != "json":
        assert (out, err, end.value.code) == ("", "ticktape sealer: a b\n", "ticktape sealer: no room")
        return
    said = [json.loads(line) for line in out.splitlines()]
    assert [(one["level"], one["process"], one["message"]) for one in said] == [
        ("warning", "ticktape sealer", "a\nb"), ("error", "ticktape sealer", "no room")]
    assert (err, end.value.code) == ("", 1)
