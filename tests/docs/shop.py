"""What the pages take for granted: a shop whose orders a model has scored for two weeks."""

import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from elasticsearch import Elasticsearch
from leftovers import delete_documents
from real_stack import RealStack
from rich.console import Console
from service_processes import ServiceProcess, ServiceProcesses, as_variables
from waiting import wait_until

import trainer
from contracts.control_topic import read_control
from contracts.deployments import Deployment
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.model_store import ModelStore
from contracts.release_rules import MonitorRule
from contracts.settings import Settings, load_settings
from elk import monitor
from prediction_log.template import install_template
from trainer.deployments.control_writer import sealed, write

MODEL = "fraud"
VERSIONS = ("1", "2", "3", "4")
CHAMPION, STANDBY = "3", "2"
ORDERS = 600
_PATIENCE_SECONDS = 90
_TARGET = "was_fraud"
_NO_FEATURES = ("order_id", "customer")


class Shop:
    """Kafka and Elasticsearch with topics and indices of its own, a worker and an indexer; of the
    model `fraud` version 3 serves and 2 stands by. Every order has its label and its outcome."""

    def __init__(self, stack: RealStack, folder: Path) -> None:
        unique = uuid.uuid4().hex[:12]
        self.folder = folder
        self.settings = load_settings(
            project_dir=folder,
            bootstrap_servers=stack.bootstrap_servers,
            elasticsearch=stack.elasticsearch,
            topic_prefix=f"t{unique}.",
            index_prefix=f"t{unique}",
            snapshot_location=f"t{unique}",
            session_timeout_ms=6000,
            stats_interval_seconds=1,
        )
        self.variables = as_variables(self.settings)
        self.services = ServiceProcesses(self.settings, folder)
        self._indexer: ServiceProcess | None = None
        self.search = Elasticsearch(self.settings.elasticsearch_url)
        create_topics(self.settings)
        install_template(self.settings)
        generate_keys(self.settings.keys)

    def open(self) -> None:
        """Train, serve, sell, and learn which orders were frauds."""
        orders().to_csv(self.folder / "orders.csv", index=False)
        for _ in VERSIONS:
            self.train(MODEL)
        self.as_before()
        self.services.start("stream_workers")
        columns = ("--id-column", "order_id", "--time-column", "ordered_at")
        columns += ("--entity-column", "customer", "--label-column", _TARGET)
        self.millrace("produce", "orders.csv", "--model", MODEL, *columns)
        self.wait_for_documents("predictions", ORDERS)
        self.wait_for_documents("labels", ORDERS)
        assert not [done for done in monitor.once(self.settings) if done.failure]

    def close(self) -> None:
        """End the services, leave nothing behind in Elasticsearch."""
        self.services.end()
        delete_documents(self.settings)
        self.search.close()

    def start_indexer(self) -> None:
        """Unless it runs; returns when it is at work."""
        if self._indexer is None:
            self._indexer = self.services.start("elk")
            self._indexer.wait_for_log("partitions assigned")

    def stop_indexer(self) -> None:
        """In order."""
        assert self._indexer is not None
        assert self._indexer.stop() == 0, self._indexer.output
        self._indexer = None

    @property
    def elsewhere(self) -> Settings:
        """The same with other indices, whose documents stand in no topic."""
        prefix = f"{self.settings.index_prefix}-elsewhere"
        return self.settings.model_copy(update={"index_prefix": prefix})

    def train(self, model: str) -> None:
        """The next version of a model, a candidate."""
        recipe = trainer.Recipe(
            model=model,
            data=str(self.folder / "orders.csv"),
            target=_TARGET,
            estimator="linear",
            exclude=_NO_FEATURES,
            monitor=MonitorRule(least_rows=20),
        )
        trainer.train(recipe, self.settings, Console(quiet=True))

    def as_before(self) -> None:
        """Whatever a page has deployed or ended since."""
        self.start_indexer()
        in_force = read_control(self.settings).log.newest(MODEL)
        store = ModelStore(self.settings.store_url)
        deployment = Deployment(
            environment=self.settings.environment,
            model=MODEL,
            sequence=in_force.sequence + 1 if in_force else 1,
            champion=store.find(MODEL, CHAMPION),
            standby=store.find(MODEL, STANDBY),
            author="the shop",
            reason="as before",
            created_at=datetime.now(UTC),
        )
        write(self.settings, MODEL, sealed(self.settings, deployment))

    def millrace(self, *arguments: str) -> None:
        """The command; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.folder,
            env=self.services.environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr

    def documents(self, kind: str, **term: str) -> list[dict[str, Any]]:
        """Those of a kind that can be found now."""
        index = f"{self.settings.index_prefix}-{kind}-*"
        search = self.search.options(ignore_status=(404, 503))
        search.indices.refresh(index=index)
        query = {"term": term} if term else {"match_all": {}}
        found = search.search(index=index, size=10_000, query=query)
        return list(found.get("hits", {}).get("hits", []))

    def wait_for_documents(self, kind: str, count: int, **term: str) -> list[dict[str, Any]]:
        """Wait until there are so many; the services' logs are shown if they do not come."""

        def logs() -> str:
            told = (f"--- {one.name}\n{one.output[-3000:]}" for one in self.services.started)
            return "\n".join([f"{count} {kind}", *told])

        wait_until(lambda: len(self.documents(kind, **term)) >= count, _PATIENCE_SECONDS, logs)
        return self.documents(kind, **term)


def orders(rows: int = ORDERS) -> pd.DataFrame:
    """Orders of the last fortnight: numbers, categories, truths, gaps, and which were frauds."""
    random = np.random.default_rng(7)
    now, step = datetime.now(UTC), timedelta(days=14) / rows
    times = [now - timedelta(hours=1) - step * number for number in reversed(range(rows))]
    amount = random.lognormal(3, 1, rows)
    country = random.choice(["NO", "SE", "DE"], rows)
    member = random.random(rows) < 0.5
    likely = (amount > 25) & (country != "NO") | (random.random(rows) < 0.05)
    return pd.DataFrame(
        {
            "order_id": [f"order-{number}" for number in range(rows)],
            "ordered_at": [time.isoformat(timespec="seconds") for time in times],
            "customer": [f"customer-{number % 40}" for number in range(rows)],
            "amount": np.where(random.random(rows) < 0.1, np.nan, amount.round(2)),
            "country": country,
            "member": member,
            _TARGET: np.where(likely, "yes", "no"),
        }
    )
