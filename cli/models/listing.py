"""What is in the model store, what serves, and how it came to be."""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from cli.models.arguments import Name
from cli.models.deployed import deployment_histories, life_cycle, role
from cli.models.tables import (
    headline,
    minute,
)
from cli.options import BootstrapServers, Json
from cli.output import print_json, print_table, stdout
from contracts.errors import PackageError, UsageError
from contracts.packages import Metrics
from contracts.settings import load_settings

if TYPE_CHECKING:
    from contracts.control_topic import ControlRecord
    from contracts.model_store import ModelStore


class ListedVersion(Struct, frozen=True, kw_only=True):
    """One version in `models list --json`; `damaged` says what is wrong with its manifest."""

    model: str
    version: str
    digest: str
    deployed: str
    state: str
    task: str | None = None
    trained_at: datetime | None = None
    created_by: str | None = None
    parent: str | None = None
    metrics: dict[str, Metrics] = {}
    damaged: str | None = None


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One record of the control topic in `models history --json`."""

    offset: int
    at: datetime
    sequence: int | None = None
    champion: str | None = None
    canary: str | None = None
    shadows: tuple[str, ...] = ()
    paused: bool = False
    forced: str | None = None
    author: str | None = None
    reason: str | None = None
    rejected: str | None = None


def list_models(bootstrap_servers: BootstrapServers = None, json: Json = False) -> None:
    """List every version in the model store, and which of them are deployed.

    Example: `millrace models list`
    """
    from contracts.model_store import ModelStore

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    store = ModelStore(settings.store_url)
    histories = deployment_histories(settings)
    listed = [
        _listed(
            store,
            model,
            version,
            digest,
            role(histories, model, digest),
            life_cycle(histories, model, version, digest),
        )
        for model in store.models()
        for version, digest in store.versions(model).items()
    ]
    if json:
        print_json({"models": listed})
    elif not listed:
        stdout.print(
            f"no models in {settings.store_url} yet: train one with 'millrace train'",
            markup=False,
            soft_wrap=True,
        )
    else:
        print_table(
            f"models in {settings.store_url}",
            ("model", "version", "task", "test", "trained", "by", "parent", "state"),
            [
                (
                    *(v.model, v.version, v.task, _summary(v), minute(v.trained_at)[:10]),
                    *(v.created_by, v.parent, v.state),
                )
                for v in listed
            ],
        )


def history(name: Name, bootstrap_servers: BootstrapServers = None, json: Json = False) -> None:
    """Show every deployment of a model, and every message that was refused and why.

    Example: `millrace models history fraud`
    """
    from contracts.control_topic import read_control
    from trainer.recipes import check_model_name

    check_model_name(name)
    settings = load_settings(bootstrap_servers=bootstrap_servers)
    records = read_control(settings).records
    entries = [_entry(r) for r in records if name in (r.key, _model(r))]
    if not entries:
        raise UsageError(
            f"model '{name}' was never deployed: publish it with 'millrace models publish {name}'"
        )
    if json:
        print_json({"model": name, "history": entries})
        return
    print_table(
        f"deployments of {name}",
        ("sequence", "champion", "canary", "shadows", "at (UTC)", "by", "reason"),
        [
            (
                *(e.sequence, e.champion, e.canary, ", ".join(e.shadows), minute(e.at), e.author),
                _why(e),
            )
            if e.rejected is None
            else ("refused", "", "", "", minute(e.at), "", e.rejected)
            for e in entries
        ],
    )


def _listed(
    store: "ModelStore", model: str, version: str, digest: str, deployed: str, state: str
) -> ListedVersion:
    try:
        manifest = store.manifest(model, digest)
    except PackageError as error:
        return ListedVersion(
            model=model,
            version=version,
            digest=digest,
            deployed=deployed,
            state=state,
            damaged=str(error),
        )
    return ListedVersion(
        model=model,
        version=version,
        digest=digest,
        deployed=deployed,
        state=state,
        task=manifest.task,
        trained_at=manifest.created_at,
        created_by=manifest.created_by,
        parent=manifest.parent,
        metrics=manifest.metrics,
    )


def _summary(listed: ListedVersion) -> str:
    return listed.damaged or headline(listed.metrics)


def _entry(record: "ControlRecord") -> HistoryEntry:
    deployment = record.deployment
    if deployment is None:
        return HistoryEntry(offset=record.offset, at=record.at, rejected=record.rejected)
    canary = deployment.canary
    return HistoryEntry(
        offset=record.offset,
        at=record.at,
        sequence=deployment.sequence,
        champion=deployment.champion.version,
        canary=f"{canary.version} ({canary.weight:.0%})" if canary else None,
        shadows=tuple(shadow.version for shadow in deployment.shadows),
        paused=deployment.paused,
        forced=deployment.forced,
        author=deployment.author,
        reason=deployment.reason,
    )


def _model(record: "ControlRecord") -> str | None:
    return record.deployment.model if record.deployment else None


def _why(entry: HistoryEntry) -> str:
    said = [entry.reason or ""]
    said += ["(paused)"] if entry.paused else []
    said += ["(the gate was overruled)"] if entry.forced else []
    return " ".join(said)
