import json
import re
from datetime import UTC, datetime, timedelta

import altair as alt
import pytest
import vl_convert

from capture.plot.theme import config, prepare_notebook, time_axis

START = datetime(2026, 11, 18, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize("span", [timedelta(**{unit: number}) for unit, number in (
    ("seconds", 40), ("minutes", 3), ("minutes", 30), ("hours", 5), ("days", 1), ("days", 3), ("days", 5), ("days", 9),
    ("days", 40))])  # fmt: skip
def test_no_two_labels_of_time_are_the_same(span: timedelta) -> None:
    times = [round(at.timestamp() * 1000) for at in (START, START + span)]
    x = alt.X("at:T", axis=time_axis(span), scale=alt.Scale(type="utc", domain=times, nice=False))
    chart = alt.Chart(alt.NamedData("rows"), width=880).mark_point().encode(x)
    found = chart.properties(datasets={"rows": [{"at": times[0]}]}, config=config()).to_dict()
    svg = vl_convert.vegalite_to_svg(json.dumps(found))
    labels = re.findall(r">([^<>]*\d[^<>]*)</text>", svg)
    assert len(labels) >= 3
    assert len(labels) == len(set(labels))


def test_notebooks_show_pictures() -> None:
    with alt.renderers.enable(), alt.theme.enable("default"), alt.data_transformers.enable("default"):
        prepare_notebook(1)
        assert (alt.renderers.active, alt.theme.active) == ("png", "ticktape")
