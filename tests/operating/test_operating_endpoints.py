"""Every service tells over HTTP whether it lives, whether it is ready, and its metrics."""

from typing import Any

import pytest
from operating.installation import MODEL, Installation, get, ready, samples, total

from cli.status import gather
from contracts.settings import Settings

pytestmark = pytest.mark.stack


def test_a_worker_is_ready_once_it_has_a_model(installation: Installation, worker: str) -> None:
    installation.wait(lambda: ready(worker).get("assignment"), "the worker having partitions")
    assert ready(worker) == {
        "kafka": True,
        "control": True,
        "model": False,
        "assignment": True,
    }
    assert get(f"{worker}/health/live")[0] == 200
    installation.publish()
    installation.wait(lambda: all(ready(worker).values()), "the worker being ready")


def test_an_indexer_is_ready_with_partitions_and_elasticsearch(
    installation: Installation, indexer: str
) -> None:
    installation.wait(lambda: all(ready(indexer).values()), "the indexer being ready")
    assert set(ready(indexer)) == {"kafka", "elasticsearch", "assignment"}
    assert get(f"{indexer}/health/live")[0] == 200


def test_metrics_tell_what_became_of_the_events(
    installation: Installation, worker: str, indexer: str
) -> None:
    installation.send(40)
    installation.send(3, model="nobody")
    installation.wait(lambda: len(installation.documents("predictions")) >= 40, "documents")
    installation.wait(lambda: len(installation.documents("dead-letters")) >= 3, "dead letters")
    found = installation.wait(
        lambda: (s := samples(worker)) and total(s, "millrace_records_total") == 43 and s,
        "all records being counted",
    )
    assert total(found, "millrace_predictions_total", model=MODEL, version="1") == 40
    assert total(found, "millrace_dead_letters_total", reason="unknown_model") == 3
    assert total(found, "millrace_latency_seconds_count", service="worker") == 40
    assert 0 < total(found, "millrace_latency_seconds_sum") < 40 * 60
    assert total(found, "millrace_model_version_info", version="1", role="champion") == 1
    assert total(found, "millrace_model_changes_total", change="swapped") == 1
    assert total(found, "millrace_assigned_partitions") == 2
    assert total(found, "millrace_lag_records") == 0
    assert total(found, "millrace_kafka_up") == 1
    assert total(found, "millrace_ready") == 1
    for name in ("resident_memory_bytes", "open_fds", "threads", "start_time_seconds"):
        assert total(found, f"process_{name}") > 0
    written = installation.wait(
        lambda: (s := samples(indexer)) and total(s, "millrace_documents_total") >= 43 and s,
        "all documents being counted",
    )
    assert total(written, "millrace_latency_seconds_count", service="indexer") >= 43
    assert total(written, "millrace_bulk_seconds_count") > 0
    assert total(written, "millrace_retries_total") == 0


def test_analysts_find_the_figures_of_every_service(
    installation: Installation, worker: str, indexer: str
) -> None:
    def told() -> dict[str, dict[str, Any]]:
        """The documents of intervals in which there was something to do, by service."""
        found = installation.documents("operations", {"range": {"operations.records": {"gt": 0}}})
        return {document["service"]["name"]: document for document in found}

    installation.wait(lambda: set(told()) == {"worker", "indexer"}, "figures of both services")
    document = told()["worker"]
    assert document["service"]["address"] == worker
    figures = document["operations"]
    assert figures["ready"]
    assert figures["models"] == [f"{MODEL} 1 champion"]
    assert figures["records_per_second"] > 0
    assert 0 < figures["latency"]["p50_ms"] <= figures["latency"]["p99_ms"]
    assert figures["memory_bytes"] > 10_000_000


def test_status_shows_every_service_with_its_health_and_speed(
    installation: Installation, worker: str, indexer: str
) -> None:
    def health(settings: Settings) -> dict[str, str]:
        found = gather(settings)
        return {state.stats.address: state.health for state in found.services}

    both = {worker: "ready", indexer: "ready"}
    installation.wait(lambda: health(installation.settings) == both, "both services in the status")
    elsewhere = installation.settings.model_copy(
        update={"project_dir": installation.folder / "elsewhere"}
    )
    assert health(elsewhere) == both, "what the topic tells, on another machine"
    without_kafka = installation.settings.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    assert health(without_kafka) == both, "what the files tell, while Kafka is away"
