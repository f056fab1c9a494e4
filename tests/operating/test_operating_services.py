"""What operators and analysts see of services that run, on real servers."""

from typing import Any, get_args

import confluent_kafka as ck
import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from operating.collector import Collector
from operating.installation import MODEL, Installation, get, ready, samples, total
from operating.operating_files import metrics

from cli.diagnosis.examination import examine
from cli.status import gather
from contracts.dead_letters import Reason
from contracts.model_events import ModelEventKind
from contracts.settings import Settings

pytestmark = pytest.mark.stack

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
UNSAMPLED = "5bf92f3577b34da6a3ce929d0e0e4736"


def test_a_worker_is_ready_once_it_has_a_model(installation: Installation, worker: str) -> None:
    installation.wait(lambda: ready(worker).get("assignment"), "the worker having partitions")
    assert ready(worker) == {
        "kafka": True,
        "control": True,
        "model": False,
        "assignment": True,
        "delivery": True,
    }
    assert get(f"{worker}/health/live")[0] == 200
    installation.publish()
    installation.wait(lambda: all(ready(worker).values()), "the worker being ready")


def test_an_indexer_is_ready_with_partitions_and_elasticsearch(
    installation: Installation, indexer: str
) -> None:
    installation.wait(lambda: all(ready(indexer).values()), "the indexer being ready")
    assert set(ready(indexer)) == {"kafka", "elasticsearch", "assignment", "delivery"}
    assert get(f"{indexer}/health/live")[0] == 200


def test_what_alerts_count_is_there_before_it_happens(worker: str) -> None:
    found = samples(worker)
    changes = {dict(labels)["change"] for labels in found["millrace_model_changes_total"]}
    reasons = {dict(labels)["reason"] for labels in found["millrace_dead_letters_total"]}
    assert changes == set(get_args(ModelEventKind))
    assert reasons == set(get_args(Reason))


def test_metrics_tell_what_became_of_the_events(
    installation: Installation, worker: str, indexer: str
) -> None:
    installation.send(40)
    installation.send(3, model="nobody")
    installation.wait(lambda: len(installation.documents("predictions")) >= 40, "documents")
    installation.wait(lambda: len(installation.documents("dead-letters")) >= 3, "dead letters")
    found = installation.wait(
        # The lag is looked at once a second, so it may be that of a moment ago.
        lambda: (
            (s := samples(worker))
            and total(s, "millrace_records_total") == 43
            and total(s, "millrace_lag_records") == 0
            and s
        ),
        "all records being counted, and no lag",
    )
    assert total(found, "millrace_predictions_total", model=MODEL, version="1") == 40
    assert total(found, "millrace_dead_letters_total", reason="unknown_model") == 3
    assert total(found, "millrace_latency_seconds_count", service="worker") == 40
    assert 0 < total(found, "millrace_latency_seconds_sum") < 40 * 60
    assert total(found, "millrace_model_version_info", version="1", role="champion") == 1
    assert total(found, "millrace_model_changes_total", change="swapped") == 1
    assert total(found, "millrace_assigned_partitions") == 2
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


def test_alerts_and_dashboard_speak_of_metrics_that_there_are(
    installation: Installation, worker: str, indexer: str
) -> None:
    installation.wait(lambda: not missing(worker, indexer), f"{missing(worker, indexer)}")


def missing(*addresses: str) -> set[str]:
    return metrics().difference(*map(samples, addresses))


def test_the_doctor_finds_no_error_where_all_is_well_and_names_what_is_not(
    installation: Installation, worker: str, indexer: str
) -> None:
    settings = installation.settings
    assert not [f for f in examine(settings) if f.severity == "error"]
    index = f"{settings.index_prefix}-labels-blocked-2026.01"
    installation.elasticsearch.indices.create(
        index=index, settings={"index.blocks.read_only_allow_delete": True}
    )
    installation.elasticsearch.indices.delete_index_template(name=settings.index_prefix)
    alter(installation, installation.topics.model_control.name, "retention.ms", "1000")
    found = " ".join(f.what for f in examine(settings) if f.severity == "error")
    assert f"index {index} takes no documents" in found
    assert "the index template is not installed" in found
    assert "model-control has retention.ms=1000, declared is -1" in found


def test_the_doctor_tells_of_servers_that_are_away(installation: Installation) -> None:
    away = installation.settings.model_copy(
        update={"bootstrap_servers": "127.0.0.1:1", "elasticsearch": "http://127.0.0.1:1"}
    )
    found = {f.check: f.what for f in examine(away) if f.severity == "error"}
    assert "127.0.0.1:1" in found["kafka"]
    assert "127.0.0.1:1" in found["elasticsearch"]


def alter(installation: Installation, topic: str, name: str, value: str) -> None:
    admin = AdminClient({"bootstrap.servers": installation.settings.kafka})
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(30)


def test_a_sampled_trace_is_found_on_the_document_and_as_spans(
    installation: Installation, collector: Collector, worker: str, indexer: str
) -> None:
    installation.send(1, traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="vendor=x")
    installation.send(1, traceparent=f"00-{UNSAMPLED}-{PARENT}-00")
    installation.send(1)

    def traced() -> list[str]:
        documents = installation.documents("predictions", {"exists": {"field": "trace.id"}})
        return sorted(d["trace"]["id"] for d in documents)

    installation.wait(lambda: traced() == [TRACE, UNSAMPLED], "documents with their traces")
    assert passed_on(installation) == {
        "traceparent": f"00-{TRACE}-{PARENT}-01".encode(),
        "tracestate": b"vendor=x",
    }
    installation.wait(lambda: len(collector.spans) >= 2, "spans")
    assert {span.trace_id.hex() for _, span in collector.spans} == {TRACE}
    assert {span.parent_span_id.hex() for _, span in collector.spans} == {PARENT}
    assert {(service, span.name) for service, span in collector.spans} == {
        ("millrace-worker", "score"),
        ("millrace-indexer", "index"),
    }
    scored = next(span for service, span in collector.spans if service == "millrace-worker")
    attributes = {a.key: a.value for a in scored.attributes}
    assert attributes["millrace.model.name"].string_value == MODEL
    assert attributes["millrace.model.version"].string_value == "1"
    assert (
        attributes["messaging.destination.name"].string_value == installation.topics.features.name
    )
    assert scored.start_time_unix_nano <= scored.end_time_unix_nano


def passed_on(installation: Installation) -> dict[str, bytes]:
    """The trace's headers of the one prediction that has a tracestate."""
    topic = installation.topics.predictions.name
    consumer = ck.Consumer(
        {
            "bootstrap.servers": installation.settings.kafka,
            "group.id": "reader",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.assign(
            [ck.TopicPartition(topic, n, 0) for n in range(installation.settings.partitions)]
        )

        def found() -> dict[str, bytes] | None:
            message = consumer.poll(0.5)
            headers = {} if message is None or message.error() else dict(message.headers() or [])
            return headers if "tracestate" in headers else None

        headers: dict[str, bytes] = installation.wait(found, "the prediction")
        return {name: headers[name] for name in ("traceparent", "tracestate")}
    finally:
        consumer.close()
