"""Consumer groups: does anybody read, and do they keep up (pure)."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from cli.diagnosis.findings import Finding, error, ok, warning

CHECK = "consumer groups"
MUCH_LAG = 100_000
"""Records; some seconds of work at full speed, so that only what piles up is told."""


class FoundGroup(Struct, frozen=True):
    """A group: Kafka's word for its state, its members, and the records it has not finished."""

    state: str
    members: int
    lag: int


def check_groups(groups: Mapping[str, FoundGroup], start: Mapping[str, str]) -> Iterator[Finding]:
    """Judge the groups.

    Args:
        groups: service -> what Kafka says of its group.
        start: service -> the command that starts one.
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
        elif group.lag > MUCH_LAG:
            yield warning(
                CHECK,
                f"the {service}s are {group.lag:,} records behind",
                "see in 'millrace status' whether the lag falls; if not, start more of them",
            )
        else:
            yield ok(CHECK, f"{group.members} {service}(s), {group.lag:,} records behind")
