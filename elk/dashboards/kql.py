"""The little of Kibana's query language (KQL) that filters of panels need, both ways."""

import re
from collections.abc import Sequence

from elk.dashboards.panels import Filter

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_CLAUSE = re.compile(
    rf"(?P<other>not )?(?P<field>[\w@.]+) : (?P<what>\*|\({_QUOTED}(?: or {_QUOTED})*\))"
)


def kql(filters: Sequence[Filter]) -> str:
    """Filters that must all hold; none: the empty query, which everything answers."""
    return " and ".join(_clause(one) for one in filters)


def read_kql(text: str) -> tuple[Filter, ...]:
    """The filters of a query that `kql` has written.

    Raises:
        ValueError: it is something else.
    """
    filters: list[Filter] = []
    rest = text
    while rest:
        found = _CLAUSE.match(rest)
        if not found:
            raise ValueError(f"'{rest}' is no clause that dashboards write")
        values = () if found["what"] == "*" else tuple(re.findall(_QUOTED, found["what"]))
        filters.append(Filter(found["field"], tuple(map(_plain, values)), bool(found["other"])))
        rest = rest[found.end() :]
        if rest:
            if not rest.startswith(" and ") or rest == " and ":
                raise ValueError(f"'{rest}' does not go on with 'and'")
            rest = rest.removeprefix(" and ")
    return tuple(filters)


def _clause(one: Filter) -> str:
    values = "*" if not one.values else f"({' or '.join(map(_quoted, one.values))})"
    return f"{'not ' if one.other else ''}{one.field} : {values}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)
