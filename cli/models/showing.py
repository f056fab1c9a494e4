"""One version in detail, what workers really run of it, and two versions side by side."""

from typing import Annotated

import typer
from msgspec import Struct

from cli.models.arguments import Name, NamedVersion, Version
from cli.models.deployed import deployment_histories, life_cycle, role
from cli.models.tables import (
    print_comparison,
    print_features,
    print_metrics,
    print_origin,
    print_parameters,
)
from cli.options import BootstrapServers, Json
from cli.output import print_json, print_table, stdout
from contracts.model_events import ModelEvent
from contracts.packages import Manifest, Metrics
from contracts.settings import Settings, load_settings


class ShownVersion(Struct, frozen=True, kw_only=True):
    """What `models show --json` prints."""

    digest: str
    deployed: str
    state: str
    manifest: Manifest
    workers: list[ModelEvent] | None = None


class Comparison(Struct, frozen=True, kw_only=True):
    """What `models compare --json` prints: both manifests, and what differs."""

    model: str
    versions: tuple[str, str]
    metrics: dict[str, dict[str, tuple[float | None, float | None]]]
    parameters: dict[str, tuple[str | None, str | None]]
    features: dict[str, tuple[str | None, str | None]]
    libraries: dict[str, tuple[str | None, str | None]]
    same_data: bool


def show(
    name: Name,
    version: Version = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the workers which versions they really run.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Show one version: its figures, data, features, libraries, and whether it is deployed.

    Examples: `millrace models show fraud`, `millrace models show fraud 3 --json`,
    `millrace models show fraud --live`
    """
    from contracts.model_store import ModelStore
    from trainer.recipes import check_model_name

    check_model_name(name)
    settings = load_settings(bootstrap_servers=bootstrap_servers)
    store = ModelStore(settings.store_url)
    found = store.find(name, version)
    manifest = store.manifest(name, found.digest)
    histories = deployment_histories(settings)
    state = life_cycle(histories, name, found.version, found.digest)
    workers = _ask_workers(settings, name) if live else None
    if json:
        print_json(
            ShownVersion(
                digest=found.digest,
                deployed=role(histories, name, found.digest),
                state=state,
                manifest=manifest,
                workers=workers,
            )
        )
        return
    stdout.print(f"{name} {found.version}", style="bold")
    print_origin(manifest, found.digest, state)
    print_metrics(manifest)
    print_features(manifest)
    print_parameters(manifest)
    if workers is not None:
        _print_workers(name, workers)


def compare(
    name: Name,
    version: NamedVersion,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The version beside it.")],
    json: Json = False,
) -> None:
    """Put two versions side by side: figures, and what differs in how they were made.

    The figures are those of each version's own rows; the gate compares on the same rows.

    Example: `millrace models compare fraud 3 4`
    """
    from contracts.model_store import ModelStore
    from trainer.recipes import check_model_name

    check_model_name(name)
    store = ModelStore(load_settings().store_url)
    one, two = (store.manifest(name, store.find(name, v).digest) for v in (version, other))
    comparison = Comparison(
        model=name,
        versions=(one.version, two.version),
        metrics={
            rows: _beside(one.metrics.get(rows, {}), two.metrics.get(rows, {}))
            for rows in one.metrics | two.metrics
        },
        parameters=_differing(one.parameters, two.parameters),
        features=_differing(_kinds(one), _kinds(two)),
        libraries=_differing(one.libraries, two.libraries),
        same_data=one.data.fingerprint == two.data.fingerprint,
    )
    if json:
        print_json(comparison)
    else:
        print_comparison(one, two, comparison.metrics, _differences(comparison))


def _ask_workers(settings: Settings, name: str) -> list[ModelEvent]:
    from cli.models.waiting import running_workers
    from trainer.deployments.roll_call import call_roll

    return call_roll(settings, name, running_workers(settings))


def _print_workers(name: str, workers: list[ModelEvent]) -> None:
    if not workers:
        stdout.print("no worker answered: is any running?", markup=False)
        return
    print_table(
        f"what workers run for {name}",
        ("worker", "sequence", "versions", ""),
        [
            (
                answer.member,
                answer.sequence,
                ", ".join(
                    f"{version} {role_}" for version, role_ in (answer.versions or {}).items()
                ),
                answer.reason or ("paused" if answer.paused else ""),
            )
            for answer in workers
        ],
    )


def _beside(one: Metrics, two: Metrics) -> dict[str, tuple[float | None, float | None]]:
    return {name: (one.get(name), two.get(name)) for name in one | two}


def _differing(
    one: dict[str, str], two: dict[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    pairs = {name: (one.get(name), two.get(name)) for name in one | two}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _kinds(manifest: Manifest) -> dict[str, str]:
    return {
        feature.name: feature.kind + (", may be missing" if feature.nullable else "")
        for feature in manifest.schema.features
    }


def _differences(found: Comparison) -> list[tuple[str, str | None, str | None]]:
    return [
        (f"{what} {name}", *pair)
        for what, pairs in (
            ("parameter", found.parameters),
            ("feature", found.features),
            ("library", found.libraries),
        )
        for name, pair in pairs.items()
    ]
