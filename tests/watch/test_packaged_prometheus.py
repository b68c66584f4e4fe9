"""What is packaged for Prometheus, Alertmanager and Grafana: it is valid, does what it says, and names our metrics."""

import json
import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from capture.trouble_kinds import KINDS
from capture.watch.metrics import METRICS
from tests.debian import program

ROOT = Path(__file__).parents[2]
PROMETHEUS, DASHBOARD = ROOT / "packaging" / "prometheus", ROOT / "packaging" / "grafana" / "ticktape.json"
LABELS = {metric.full_name: {"job", "instance", *metric.labels} for metric in METRICS}
dashboard = import_module("capture.cli.generate.dashboard")  # type checkers see only the package


def ran(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def named(text: str) -> set[str]:
    return set(re.findall(r"\bticktape_\w+", text))


@pytest.mark.parametrize("command", [
    ("promtool", "check", "rules", "--lint-fatal", "rules.yml"), ("promtool", "test", "rules", "rules.test.yml"),
    ("promtool", "check", "config", "prometheus.yml"), ("amtool", "check-config", "alertmanager.yml"),
], ids=" ".join)  # fmt: skip
def test_it_is_valid_and_rules_do_what_their_tests_say(command: tuple[str, ...]) -> None:
    *arguments, file = command[1:]
    ran(program(command[0]), *arguments, PROMETHEUS / file)


def test_every_rule_is_tested() -> None:
    rules = set(re.findall(r"- alert: (\w+)", (PROMETHEUS / "rules.yml").read_text()))
    tested = set(re.findall(r"alertname: (\w+)", (PROMETHEUS / "rules.test.yml").read_text()))
    assert rules - tested == {"TicktapeWarning"}  # which is TicktapeAlarm with another severity


def test_rules_and_dashboard_name_only_metrics_that_are_exposed_and_their_labels() -> None:
    texts = [(PROMETHEUS / "rules.yml").read_text(), *expressions()]
    assert named("".join(texts)) <= LABELS.keys()
    for text in texts:
        for name, matchers in re.findall(r"(ticktape_\w+)\{([^}]*)\}", text):
            assert set(re.findall(r"(\w+)=", matchers)) <= LABELS[name]


def test_rules_know_no_time_of_day() -> None:
    assert not re.search(r"\b(hour|day_of_week|minute|month)\(", (PROMETHEUS / "rules.yml").read_text())


def test_the_dashboard_is_what_its_table_says() -> None:
    assert DASHBOARD.read_text() == dashboard.dashboard(), "run `make docs`"


def test_every_expression_of_the_dashboard_parses(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expr.replace("$instance", ".*")}
             for number, expr in enumerate(expressions())]
    assert rules
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    ran(program("promtool"), "check", "rules", tmp_path / "panels.yml")


def test_panels_do_not_overlap_and_each_has_what_it_shows() -> None:
    seen: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place: dict[str, Any] = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & seen, panel["title"]
        assert max(x for x, _ in cells) < 24
        seen |= cells
        assert panel["type"] == "row" or all(target["expr"] for target in panel["targets"])


def test_every_kind_of_trouble_that_a_rule_names_is_one() -> None:
    kinds = re.findall(r'kind="([^"]+)"', "".join(path.read_text() for path in PROMETHEUS.glob("*.yml")))
    assert set(kinds) <= KINDS.keys()
