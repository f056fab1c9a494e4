"""The whole examination: what cannot be asked is a finding too, and the rest goes on."""

import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from kafka.errors import KafkaError

from cli.diagnosis import clocks, groups, keys, models, storage, topics, versions
from cli.diagnosis import kafka_facts as kafka
from cli.diagnosis.elasticsearch_facts import elasticsearch_facts
from cli.diagnosis.findings import Finding, error, ok, warning
from cli.running_services import appended_times, running_services
from contracts.errors import MillraceError
from contracts.settings import Settings
from contracts.topics import Topics
from prediction_log.client import tls_context
from prediction_log.template import template_body

START = {"worker": "millrace worker", "indexer": "millrace indexer"}
_KIBANA_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 5.0
"""Longer than any batch should take to be finished."""
_REACH = "kafka"


def examine(settings: Settings) -> list[Finding]:
    """Look at everything.

    Raises:
        ConfigurationError: it is not known where Kafka or Elasticsearch is.
    """
    settings.kafka, settings.elasticsearch_url  # noqa: B018 - fail here, with one sentence
    found = [*keys.check_keys(settings)]
    reached = [*_guarded(_REACH, lambda: _kafka(settings))]
    found += reached
    # Causes come before what follows from them.
    found += _guarded(storage.CHECK, lambda: _elasticsearch(settings))
    if not any(f.severity == "error" and f.check == _REACH for f in reached):
        found += _guarded("models", lambda: models.check_models(settings))
        found += _guarded("consumer groups", lambda: _groups(settings))
        found += _guarded("services", lambda: _services(settings))
    if settings.kibana:
        found += _guarded("kibana", lambda: _kibana(settings, settings.kibana or ""))
    return found


def _guarded(check: str, ask: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(ask())
    except (MillraceError, KafkaError) as failure:
        sentence = str(failure) or type(failure).__name__
        return [error(check, sentence, "start it, or correct the address, account or rights")]
    except Exception as failure:  # the other findings must be told whatever this is
        sentence = f"it cannot be examined: {type(failure).__name__}: {failure}"
        return [error(check, sentence, "this is a defect of the doctor: report it, please")]


def _kafka(settings: Settings) -> Iterator[Finding]:
    yield from versions.check_kafka(kafka.version(settings))
    yield ok(_REACH, f"Kafka answers at {settings.kafka}")
    declared = Topics(settings)
    yield from topics.check_topics(declared.all(), declared.features.name, kafka.topics(settings))


def _groups(settings: Settings) -> Iterator[Finding]:
    before = found = kafka.groups(settings)
    if any(group.lag and group.members for group in before.values()):
        time.sleep(_LOOK_AGAIN_SECONDS)
        found = kafka.groups(settings)
    own = {f"workers-{m}": f"millrace worker --model {m}" for m in settings.models_with_topics}
    yield from groups.check_groups(found, START | own, groups.standing_still(before, found))


def _services(settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    states = running_services(settings, now, ask_kafka=True)
    for state in states:
        if state.health != "ready":
            yield warning(
                "services",
                f"{state.stats.member} is not ready: {state.health}",
                f"see its log, and {state.stats.address}/health/ready",
            )
    told = {state.stats.member: state.stats.version for state in states}
    yield from versions.check_services(told, version("millrace"))
    ahead = kafka.clocks(appended_times(settings, now))
    yield from clocks.check_clocks({f"{m} against Kafka": s for m, s in ahead.items()})


def _elasticsearch(settings: Settings) -> Iterator[Finding]:
    facts = elasticsearch_facts(settings)
    yield ok(storage.CHECK, f"Elasticsearch answers at {settings.elasticsearch_url}")
    yield from versions.check_elasticsearch(facts.versions, version("elasticsearch"))
    yield from clocks.check_clocks({"Elasticsearch against this machine": facts.ahead})
    yield from storage.check_health(facts.status, facts.unassigned)
    yield from storage.check_disks(facts.disks)
    yield from storage.check_blocks(facts.blocked)
    yield storage.check_template(template_body(settings), facts.template)
    if facts.missing_rights:
        # An operator's account only looks; which one the indexer has is not known here.
        found = error if "read" in facts.missing_rights else warning
        yield found(
            "permissions",
            f"this account lacks {', '.join(facts.missing_rights)} on {settings.index_prefix}-*",
            "no matter for who only looks; services need their roles "
            "(deploy/elasticsearch/roles.json)",
        )


def _kibana(settings: Settings, kibana: str) -> Iterator[Finding]:
    context = tls_context(settings) if kibana.startswith("https:") else None
    url = f"{kibana.rstrip('/')}/api/status"
    try:
        with urllib.request.urlopen(url, timeout=_KIBANA_SECONDS, context=context):
            yield ok("kibana", f"Kibana answers at {kibana}")
    except (OSError, ValueError) as failure:
        yield warning(
            "kibana", f"Kibana at {kibana} does not answer: {failure}", "start it, or see its log"
        )
