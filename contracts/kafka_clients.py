"""Connection settings for both Kafka clients: where the servers are, and how we are protected."""

import logging
from typing import Any

from contracts.settings import Settings
from contracts.tls import client_context

_MOST_RETRY_MS = 2000
_REBOOTSTRAP_MS = 10_000


def python_client_settings(settings: Settings) -> dict[str, Any]:
    """Connection settings for kafka-python's clients.

    Raises:
        ConfigurationError: a certificate or key cannot be used.
    """
    protocol = settings.kafka_security_protocol
    found: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "bootstrap_timeout_ms": 15_000,
        "security_protocol": protocol,
    }
    if protocol.endswith("SSL"):
        found["ssl_context"] = client_context(
            settings.kafka_ca_file,
            settings.kafka_client_certificate,
            settings.kafka_client_key,
            settings.kafka_client_key_password,
            check_hostname=settings.kafka_check_hostname,
        )
    if settings.kafka_password is not None:
        found |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return found


def librdkafka_settings(settings: Settings) -> dict[str, Any]:
    """Connection settings for confluent-kafka's clients; librdkafka logs into Python's logs."""
    found: dict[str, Any] = {
        "bootstrap.servers": settings.kafka,
        "logger": logging.getLogger("librdkafka"),
        "reconnect.backoff.max.ms": _MOST_RETRY_MS,
        # A broker that comes back from a freeze tells for a moment that there are no brokers. Its
        # clients forget it then, and would only look at the bootstrap servers again after 5 min.
        "metadata.recovery.rebootstrap.trigger.ms": _REBOOTSTRAP_MS,
        "security.protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        found["ssl.endpoint.identification.algorithm"] = (
            "https" if settings.kafka_check_hostname else "none"
        )
        files = {
            "ssl.ca.location": settings.kafka_ca_file,
            "ssl.certificate.location": settings.kafka_client_certificate,
            "ssl.key.location": settings.kafka_client_key,
        }
        found |= {name: str(path) for name, path in files.items() if path is not None}
        if settings.kafka_client_key_password is not None:
            found["ssl.key.password"] = settings.kafka_client_key_password.get_secret_value()
    if settings.kafka_password is not None:
        found |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_username,
            "sasl.password": settings.kafka_password.get_secret_value(),
        }
    return found
