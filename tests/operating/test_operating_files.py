"""Each alert and each metric is explained to whoever is called because of it."""

import re

from operating.operating_files import RUNBOOK, metrics, rules


def test_every_alert_says_what_it_is_and_has_its_page() -> None:
    text = RUNBOOK.read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert f"### {rule['alert']}\n" in text
    assert set(re.findall(r"^### (Millrace\w+)$", text, re.M)) == {r["alert"] for r in rules()}


def test_every_metric_is_explained() -> None:
    text = RUNBOOK.read_text()
    for name in metrics():
        assert re.sub("_(bucket|sum|count)$", "", name) in text
