"""What axe says of a page: no finding that is serious."""

from playwright.sync_api import Page


def accessible(page: Page, axe_script: str) -> None:
    """Fail where axe finds something serious in a page as it stands."""
    page.evaluate(f"() => {{ {axe_script} }}")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"] or found["violations"]
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious] == []
