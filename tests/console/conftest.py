"""A console on a real Elasticsearch that has documents of every kind."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from console.opened import Console, console
from dashboards.seeded import seed
from leftovers import delete_documents
from real_stack import RealStack

from contracts.settings import Settings, load_settings
from prediction_log.client import connect
from prediction_log.indices import IndexNames
from prediction_log.template import install_template

LONG_AGO = datetime(2013, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
"""The id of an event of the past, sent by somebody who means no good."""


@pytest.fixture(scope="session")
def seeded(stack: RealStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of indices with documents of the last hours, and one of a replay of the past."""
    settings = load_settings(
        project_dir=tmp_path_factory.mktemp("console"),
        elasticsearch=stack.elasticsearch,
        bootstrap_servers=stack.bootstrap_servers,
        index_prefix=f"t{uuid.uuid4().hex[:12]}",
        console_address="127.0.0.1:0",
    )
    install_template(settings)
    client = connect(settings)
    seed(client, settings, datetime.now(UTC))
    names = IndexNames(settings)
    client.index(
        index=names.predictions("flights", LONG_AGO),
        document={
            "@timestamp": LONG_AGO.isoformat(),
            "event": {"id": HOSTILE},
            "entity": {"id": HOSTILE},
            "model": {"name": "flights", "version": HOSTILE, "role": "champion"},
            "prediction": {"task": "classification", "label": HOSTILE, "confidence": 0.6},
            "features": {"num": {"hour": 3.0}, "cat": {HOSTILE: HOSTILE}},
            "latency": {"total_ms": 4.0, "queue_ms": 1.0, "inference_ms": 2.0},
        },
        refresh=True,
    )
    client.close()
    yield settings
    delete_documents(settings)


@pytest.fixture(scope="session")
def opened(seeded: Settings) -> Iterator[Console]:
    with console(seeded) as served:
        yield served


@pytest.fixture
def today() -> dict[str, str]:
    """The query for the hours in which the documents are."""
    now = datetime.now(UTC)
    return {
        "range": "absolute",
        "from": (now - timedelta(hours=24)).isoformat(),
        "to": now.isoformat(),
    }
