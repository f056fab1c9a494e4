"""An installation with one model, its services as processes, and how operators look at it."""

import json
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import confluent_kafka as ck
import msgspec
from elasticsearch import Elasticsearch
from leftovers import delete_documents
from prometheus_client.parser import text_string_to_metric_families
from real_stack import RealStack
from rich.console import Console
from service_processes import ServiceProcess, ServiceProcesses
from waiting import wait_until

import trainer
from contracts.kafka import create_topics, librdkafka_settings
from contracts.keys import generate_keys
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from prediction_log.template import install_template

MODEL = "sizes"
PATIENCE_SECONDS = 90.0
Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


class Installation:
    """Topics, template, keys and a deployed model of its own on the servers of the tests."""

    def __init__(self, stack: RealStack, folder: Path) -> None:
        unique = uuid.uuid4().hex[:12]
        self.folder = folder
        self.settings: Settings = load_settings(
            project_dir=folder,
            bootstrap_servers=stack.bootstrap_servers,
            elasticsearch=stack.elasticsearch,
            topic_prefix=f"t{unique}.",
            index_prefix=f"t{unique}",
            partitions=2,
            stats_interval_seconds=1,
            session_timeout_ms=6000,
        )
        self.topics = Topics(self.settings)
        self.services = ServiceProcesses(self.settings, folder)
        self.elasticsearch = Elasticsearch(stack.elasticsearch)
        self._producer = ck.Producer(librdkafka_settings(self.settings))
        create_topics(self.settings)
        install_template(self.settings)
        generate_keys(self.settings.keys)

    def publish(self) -> None:
        """Train and deploy the next version of the model."""
        table = self.folder / "sizes.csv"
        rows = "\n".join(f"{n % 17},{n % 5},{3 * (n % 17) + n % 5}" for n in range(200))
        table.write_text(f"size,weight,price\n{rows}\n")
        recipe = trainer.Recipe(
            data=str(table), target="price", model=MODEL, task="regression", estimator="linear"
        )
        trainer.train(recipe, self.settings, Console(quiet=True))
        trainer.deploy(self.settings, MODEL)

    def send(self, count: int, model: str = MODEL, **headers: str) -> None:
        """Send events, in turn to every partition; returns when Kafka has them."""
        for number in range(count):
            event = {
                "event_id": f"e{number}",
                "entity_id": f"n{number % 7}",
                "occurred_at": time.time(),
                "model": model,
                "features": {"size": 3, "weight": 1.5},
            }
            self._producer.produce(
                self.topics.features.name,
                msgspec.json.encode(event),
                str(number % 7),
                partition=number % self.settings.partitions,
                headers=list(headers.items()),
            )
            self._producer.poll(0)
        assert self._producer.flush(60) == 0

    def documents(self, kind: str, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The documents of a kind that can be found now."""
        index = f"{self.settings.index_prefix}-{kind}-*"
        search = self.elasticsearch.options(ignore_status=(404, 503))
        search.indices.refresh(index=index)
        found = search.search(index=index, size=1000, query=query or {"match_all": {}})
        return [hit["_source"] for hit in found.get("hits", {}).get("hits", [])]

    def wait(self, condition: Any, what: str) -> Any:
        """Wait for something; the services' logs are shown if it does not come."""

        def logs() -> str:
            tails = (f"--- {s.name}\n{s.output[-3000:]}" for s in self.services.started)
            return "\n".join([what, *tails])

        return wait_until(condition, PATIENCE_SECONDS, logs)

    def close(self) -> None:
        """End the services, leave nothing behind in Elasticsearch."""
        self.services.end()
        delete_documents(self.settings)
        self.elasticsearch.close()


def address(service: ServiceProcess) -> str:
    """Where a service says that it can be asked."""
    service.wait_for_log("health and metrics")
    for line in service.output.splitlines():
        if '"health and metrics"' in line:
            return str(json.loads(line)["address"])
    raise AssertionError(service.output)


def get(url: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def ready(url: str) -> dict[str, bool]:
    """Condition -> whether it holds; with the status they must add up to."""
    status, body = get(f"{url}/health/ready")
    report = json.loads(body)
    held = {name: condition["holds"] for name, condition in report["conditions"].items()}
    assert report["healthy"] == all(held.values()) == (status == 200)
    return held


def samples(url: str) -> Samples:
    """All samples of a page of metrics: name -> labels -> value."""
    status, body = get(f"{url}/metrics")
    assert status == 200
    found: Samples = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def total(found: Samples, name: str, **labels: str) -> float:
    """The sum of all samples of a name that have these labels."""
    return sum(v for k, v in found.get(name, {}).items() if labels.items() <= dict(k).items())
