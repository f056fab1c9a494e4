"""Writing to the control topic, and learning by reading it back whether the deployment won."""

from contextlib import closing

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.control_topic import ControlState
from contracts.deployments import PAYLOAD_TYPE, Deployment
from contracts.errors import DeliveryError, DeploymentError
from contracts.kafka import python_client_settings
from contracts.keys import load_private_key
from contracts.settings import Settings
from contracts.signatures import seal
from contracts.topics import Topics

ACKNOWLEDGED_WITHIN_MS = 30_000


def sealed(settings: Settings, deployment: Deployment) -> bytes:
    """A deployment as it stands on the control topic: signed.

    Raises:
        ConfigurationError: there is no key to sign with.
    """
    key = load_private_key(settings.keys, "deployments")
    return seal(msgspec.json.encode(deployment), PAYLOAD_TYPE, key)


def write(settings: Settings, model: str, message: bytes) -> int:
    """Write a sealed deployment, and give its offset once every replica has it.

    Raises:
        DeliveryError: Kafka did not confirm it; it may stand there or not.
    """
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
            sent = producer.send(topic, key=model.encode(), value=message, partition=0)
            return int(sent.get(timeout=ACKNOWLEDGED_WITHIN_MS / 1000 + 5).offset)
    except KafkaError as error:
        raise DeliveryError(
            f"Kafka at {settings.kafka} did not confirm the deployment: {error!r}; see "
            f"'millrace models history {model}' before you try again"
        ) from error


def require_won(state: ControlState, deployment: Deployment, offset: int) -> None:
    """Compare what was written with what stands there now.

    Raises:
        DeploymentError: another publisher won the sequence number, or nobody accepts ours.
    """
    winner = state.winner(deployment.model, deployment.sequence)
    if winner is None or winner.deployment is None:
        raise DeploymentError(
            f"the deployment of '{deployment.model}' was written but no worker will accept it: "
            "is your public key in the folder 'trusted/deployments'?"
        )
    if winner.offset != offset:
        won = winner.deployment
        raise DeploymentError(
            f"{won.author} was quicker: sequence {won.sequence} of '{won.model}' is version "
            f"{won.champion.version} ({won.reason}); look at it, then try again if you still "
            "want to"
        )
