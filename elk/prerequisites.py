"""What must be there before the first record is indexed: the topics, and the index template."""

import threading

import structlog

from contracts.errors import AccessError, ConfigurationError, MillraceError
from contracts.kafka import describe_topics
from contracts.settings import Settings
from elk import backoff
from elk.delivery import LOUD_EVERY
from prediction_log.template import install_template

log = structlog.stdlib.get_logger("elk")


def known_topics(settings: Settings, names: tuple[str, ...]) -> dict[str, str]:
    """The UUIDs of topics by name.

    Raises:
        ConfigurationError: one does not exist.
        UnreachableError: Kafka does not answer.
    """
    known = describe_topics(settings, names)
    missing = [name for name in names if name not in known]
    if missing:
        raise ConfigurationError(
            f"Kafka has no topic {', '.join(missing)}: create them with 'millrace setup' "
            "(or 'millrace up'), or set MILLRACE_TOPIC_PREFIX to the right installation"
        )
    return {name: facts.id for name, facts in known.items()}


def wait_for_template(settings: Settings, stop: threading.Event) -> None:
    """Wait for Elasticsearch; other refusals for good than that of ourselves are waited out too.

    Raises:
        AccessError: it is not trusted, does not know us, or does not allow it.
    """
    attempt = 0
    while not stop.is_set():
        try:
            install_template(settings)
            return
        except AccessError:
            raise
        except MillraceError as error:
            if attempt % LOUD_EVERY == 0:
                log.warning("waiting for Elasticsearch", why=str(error))
        stop.wait(backoff.delay(attempt))
        attempt += 1
