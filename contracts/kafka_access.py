"""Whether Kafka lets us in, found out at once: its clients would try again for ever, or for long.

A connection that is not trusted looks to both clients like a broker that is away.
"""

import socket
import ssl
import time
from collections.abc import Iterator

from confluent_kafka import KafkaError as Refusal
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError

from contracts.errors import AccessError, MillraceError, UnreachableError
from contracts.kafka_clients import librdkafka_settings, python_client_settings
from contracts.settings import Settings
from contracts.tls import what_to_do

_CONNECT_SECONDS = 2.0
_HANDSHAKE_SECONDS = 5.0
_LOGIN_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_MOST_WORDS = 160
_CA_SETTING = "MILLRACE_KAFKA_CA_FILE"
_HUNG_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError)
"""What a handshake ends in, by which side was quicker, with a server that does not speak TLS."""


def require_entry(settings: Settings) -> None:
    """Make sure that Kafka is there, is the one we trust, and takes us for who we say we are.

    Raises:
        UnreachableError: nobody listens there.
        AccessError: it is not trusted, does not speak TLS, or does not let us in.
        ConfigurationError: a certificate or key cannot be used.
    """
    _require_answer(settings)
    if settings.kafka_security_protocol == "PLAINTEXT":
        return
    if settings.kafka_security_protocol.endswith("SSL"):
        _require_trust(settings)
    _require_login(settings)


def refusal(settings: Settings, error: KafkaError) -> MillraceError:
    """What an error of kafka-python means to the people who started us."""
    if isinstance(error, AuthorizationError):
        return forbidden(settings, str(error)[:_MOST_WORDS])
    if not isinstance(error, KafkaTimeoutError):
        return UnreachableError(f"Kafka at {settings.kafka} refused: {error}")
    if settings.kafka_security_protocol == "PLAINTEXT" and _speaks_tls(settings):
        return AccessError(
            f"Kafka at {settings.kafka} speaks TLS: set MILLRACE_KAFKA_SECURITY_PROTOCOL to SSL or "
            "SASL_SSL (docs/security.md)"
        )
    return UnreachableError(
        f"something listens at {settings.kafka}, but it does not answer as Kafka does ({error}): "
        "wait if Kafka is starting, else check MILLRACE_BOOTSTRAP_SERVERS"
    )


def forbidden(settings: Settings, what: str) -> AccessError:
    """An action that Kafka's ACLs do not allow."""
    return AccessError(
        f"Kafka at {settings.kafka} does not allow that to {settings.kafka_identity}: {what}; "
        "grant it (deploy/kafka/acls.toml has what each service needs)"
    )


def _require_answer(settings: Settings) -> None:
    """Whether anybody listens at any of the addresses."""
    refused = "no address of the form host:port"
    for host, port in _servers(settings):
        try:
            socket.create_connection((host, port), _CONNECT_SECONDS).close()
            return
        except OSError as error:
            refused = f"{host}:{port}: {error.strerror or error}"
    raise UnreachableError(
        f"Kafka at {settings.kafka} does not answer ({refused}): start it ('millrace up' starts a "
        "local one), or check MILLRACE_BOOTSTRAP_SERVERS"
    )


def _speaks_tls(settings: Settings) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent there
    for host, port in _servers(settings):
        try:
            with (
                socket.create_connection((host, port), _CONNECT_SECONDS) as connection,
                context.wrap_socket(connection, server_hostname=host),
            ):
                return True
        except ssl.SSLError as error:
            # It wants a client's certificate, or another version of TLS: it speaks it all the same.
            if "ALERT" in str(error):
                return True
        except OSError:
            continue
    return False


def _require_trust(settings: Settings) -> None:
    """One handshake with each server until one succeeds."""
    context: ssl.SSLContext = python_client_settings(settings)["ssl_context"]
    refused: MillraceError | None = None
    for host, port in _servers(settings):
        try:
            with (
                socket.create_connection((host, port), _HANDSHAKE_SECONDS) as connection,
                context.wrap_socket(connection, server_hostname=host),
            ):
                return
        except _HUNG_UP:
            refused = AccessError(
                f"Kafka at {host}:{port} hangs up instead of speaking TLS: check the port and "
                "MILLRACE_KAFKA_SECURITY_PROTOCOL"
            )
        except OSError as error:
            if advice := what_to_do(str(error), f"Kafka at {host}:{port}", _CA_SETTING):
                refused = AccessError(advice)
    if refused is not None:
        raise refused


def _require_login(settings: Settings) -> None:
    """librdkafka tells at once what kafka-python tries again: a refused password."""
    errors: list[Refusal] = []
    connection = librdkafka_settings(settings) | {"log_level": 0, "error_cb": errors.append}
    client = AdminClient(connection)
    deadline = time.monotonic() + _LOGIN_SECONDS
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=_LOOK_SECONDS)
            return
        except KafkaException:
            client.poll(0)
        for error in errors:
            where = f"Kafka at {settings.kafka}"
            if error.code() == Refusal._AUTHENTICATION:
                raise AccessError(
                    f"{where} does not take {settings.kafka_identity} with that password by "
                    f"{settings.kafka_sasl_mechanism}: check MILLRACE_KAFKA_USERNAME, "
                    "MILLRACE_KAFKA_PASSWORD and MILLRACE_KAFKA_SASL_MECHANISM"
                )
            if advice := what_to_do(error.str(), where, _CA_SETTING):
                raise AccessError(advice)
        if errors:
            return  # away, which is for the clients to wait out


def _servers(settings: Settings) -> Iterator[tuple[str, int]]:
    for server in settings.kafka.split(","):
        host, _, port = server.strip().rpartition(":")
        if host and port.isdigit():
            yield host.strip("[]"), int(port)
