"""One installation for all tests of a module: what is looked at changes little between them."""

from collections.abc import Iterator

import pytest
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
def worker(installation: Installation) -> str:
    """The address of a worker that begins without a model."""
    return address(installation.services.start("stream_workers"))


@pytest.fixture(scope="module")
def indexer(installation: Installation) -> str:
    """The address of an indexer."""
    return address(installation.services.start("elk"))
