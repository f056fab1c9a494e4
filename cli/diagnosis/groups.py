"""Consumer groups: does anybody read, and do they keep up (pure)."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from cli.diagnosis.findings import Finding, error, ok, warning

CHECK = "consumer groups"
MUCH_LAG = 100_000
"""Records; some seconds of work at full speed, so that only what piles up is told."""


class FoundGroup(Struct, frozen=True):
    """A group: Kafka's word for its state, its members, the records it has not finished, and those
    it has (of those that are kept)."""

    state: str
    members: int
    lag: int
    finished: int = 0


def standing_still(
    before: Mapping[str, FoundGroup], after: Mapping[str, FoundGroup]
) -> frozenset[str]:
    """Services that had records to finish at both looks, and finished none between them."""
    return frozenset(
        service
        for service, group in after.items()
        if group.lag and before[service].lag and group.finished <= before[service].finished
    )


def check_groups(
    groups: Mapping[str, FoundGroup], start: Mapping[str, str], still: frozenset[str]
) -> Iterator[Finding]:
    """Judge the groups.

    Args:
        groups: service -> what Kafka says of its group.
        start: service -> the command that starts one.
        still: services whose groups finished nothing for some seconds.
    """
    for service, group in groups.items():
        if not group.members:
            what = f"no {service} runs; {group.lag:,} records wait"
            found = error if group.lag else warning
            yield found(CHECK, what, f"start one: '{start[service]}'")
        elif "rebalanc" in group.state.lower():
            yield warning(
                CHECK,
                f"the group of the {service}s is rebalancing",
                "ask again in a minute; if it goes on, a member is being restarted over and over",
            )
        elif service in still:
            yield error(
                CHECK,
                f"{group.lag:,} records wait, and the {service}s finish none",
                f"mend what is named above first; else see the logs of the {service}s, and restart "
                "one whose /health/live is not 200",
            )
        elif group.lag > MUCH_LAG:
            yield warning(
                CHECK,
                f"the {service}s are {group.lag:,} records behind",
                "see in 'millrace status' whether the lag falls; if not, start more of them",
            )
        else:
            yield ok(CHECK, f"{group.members} {service}(s), {group.lag:,} records behind")
