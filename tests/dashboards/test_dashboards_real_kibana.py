"""A real Kibana takes all that is built, gives it back unchanged, and makes the rules."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from dashboards import kibana_container
from dashboards.seeded import seed

from contracts.settings import Settings, load_settings
from elk.dashboards import dashboards
from elk.dashboards.checking.reading import ReadObject, read
from elk.dashboards.importing import export_objects, import_objects
from elk.dashboards.kibana import Kibana
from elk.dashboards.rules import RULES, create_rules
from elk.dashboards.saved_objects import as_ndjson, saved_objects
from prediction_log.client import connect
from prediction_log.template import install_template

pytestmark = [pytest.mark.kibana, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """Settings for a real Kibana whose Elasticsearch has documents of every kind."""
    with kibana_container.session() as (kibana, elasticsearch):
        made = load_settings(kibana=kibana, elasticsearch=elasticsearch)
        install_template(made)
        client = connect(made)
        seed(client, made, datetime.now(UTC))
        client.close()
        yield made


def test_what_is_imported_comes_back_as_it_was(settings: Settings) -> None:
    ndjson, kibana = as_ndjson(saved_objects(settings, dashboards())), Kibana(settings)
    ours, _ = read(ndjson)
    assert import_objects(kibana, ndjson) == len(ours)
    assert import_objects(kibana, ndjson) == len(ours)
    named = [{"type": one.body["type"], "id": one.body["id"]} for one in ours]
    theirs, problems = read(export_objects(kibana, named))
    assert problems == []
    by_id = {one.body["id"]: one for one in theirs}
    assert by_id.keys() == {one.body["id"] for one in ours}
    for one in ours:
        assert _lost(_content(one), _content(by_id[one.body["id"]])) == [], one.name


def test_rules_are_made_and_then_left_alone(settings: Settings) -> None:
    assert create_rules(Kibana(settings), settings) == (len(RULES), 0)
    assert create_rules(Kibana(settings), settings) == (0, len(RULES))


def _content(one: ReadObject) -> dict[str, Any]:
    references = sorted(one.body["references"], key=json.dumps)
    plain = {k: v for k, v in one.body["attributes"].items() if not isinstance(v, (str, dict))}
    return {"references": references, "attributes": plain, "inside": one.inside}


def _lost(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where Kibana does not have what we gave it; what it adds itself is no loss."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [p for k, v in ours.items() for p in _lost(v, theirs.get(k), f"{path}.{k}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [p for n, (a, b) in pairs for p in _lost(a, b, f"{path}[{n}]")]
    return [] if ours == theirs else [f"{path}: {ours!r} became {theirs!r}"]
