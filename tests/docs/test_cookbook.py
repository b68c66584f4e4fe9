"""The queries of docs/cookbook.md answer what stands below them."""

from pathlib import Path

import pytest

from . import cookbook


@pytest.mark.slow
def test_every_answer_is_the_one_that_is_printed(tmp_path: Path) -> None:
    page = cookbook.PAGE.read_text("utf-8")
    with cookbook.recorded(tmp_path) as lake:
        assert cookbook.answered(page, lake) == page, "run `make docs`"
    assert len(cookbook.BLOCK.findall(page)) >= 25
