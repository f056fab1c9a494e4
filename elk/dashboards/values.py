"""What people read instead of some values of the log."""

from collections.abc import Mapping

NAMES: Mapping[str, Mapping[str, str]] = {
    "outcome.correct": {"true": "right", "false": "wrong"},
    "verdict.state": {
        "ok": "within its limit",
        "over": "over its limit",
        "too_few": "too few rows",
        "unknown": "nothing to compare with",
    },
}
"""By field, and by value as Elasticsearch writes it."""


def named(field: str, value: str) -> str:
    """What a value is called."""
    return NAMES.get(field, {}).get(value, value)
