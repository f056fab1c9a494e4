"""The judge: looks at every canary whose recipe has a rule, and promotes it or ends it."""

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import structlog
from msgspec import Struct

from contracts.control_topic import read_control
from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import MillraceError
from contracts.manifests import verified_manifest
from contracts.operating.operated import Operated
from contracts.packages import Manifest
from contracts.settings import Settings
from prediction_log.evidence import VersionEvidence, read_evidence
from trainer.announcing import announce_verdict
from trainer.canaries.verdicts import Shown, Verdict, verdict
from trainer.deployments.deploying import conclude_canary
from trainer.logged import labelled_metrics, logged_outcome

log = structlog.get_logger("judge")


class Judged(Struct, frozen=True, kw_only=True):
    """One canary: what was decided, or why nothing could be."""

    model: str
    canary: str
    champion: str
    since: datetime
    verdict: Verdict | None
    note: str = ""


def watch(settings: Settings, stop: threading.Event) -> None:
    """Judge every canary again and again until `stop` is set."""
    with Operated(settings, "judge", f"{socket.gethostname()}-{os.getpid()}"):
        while not stop.is_set():
            try:
                for judged in judge_all(settings):
                    _tell(judged)
            except MillraceError as error:  # Kafka or Elasticsearch is away: canaries wait
                log.warning("canaries cannot be judged now", reason=str(error))
            stop.wait(settings.judge_interval_seconds)


def judge_all(settings: Settings, *, act: bool = True) -> Iterator[Judged]:
    """Judge each canary once.

    Args:
        act: False: only look.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    for model, history in sorted(read_control(settings).log.history.items()):
        canary = history[-1].canary
        if canary is not None:
            yield _judge(settings, model, history, canary, act)


def _judge(
    settings: Settings, model: str, history: Sequence[Deployment], canary: Canary, act: bool
) -> Judged:
    champion, since = history[-1].champion, began(history)
    judged = Judged(
        model=model,
        canary=canary.version,
        champion=champion.version,
        since=since,
        verdict=None,
    )
    try:
        own, other = (verified_manifest(settings, model, one.digest) for one in (canary, champion))
        if own.canary is None:
            return msgspec.structs.replace(judged, note="its recipe has no rule: decide yourself")
        evidence = read_evidence(settings, model, champion.version, canary.version, since)
        of_champion, of_canary = _shown(evidence[0], other), _shown(evidence[1], own)
        decided = verdict(own.canary, of_champion, of_canary, datetime.now(UTC) - since)
        judged = msgspec.structs.replace(judged, verdict=decided)
        if act and decided.decision != "wait":
            _conclude(settings, history[-1], canary, decided)
    except MillraceError as error:  # of one model: the others are judged all the same
        return msgspec.structs.replace(judged, note=str(error))
    except Exception as error:  # strangers may have written what stands in the log
        log.exception("a canary cannot be judged", model=model)
        return msgspec.structs.replace(judged, note=f"it cannot be judged: {error!r}")
    return judged


def _conclude(settings: Settings, judged: Deployment, canary: Canary, decided: Verdict) -> None:
    version = DeployedVersion(canary.version, canary.digest)
    good = decided.decision == "promote"
    done = conclude_canary(settings, judged, version, f"verdict: {decided.why}", good=good)
    announce_verdict(settings, done.deployment, version, decided)


def began(history: Sequence[Deployment]) -> datetime:
    """Since when the canary in force has been one; a change of its weight does not count."""
    canary = history[-1].canary
    since = history[-1].created_at
    for deployment in reversed(history):
        if canary is None or deployment.canary is None:
            break
        if deployment.canary.digest != canary.digest:
            break
        since = deployment.created_at
    return since


def _shown(evidence: VersionEvidence, manifest: Manifest) -> Shown:
    answers = ((logged_outcome(prediction), label) for prediction, label in evidence.labelled)
    metrics = labelled_metrics(answers, manifest)
    return Shown(
        predictions=evidence.predictions,
        failures=evidence.failures,
        inference_ms=evidence.inference_ms,
        answers=evidence.answers,
        labels=int(metrics.get("rows", 0)),
        metrics=metrics,
    )


def _tell(judged: Judged) -> None:
    told = log.bind(model=judged.model, canary=judged.canary, champion=judged.champion)
    if judged.verdict is None:
        told.info("canary not judged", reason=judged.note)
    else:
        told.info(f"canary: {judged.verdict.decision}", reason=judged.verdict.why)
