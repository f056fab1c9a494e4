"""Figures and times as people read them; times are UTC."""

from datetime import datetime

from elk.dashboards.answers import Cell

NOTHING = "–"
_MOST_CHARACTERS = 2000


def figure(value: Cell, decimals: int) -> str:
    """A figure of a metric."""
    if isinstance(value, float):
        return f"{value:,.{decimals}f}"
    return known(value)


def known(value: object) -> str:
    """What stands in a document: numbers that are ids as they are, long texts cut."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return moment(value)
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " …"


def moment(value: datetime | str) -> str:
    """A time to the second; as it stands where it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return f"{found:%Y-%m-%d %H:%M:%S}"
