"""Training and publishing as one step, for pipelines that nobody watches."""

from msgspec import Struct
from rich.console import Console

from contracts.control_topic import read_control
from contracts.errors import UsageError
from contracts.keys import load_private_key
from contracts.settings import Settings
from trainer.deployments.deploying import deploy
from trainer.gate.checks import GateError, GateReport
from trainer.recipes import Recipe, check_recipe
from trainer.training import TrainedVersion, train

NOT_PUBLISHED = GateError.exit_status
"""Exit status where everything worked and the champion stays."""


class Release(Struct, frozen=True, kw_only=True):
    """What became of a version that was trained to be published.

    Args:
        champion: the version that serves now.
        sequence: of the deployment in force; None: there is none.
        reason: why it was published, or why not.
        gate: what the gate saw; None: it was not asked, since nothing would change.
    """

    published: bool
    champion: str | None
    sequence: int | None
    reason: str
    gate: GateReport | None


def train_and_publish(
    recipe: Recipe, settings: Settings, console: Console | None = None, *, if_better: bool = False
) -> tuple[TrainedVersion, Release]:
    """Train a version and make it the champion if the gate passes it. A version that is refused
    stays in the store as a candidate.

    Args:
        if_better: it must be better than the champion on the same rows, by the telling figure
            (AUC, accuracy or R²). The first version of a model has nobody to beat.

    Raises:
        As `train` and `deploy`, but for what the gate refuses.
    """
    check_recipe(recipe)
    load_private_key(settings.keys, "deployments")  # before the work, not after it
    read_control(settings)
    trained = train(recipe, settings, console)
    return trained, _publish(settings, trained, if_better)


def require_publish(publish: bool, if_better: bool) -> None:
    """Refuse `--if-better` alone.

    Raises:
        UsageError: nothing is to be published.
    """
    if if_better and not publish:
        raise UsageError("--if-better says when to publish: give it with --publish")


def _publish(settings: Settings, trained: TrainedVersion, if_better: bool) -> Release:
    try:
        done = deploy(
            settings, trained.model, trained.version, "trained and published", better=if_better
        )
    except GateError as error:
        before = read_control(settings).log.newest(trained.model)
        return Release(
            published=False,
            champion=before.champion.version if before else None,
            sequence=before.sequence if before else None,
            reason=error.report.failures,
            gate=error.report,
        )
    return Release(
        published=done.changed,
        champion=done.deployment.champion.version,
        sequence=done.deployment.sequence,
        reason="the gate passed it" if done.changed else "the same bytes serve already",
        gate=done.gate,
    )
