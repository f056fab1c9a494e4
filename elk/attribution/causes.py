"""What a change of the mean confidence came with, and which of it decides (pure)."""

from msgspec import Struct

from elk.attribution.beside import Published, Told, Worth
from elk.attribution.changes import Change
from elk.attribution.groups import ANSWER, Part
from elk.attribution.jumps import Jump
from elk.attribution.takeovers import Takeover
from elk.attribution.unchanged import Unchanged

_NOT_MUCH_LESS = 0.5
_LEAST_SHARE, _LEAST = 0.05, 0.005
_MOST_VERSIONS = 3


class Causes(Struct, frozen=True, kw_only=True):
    """What happened between the two periods of a change.

    Args:
        jumps: at each version that took over between the beginning and the end.
        unchanged: which version answered the events of both times, and how; None: none did, or a
            version was chosen.
        published: of the versions that took over.
        unlikely: shares of answers that were the less likely of two classes, before and now.
        parts: of the signals, the one that explains most of the change first.
        ratios: signal -> times its limit, in the worst window of the later period.
    """

    change: Change
    jumps: tuple[Jump, ...]
    unchanged: Unchanged | None
    published: tuple[Published, ...]
    unlikely: tuple[float, float] | None
    parts: tuple[Part, ...]
    ratios: dict[str, float]
    alerts: tuple[Told, ...]
    worth: tuple[Worth, ...]

    @property
    def of_versions(self) -> float | None:
        """Which share of the change came with other versions: by the steps where they took over,
        and by a version that answered both times; the lesser of the two is sure. None: it cannot
        be told."""
        if not self.jumps:
            return 0.0
        steps = [jump.part for jump in self.jumps if jump.part is not None]
        shares = []
        if len(steps) == len(self.jumps):
            shares.append(sum(steps) / self.change.size)
        if self.unchanged is not None:
            of_events = self.unchanged.now - self.unchanged.before
            shares.append(1 - of_events / self.change.size)
        return min(shares, default=None)

    @property
    def steepest(self) -> list[Takeover]:
        """Those whose steps make most of the change, or not much less; in their order."""
        shares = [(jump.part or 0.0) / self.change.size for jump in self.jumps]
        least = max(shares, default=0.0) * _NOT_MUCH_LESS
        found = zip(self.jumps, shares, strict=True)
        return [jump.takeover for jump, share in found if share >= least][:_MOST_VERSIONS]

    @property
    def answer(self) -> Part | None:
        """That of the answers themselves."""
        return next((one for one in self.parts if one.signal == ANSWER), None)

    @property
    def features(self) -> list[Part]:
        """Those of the features."""
        return [one for one in self.parts if one.signal != ANSWER]

    def explains(self, part: Part) -> bool:
        """Whether a signal makes so much of the change that it is worth telling."""
        return abs(part.part) >= _LEAST and part.part / self.change.size >= _LEAST_SHARE
