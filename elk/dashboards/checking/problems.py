"""All checks of saved objects that need no server."""

from collections.abc import Sequence

from elk.dashboards.checking.envelopes import envelope_problems
from elk.dashboards.checking.grid import grid_problems
from elk.dashboards.checking.lens_rules import lens_problems
from elk.dashboards.checking.reading import ReadObject, read
from elk.dashboards.checking.references import reference_problems

_CHECKS = (envelope_problems, reference_problems, grid_problems, lens_problems)


def problems(ndjson: bytes) -> list[str]:
    """A sentence for everything that Kibana would refuse, or show as an error or not at all."""
    objects, found = read(ndjson)
    return [*found, *_of(objects)]


def _of(objects: Sequence[ReadObject]) -> list[str]:
    found: list[str] = []
    for check in _CHECKS:
        try:
            found += check(objects)
        except (AttributeError, KeyError, TypeError) as error:
            found.append(f"the objects are not built as Kibana's: {error!r}")
    return found
