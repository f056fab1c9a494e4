"""Services that are started before Kafka answers: they wait, say so, and begin once it does."""

import signal
from collections.abc import Iterator

import pytest
from forwarder import Forwarder
from operating.installation import Installation, address, get, ready
from service_processes import ServiceProcess

pytestmark = pytest.mark.stack

both = pytest.mark.parametrize("module", ["stream_workers", "elk"])


@pytest.fixture
def late_kafka(installation: Installation) -> Iterator[Forwarder]:
    """A way to Kafka that is closed at first."""
    forwarder = Forwarder(installation.settings.kafka)
    yield forwarder
    forwarder.close()


def too_early(installation: Installation, late_kafka: Forwarder, module: str) -> ServiceProcess:
    """A service that was started and waits for Kafka."""
    service = installation.services.start(module, MILLRACE_BOOTSTRAP_SERVERS=late_kafka.address)
    service.wait_for_log("waiting for Kafka")
    return service


@both
def test_a_service_waits_for_kafka_and_begins_once_it_answers(
    installation: Installation, late_kafka: Forwarder, module: str
) -> None:
    service = too_early(installation, late_kafka, module)
    where = address(service)
    assert get(f"{where}/health/live")[0] == 200
    assert get(f"{where}/health/ready")[0] == 503
    late_kafka.open()
    installation.wait(lambda: ready(where).get("assignment"), "the service having partitions")
    assert service.stop() == 0, service.output


@both
def test_a_service_told_to_stop_while_it_waits_ends_in_order(
    installation: Installation, late_kafka: Forwarder, module: str
) -> None:
    service = too_early(installation, late_kafka, module)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(20) == 0, service.output


@both
def test_a_service_does_not_wait_for_ever(
    installation: Installation, late_kafka: Forwarder, module: str
) -> None:
    service = installation.services.start(
        module,
        MILLRACE_BOOTSTRAP_SERVERS=late_kafka.address,
        MILLRACE_STARTUP_WAIT_SECONDS="0",
    )
    assert service.process.wait(60) == 1
    assert f"Kafka at {late_kafka.address} does not answer" in service.output
    assert "Traceback" not in service.output
