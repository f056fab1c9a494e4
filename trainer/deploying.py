"""Publishing: the next signed deployment of a model on the control topic, and whether it won."""

from contextlib import closing
from datetime import UTC, datetime

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.deployments import PAYLOAD_TYPE, DeployedVersion, Deployment
from contracts.errors import DeliveryError, DeploymentError, UsageError
from contracts.kafka import python_client_settings
from contracts.model_store import ModelStore
from contracts.settings import Settings
from contracts.signatures import load_private_key, load_trusted_keys, seal
from contracts.topics import Topics
from trainer.announcing import announce_published
from trainer.author import author
from trainer.control_topic import read_control
from trainer.recipes import check_model_name

ACKNOWLEDGED_WITHIN_MS = 30_000


class Publication(Struct, frozen=True):
    """The deployment in force after publishing.

    `changed` is False if the same bytes were in service already and nothing was written;
    `previous` is what was in force before.
    """

    deployment: Deployment
    changed: bool
    previous: Deployment | None


def publish(
    settings: Settings, model: str, version: str | None = None, reason: str = "published"
) -> Deployment:
    """Make a version the champion; see `deploy`, whose deployment this returns."""
    return deploy(settings, model, version, reason).deployment


def deploy(
    settings: Settings, model: str, version: str | None = None, reason: str = "published"
) -> Publication:
    """Make a version of the model store the champion on every worker.

    The package is verified and loaded first, so that nothing unsigned, altered or made for other
    libraries is ever published. Canary and shadows stay, but for those that are the champion now.

    Args:
        version: None: the newest in the store.

    Raises:
        UsageError: the store has no such model or version.
        SignatureError, PackageError: a worker would refuse the package.
        ConfigurationError: no key to sign deployments, no Kafka, or no control topic.
        UnreachableError, DeliveryError: Kafka or the store does not answer.
        DeploymentError: another publisher won the sequence number.
    """
    check_model_name(model)
    key = load_private_key(settings.keys, "deployments")
    champion = _verified(settings, model, version)
    previous = read_control(settings).log.newest(model)
    if previous is not None and previous.champion.digest == champion.digest:
        return Publication(previous, changed=False, previous=previous)
    deployment = next_deployment(
        settings.environment, model, champion, previous, reason, datetime.now(UTC)
    )
    offset = _produce(settings, deployment, seal(_encode(deployment), PAYLOAD_TYPE, key))
    _require_won(settings, deployment, offset)
    announce_published(settings, deployment, previous, offset)
    return Publication(deployment, changed=True, previous=previous)


def next_deployment(
    environment: str,
    model: str,
    champion: DeployedVersion,
    previous: Deployment | None,
    reason: str,
    at: datetime,
) -> Deployment:
    """The deployment that follows: the next sequence number, and the whole state anew."""
    canary = previous.canary if previous else None
    shadows = previous.shadows if previous else ()
    return Deployment(
        environment=environment,
        model=model,
        sequence=previous.sequence + 1 if previous else 1,
        champion=champion,
        canary=canary if canary and canary.digest != champion.digest else None,
        shadows=tuple(shadow for shadow in shadows if shadow.digest != champion.digest),
        author=author(),
        reason=reason,
        created_at=at,
    )


def find_version(store: ModelStore, model: str, version: str | None) -> DeployedVersion:
    """A version by number, or the newest.

    Raises:
        UsageError: there is none; the sentence lists those there are.
    """
    versions = store.versions(model)
    if not versions:
        known = ", ".join(store.models()) or "none"
        raise UsageError(
            f"the model store has no model '{model}': train it first, for example with "
            f"'millrace train --data FILE --target COLUMN --model {model}'; there are: {known}"
        )
    number = next(reversed(versions)) if version is None else version
    if number not in versions:
        raise UsageError(
            f"model '{model}' has no version '{number}'; it has: {', '.join(versions)}"
        )
    return DeployedVersion(number, versions[number])


def _verified(settings: Settings, model: str, version: str | None) -> DeployedVersion:
    from contracts.package_loading import load_scorer  # scikit-learn, which listing can do without

    store = ModelStore(settings.store_url)
    found = find_version(store, model, version)
    manifest, _ = load_scorer(
        store.read(model, found.digest),
        digest=found.digest,
        environment=settings.environment,
        trusted=load_trusted_keys(settings.keys, "packages"),
    )
    if (manifest.model, manifest.version) != (model, found.version):
        raise DeploymentError(
            f"the package of version {found.version} of '{model}' says that it is version "
            f"{manifest.version} of '{manifest.model}': the store was altered; train again"
        )
    return found


def _produce(settings: Settings, deployment: Deployment, message: bytes) -> int:
    """Write the message, and give its offset once every replica has it."""
    topic = Topics(settings).model_control.name
    try:
        producer = KafkaProducer(
            **python_client_settings(settings),
            acks="all",
            delivery_timeout_ms=ACKNOWLEDGED_WITHIN_MS,
            max_block_ms=ACKNOWLEDGED_WITHIN_MS,
            allow_auto_create_topics=False,
        )
        with closing(producer):
            sent = producer.send(topic, key=deployment.model.encode(), value=message, partition=0)
            return int(sent.get(timeout=ACKNOWLEDGED_WITHIN_MS / 1000 + 5).offset)
    except KafkaError as error:
        raise DeliveryError(
            f"Kafka at {settings.kafka} did not confirm the deployment: {error!r}; see "
            f"'millrace models history {deployment.model}' before you try again"
        ) from error


def _require_won(settings: Settings, deployment: Deployment, offset: int) -> None:
    winner = read_control(settings).winner(deployment.model, deployment.sequence)
    if winner is None or winner.deployment is None:
        raise DeploymentError(
            f"the deployment of '{deployment.model}' was written but no worker will accept it: "
            "is your public key in the folder 'trusted/deployments'?"
        )
    if winner.offset != offset:
        won = winner.deployment
        raise DeploymentError(
            f"{won.author} was quicker: sequence {won.sequence} of '{won.model}' is version "
            f"{won.champion.version} ({won.reason}); look at it, then publish again if you still "
            "want to"
        )


def _encode(deployment: Deployment) -> bytes:
    return msgspec.json.encode(deployment)
