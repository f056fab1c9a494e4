"""Carrying a retraining on from wherever it stands to its end: train, gate, deploy.

It may be killed at any point, and two may do it at once. What is written decides: the first
candidate of a retraining in log order is its candidate, and a deployment replaces only the one
that was looked at, so that the sequence number lets one of several win.
"""

from collections.abc import Sequence
from contextlib import closing

from contracts.control_topic import ControlState, read_control
from contracts.deployments import Deployment
from contracts.errors import (
    ConfigurationError,
    DeploymentError,
    MillraceError,
    PackageError,
    SignatureError,
    UsageError,
)
from contracts.following import FollowedTopic
from contracts.manifests import verified_manifest
from contracts.packages import Manifest
from contracts.release_rules import RetrainRule
from contracts.settings import Settings
from contracts.topics import Topics
from prediction_log.client import opened
from prediction_log.event_times import served_events
from trainer.announcing import announce_deployed
from trainer.deployments.answer import Answer
from trainer.deployments.archiving import archive
from trainer.deployments.control_writer import sealed
from trainer.deployments.deploying import deploy, start_canary
from trainer.gate.checks import GateError
from trainer.recipes import Recipe
from trainer.retraining.recipe import again
from trainer.retraining.telling import tell_ended, tell_retrained
from trainer.retraining.trail import Candidate, Retraining, Trail

_MOST_WORDS = 500
_MOST_LOST = 3


def carry_on(settings: Settings, retraining: str) -> Retraining | None:
    """Go on with a retraining until it is over.

    Returns:
        It, as it ended; None: nobody knows it.

    Raises:
        UnreachableError, DeliveryError, AccessError: a server; to be tried again.
        ConfigurationError: a key is missing.
        DeploymentError: others deploy all the time, or nobody accepts our key.
    """
    trail, lost = Trail(), 0
    with closing(FollowedTopic(settings, Topics(settings).model_events.name)) as topic:
        while True:
            trail.take(topic.new_values())
            known = trail.get(retraining)
            if known is None or known.ended is not None:
                return known
            try:
                _step(settings, known, trail)
            except DeploymentError:  # another has deployed: what was read no longer holds
                lost += 1
                if lost > _MOST_LOST:
                    raise


def _step(settings: Settings, retraining: Retraining, trail: Trail) -> None:
    """One step, after which what it has written is read again."""
    state = read_control(settings)
    history = state.log.history.get(retraining.model, [])
    made = made_by(retraining, history)
    if made is not None:
        _finish(settings, retraining, trail, state, made)
        return
    obstacle = _obstacle(retraining, history)
    if obstacle is not None:
        tell_ended(settings, retraining, obstacle)
        return
    try:
        champion = verified_manifest(settings, retraining.model, history[-1].champion.digest)
        if retraining.candidate is None:
            _train(settings, retraining, champion)
        else:
            _publish(settings, retraining, retraining.candidate, champion, history[-1])
    except GateError as error:
        refused = f"the gate refuses version {error.report.version}: {error.report.failures}"
        tell_ended(settings, retraining, refused)
    except ConfigurationError:
        raise
    except (UsageError, PackageError, SignatureError) as error:
        tell_ended(settings, retraining, str(error))


def _train(settings: Settings, retraining: Retraining, champion: Manifest) -> None:
    rule = champion.retrain or RetrainRule()
    recipe = again(champion, retraining.window)
    model, labelled = retraining.model, bool(recipe.targets)
    with opened(settings) as client:
        rows = served_events(client, settings, model, retraining.window, labelled=labelled)
    if rows < rule.least_rows:
        what = "labelled events" if labelled else "events"
        few = f"only {rows:,} {what} of the {rule.least_rows:,} that its rule asks for"
        tell_ended(settings, retraining, few)
        return
    candidate = _fitted(settings, recipe)
    tell_retrained(settings, retraining, candidate)


def _fitted(settings: Settings, recipe: Recipe) -> Candidate:
    """Train; what an estimator raises, and it may raise anything, is told as the caller's."""
    from trainer.training import train  # scikit-learn, which who only publishes can do without

    try:
        trained = train(recipe, settings)
    except MillraceError:
        raise
    except Exception as error:
        raise UsageError(f"training failed: {error!r}"[:_MOST_WORDS]) from error
    return Candidate(trained.version, trained.digest)


def _publish(
    settings: Settings,
    retraining: Retraining,
    candidate: Candidate,
    champion: Manifest,
    judged: Deployment,
) -> None:
    """Past the gate into traffic; the next step finds the deployment and tells the end."""
    rule, reason = champion.retrain or RetrainRule(), reason_of(retraining)
    answer = Answer(retraining.id, retraining.alert, judged)
    model, version = retraining.model, candidate.version
    if rule.role == "canary":
        start_canary(settings, model, version, rule.weight, reason, answer=answer)
    else:
        deploy(settings, model, version, reason, answer=answer)


def _finish(
    settings: Settings, retraining: Retraining, trail: Trail, state: ControlState, made: Deployment
) -> None:
    """Tell what a crash may have left untold."""
    history = state.log.history[retraining.model]
    place = history.index(made)
    before = history[place - 1] if place else None
    record = state.winner(made.model, made.sequence)
    if record is not None and not trail.was_told(made.model, made.sequence):
        answer = Answer(retraining.id, retraining.alert, before or made)
        announce_deployed(settings, made, before, record.offset, answer)
        archive(settings, made, sealed(settings, made))
    role = "champion" if before is None or made.champion != before.champion else "canary"
    what = f"published as {role}, sequence {made.sequence}"
    tell_ended(settings, retraining, what, made.sequence)


def _obstacle(retraining: Retraining, history: Sequence[Deployment]) -> str | None:
    """Why there is nothing more to do."""
    if not history:
        return "the model is deployed no longer"
    serving = history[-1]
    if serving.champion.version != retraining.champion:
        return f"version {serving.champion.version} serves by now"
    if serving.canary is not None:
        return f"version {serving.canary.version} is tried as a canary by now"
    return None


def reason_of(retraining: Retraining) -> str:
    """What the deployment says of where it comes from."""
    answered = f" answers alert {retraining.alert}" if retraining.alert else " by schedule"
    return f"{_name(retraining)}{answered}: {retraining.why}"


def made_by(retraining: Retraining, history: Sequence[Deployment]) -> Deployment | None:
    """The deployment that a retraining has led to."""
    named = _name(retraining) + " "
    return next((one for one in history if one.reason.startswith(named)), None)


def _name(retraining: Retraining) -> str:
    return f"retraining {retraining.id}"
