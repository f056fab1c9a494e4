"""What blocks take for granted, and what must be so afterwards, by the command they begin with."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import joblib
import pandas as pd
import pytest
from docs.pages import Block
from docs.shell import Shell
from docs.shop import Shop
from logged_events import LoggedEvents
from sklearn.linear_model import LogisticRegression

from contracts.events import Classification, FeatureEvent, Label

Step = Callable[[Shop, Shell], None]
BEFORE: dict[tuple[str, str], Step] = {}
AFTER: dict[tuple[str, str], Step] = {}
_LETTERS = 12
_AMOUNTS = ["amount"]


def _before(page: str, command: str) -> Callable[[Step], Step]:
    return lambda step: BEFORE.setdefault((page, command), step)


def _after(page: str, command: str) -> Callable[[Step], Step]:
    return lambda step: AFTER.setdefault((page, command), step)


def steps_of(steps: dict[tuple[str, str], Step], block: Block) -> Iterator[Step]:
    """Those of a block: in `BEFORE`, what it takes for granted; in `AFTER`, what it must do."""
    for (page, command), step in steps.items():
        if page == block.page and block.code.startswith(command):
            yield step


@_before("docs/dead-letters.md", "millrace dead-letters list")
def _a_model_that_nobody_published(shop: Shop, shell: Shell) -> None:
    refunds = pd.read_csv(shop.folder / "orders.csv").head(_LETTERS)
    refunds.to_csv(shop.folder / "refunds.csv", index=False)
    shop.train("refunds")
    shop.millrace("produce", "refunds.csv", "--model", "refunds", "--entity-column", "customer")
    letters = shop.wait_for_documents("dead-letters", _LETTERS)
    shell.export(ID=letters[0]["_id"])


@_after("docs/dead-letters.md", "millrace dead-letters show")
def _its_events_are_scored(shop: Shop, shell: Shell) -> None:
    shop.wait_for_documents("predictions", _LETTERS, **{"model.name": "refunds"})


@_before("docs/disaster.md", "millrace documents snapshot restore")
def _the_indexer_rests(shop: Shop, shell: Shell) -> None:
    shop.stop_indexer()
    listed = shop.search.snapshot.get(repository=shop.settings.index_prefix, snapshot="_all")
    shell.export(NAME=listed["snapshots"][-1]["snapshot"])


@_before("docs/disaster.md", "millrace documents compare")
def _the_indexer_goes_on(shop: Shop, shell: Shell) -> None:
    shop.start_indexer()


@_after("docs/disaster.md", "millrace documents erase")
def _the_entity_is_gone(shop: Shop, shell: Shell) -> None:
    for kind in ("predictions", "outcomes"):
        assert shop.documents(kind)
        assert not shop.documents(kind, **{"entity.id": "customer-17"})


@_after("docs/guides/analyst.md", "millrace drift report")
def _there_is_a_page(shop: Shop, shell: Shell) -> None:
    assert "<html" in (shop.folder / "drift.html").read_text("utf-8")


@_before("docs/models.md", "millrace train recipes/fraud.toml")
def _a_recipe(shop: Shop, shell: Shell) -> None:
    (shop.folder / "recipes").mkdir(exist_ok=True)
    (shop.folder / "recipes" / "fraud.toml").write_text(
        'model = "fraud"\ndata = "../orders.csv"\ntarget = "was_fraud"\nestimator = "linear"\n'
        'exclude = ["order_id", "customer"]\n'
    )


@_after("docs/models.md", "millrace models explain")
def _there_is_a_plot(shop: Shop, shell: Shell) -> None:
    assert "<html" in (shop.folder / "fraud.html").read_text("utf-8")


@_before("docs/models.md", "millrace models import model.joblib")
def _a_model_made_elsewhere(shop: Shop, shell: Shell) -> None:
    table = pd.read_csv(shop.folder / "orders.csv").dropna()
    table.head(300).to_csv(shop.folder / "rows.csv", index=False)
    fitted = LogisticRegression().fit(table[_AMOUNTS], table["was_fraud"])
    joblib.dump(fitted, shop.folder / "model.joblib")
    schema = {"features": [{"name": "amount", "kind": "numeric"}], "target": "was_fraud"}
    (shop.folder / "schema.json").write_text(json.dumps(schema))


@_before("docs/models.md", "millrace models export")
def _a_registry_of_mlflow(shop: Shop, shell: Shell) -> None:
    import mlflow  # seconds

    uri, before = (shop.folder / "mlflow").as_uri(), mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        mlflow.set_tracking_uri(uri)
        table = pd.read_csv(shop.folder / "rows.csv")
        mlflow.sklearn.log_model(
            joblib.load(shop.folder / "model.joblib"),
            name="model",
            registered_model_name="fraud",
            input_example=table[_AMOUNTS],
            pip_requirements=[],
        )
        mlflow.set_tracking_uri(before)
    shell.export(MLFLOW_TRACKING_URI=uri, MLFLOW_ALLOW_FILE_STORE="true")


@_before("docs/producing.md", "millrace produce orders.csv")
def _the_orders_in_another_form(shop: Shop, shell: Shell) -> None:
    pd.read_csv(shop.folder / "orders.csv").to_parquet(shop.folder / "orders.parquet")


@_before("docs/retention.md", "export MILLRACE_KEEP_MONTHS_PREDICTIONS")
def _orders_of_long_ago(shop: Shop, shell: Shell) -> None:
    log = LoggedEvents(shop.elsewhere)
    at = datetime.now(UTC) - timedelta(days=500)
    for number in range(60):
        moment = at + timedelta(minutes=number)
        event = FeatureEvent(
            event_id=f"old-{number}",
            entity_id="customer-1",
            occurred_at=moment,
            model="fraud",
            features={"amount": float(number), "country": "NO", "member": True},
        )
        label = Label(event_id=event.event_id, model="fraud", label="no", occurred_at=moment)
        answer = Classification("no", 0.9, {"no": 0.9, "yes": 0.1})
        log.served(event, answer, label, version="3")
    log.write()
    log.client.close()
    shell.export(MILLRACE_INDEX_PREFIX=shop.elsewhere.index_prefix)


@_after("docs/retention.md", "export MILLRACE_KEEP_MONTHS_PREDICTIONS")
def _summaries_are_left(shop: Shop, shell: Shell) -> None:
    indices = set(shop.search.indices.get(index=f"{shop.elsewhere.index_prefix}-*"))
    old = [name for name in indices if "-predictions-" in name or "-outcomes-" in name]
    assert not old, shell.output
    assert [name for name in indices if "-summaries-" in name]
