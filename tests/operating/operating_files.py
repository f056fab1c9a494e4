"""The alert rules and the dashboard as they are delivered, and the metrics they speak of."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

_PROJECT = Path(__file__).parents[2]
RUNBOOK = _PROJECT / "docs/operating.md"
_METRIC = re.compile(r"\b(?:millrace|process)_[a-z_]+")


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    [group] = yaml.safe_load((_PROJECT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def metrics() -> set[str]:
    """Every metric named in a rule or a panel."""
    panels = json.loads((_PROJECT / "deploy/grafana/millrace.json").read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    expressions += [rule["expr"] for rule in rules()]
    return {name for expression in expressions for name in _METRIC.findall(expression)}
