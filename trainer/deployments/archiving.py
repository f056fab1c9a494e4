"""Deployments in the model store: what the control topic can be made anew from."""

import logging
from datetime import UTC, datetime

from contracts.control_topic import read_control
from contracts.deployments import ControlLog, Deployment
from contracts.errors import DeploymentError, MillraceError, SignatureError, UsageError
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.settings import Settings
from trainer.deployments.control_writer import write

logger = logging.getLogger("trainer")


def archive(settings: Settings, deployment: Deployment, message: bytes) -> None:
    """Keep a deployment that won; it holds whether or not that succeeds."""
    try:
        ModelStore(settings.store_url).archive(deployment.model, deployment.sequence, message)
    except MillraceError as error:
        logger.warning("the deployment was not archived: %s", error)


def restore(settings: Settings, model: str) -> Deployment:
    """Write the newest archived deployment of a model to a control topic that has none of it.

    Raises:
        UsageError: the model is deployed, or nothing is archived that workers would accept.
        UnreachableError, DeliveryError: Kafka or the store does not answer.
    """
    if read_control(settings).log.newest(model) is not None:
        raise UsageError(f"model '{model}' is deployed: there is nothing to restore")
    trusted = load_trusted_keys(settings.keys, "deployments")
    for message in reversed(ModelStore(settings.store_url).archived(model).values()):
        try:
            log = ControlLog(settings.environment, trusted)
            deployment = log.accept(message, datetime.now(UTC))  # as Kafka will stamp it
            if deployment.model != model:
                raise DeploymentError(f"it is one of '{deployment.model}'")
        except (SignatureError, DeploymentError) as error:
            logger.warning("an archived deployment of '%s' is not used: %s", model, error)
            continue
        write(settings, model, message)
        return deployment
    raise UsageError(
        f"no deployment of '{model}' is archived in {settings.store_url} that workers would "
        f"accept: publish a version with 'millrace models publish {model}'"
    )
