"""`millrace models`: what is in the model store, what is deployed, and how it came to be."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from cli.deployed import deployments_in_force, role
from cli.model_tables import headline, minute, print_features, print_metrics, print_origin
from cli.options import BootstrapServers, Json
from cli.output import print_json, print_table, stderr, stdout
from contracts.errors import PackageError, UsageError
from contracts.packages import Manifest, Metrics
from contracts.settings import load_settings

if TYPE_CHECKING:
    from contracts.model_store import ModelStore
    from trainer.control_topic import ControlRecord

app = typer.Typer(
    help="List, show and publish the versions of models.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The model.")]
Version = Annotated[
    str | None, typer.Argument(metavar="[VERSION]", help="Its version; default: the newest.")
]


class ListedVersion(Struct, frozen=True, kw_only=True):
    """One version in `models list --json`; `damaged` says what is wrong with its manifest."""

    model: str
    version: str
    digest: str
    deployed: str
    task: str | None = None
    trained_at: datetime | None = None
    metrics: dict[str, Metrics] = {}
    damaged: str | None = None


class ShownVersion(Struct, frozen=True, kw_only=True):
    """What `models show --json` prints."""

    digest: str
    deployed: str
    manifest: Manifest


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One record of the control topic in `models history --json`."""

    offset: int
    at: datetime
    sequence: int | None = None
    champion: str | None = None
    canary: str | None = None
    author: str | None = None
    reason: str | None = None
    rejected: str | None = None


@app.command("list")
def list_models(bootstrap_servers: BootstrapServers = None, json: Json = False) -> None:
    """List every version in the model store, and which of them are deployed.

    Example: `millrace models list`
    """
    from contracts.model_store import ModelStore

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    store = ModelStore(settings.store_url)
    deployments = deployments_in_force(settings)
    listed = [
        _listed(store, model, version, digest, role(deployments, model, digest))
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
            ("model", "version", "task", "test", "trained", "deployed"),
            [
                (v.model, v.version, v.task, _summary(v), minute(v.trained_at)[:10], v.deployed)
                for v in listed
            ],
        )


@app.command()
def show(
    name: Name,
    version: Version = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Show one version: its figures, data, features, libraries, and whether it is deployed.

    Examples: `millrace models show fraud`, `millrace models show fraud 3 --json`
    """
    from contracts.model_store import ModelStore
    from trainer.deploying import find_version
    from trainer.recipes import check_model_name

    check_model_name(name)
    settings = load_settings(bootstrap_servers=bootstrap_servers)
    store = ModelStore(settings.store_url)
    found = find_version(store, name, version)
    manifest = store.manifest(name, found.digest)
    deployed = role(deployments_in_force(settings), name, found.digest)
    if json:
        print_json(ShownVersion(digest=found.digest, deployed=deployed, manifest=manifest))
        return
    stdout.print(f"{name} {found.version}", style="bold")
    print_origin(manifest, found.digest, deployed or "no")
    print_metrics(manifest)
    print_features(manifest)


@app.command()
def publish(
    name: Name,
    version: Version = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept in the history.")
    ] = "published",
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Make a version the champion: every running worker loads it and swaps within seconds.

    The package is verified first. The bytes that serve already are not published again.

    Examples: `millrace models publish fraud`,
    `millrace models publish fraud 3 --reason "the newer one drifts"`
    """
    from trainer import deploy

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    with stderr.status("verifying and publishing …"):
        done = deploy(settings, name, version, reason)
    if json:
        print_json({"changed": done.changed, "deployment": done.deployment})
        return
    champion, sequence = done.deployment.champion, done.deployment.sequence
    if done.changed:
        before = done.previous.champion.version if done.previous else None
        text = f"version {champion.version} of {name} is the champion now (sequence {sequence}"
        text += f"; it was version {before})" if before else ")"
    else:
        text = (
            f"the same bytes serve already, as version {champion.version} of {name} "
            f"(sequence {sequence}): nothing to do"
        )
    stdout.print(text, markup=False, soft_wrap=True)


@app.command()
def keygen(json: Json = False) -> None:
    """Create the key pairs that sign packages and deployments, where they do not exist yet.

    The private keys stay in the folder of keys (MILLRACE_KEYS_DIR) with mode 0600; workers need
    only its folder `trusted`. `millrace up` does the same.

    Example: `millrace models keygen`
    """
    from contracts.signatures import generate_keys

    settings = load_settings()
    ids = generate_keys(settings.keys)
    if json:
        print_json({"folder": str(settings.keys), "keys": ids})
        return
    print_table(f"keys in {settings.keys}", ("signs", "key id"), ids.items())


@app.command()
def history(name: Name, bootstrap_servers: BootstrapServers = None, json: Json = False) -> None:
    """Show every deployment of a model, and every message that was refused and why.

    Example: `millrace models history fraud`
    """
    from trainer.control_topic import read_control
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
        ("sequence", "champion", "canary", "at (UTC)", "by", "reason"),
        [
            (e.sequence, e.champion, e.canary, minute(e.at), e.author, e.reason)
            if e.rejected is None
            else ("refused", "", "", minute(e.at), "", e.rejected)
            for e in entries
        ],
    )


def _listed(
    store: "ModelStore", model: str, version: str, digest: str, deployed: str
) -> ListedVersion:
    try:
        manifest = store.manifest(model, digest)
    except PackageError as error:
        return ListedVersion(
            model=model, version=version, digest=digest, deployed=deployed, damaged=str(error)
        )
    return ListedVersion(
        model=model,
        version=version,
        digest=digest,
        deployed=deployed,
        task=manifest.task,
        trained_at=manifest.created_at,
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
        author=deployment.author,
        reason=deployment.reason,
    )


def _model(record: "ControlRecord") -> str | None:
    return record.deployment.model if record.deployment else None
