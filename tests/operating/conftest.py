"""One installation for all tests of a module: what is looked at changes little between them."""

from collections.abc import Iterator

import pytest
from operating.collector import Collector
from operating.installation import Installation, address
from real_stack import RealStack


@pytest.fixture(scope="module")
def installation(
    stack: RealStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MILLRACE_BOOTSTRAP_SERVERS", raising=False)
        made = Installation(stack, tmp_path_factory.mktemp("installation"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def exporting(collector: Collector) -> dict[str, str]:
    """Variables with which services export traces."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}


@pytest.fixture(scope="module")
def worker(installation: Installation, exporting: dict[str, str]) -> str:
    """The address of a worker that begins without a model."""
    return address(installation.services.start("stream_workers", **exporting))


@pytest.fixture(scope="module")
def indexer(installation: Installation, exporting: dict[str, str]) -> str:
    """The address of an indexer."""
    return address(installation.services.start("elk", **exporting))
