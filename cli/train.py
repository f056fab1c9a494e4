"""`millrace train`: a model from a recipe or from any tabular file."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct
from msgspec.structs import replace

from cli.models.tables import print_checks, print_features, print_metrics, tuning_words
from cli.options import BootstrapServers, Json
from cli.output import print_json, print_lines, say, stderr
from contracts.errors import UsageError
from contracts.packages import Importance, Metrics, TuningRecord
from contracts.settings import load_settings

if TYPE_CHECKING:
    from trainer import Recipe, TrainedVersion
    from trainer.releasing import Release


_REQUIRED = ("data", "target", "model")


class TrainingResult(Struct, frozen=True, kw_only=True):
    """What `--json` prints; `release` is null without --publish."""

    model: str
    version: str
    digest: str
    task: str
    why_task: str
    estimator: str
    why_estimator: str
    split: str
    time_column: str | None
    rows: int
    rows_without_target: int
    features: dict[str, str]
    left_out: dict[str, str]
    classes: tuple[str, ...]
    threshold: float | None
    metrics: dict[str, Metrics]
    tuning: TuningRecord | None
    importance: Importance | None
    parent: str | None
    start: datetime | None
    end: datetime | None
    release: "Release | None"


def train(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="[RECIPE]", help="A recipe in TOML.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="CSV, TSV, JSON lines or Parquet; log:MODEL for what was served and labelled; or "
            "module:function.",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="The column to foretell; several: several at once."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Lower-case letters, digits, underscores.")
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            metavar="TASK",
            help="auto, classification, regression, multi_output, clustering or anomaly; auto "
            "finds out from the target, which clustering and anomaly have none of.",
        ),
    ] = "auto",
    estimator: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="auto, linear, forest, boosting, or module:name of any other; auto: boosting "
            "from 1,000 rows, else linear.",
        ),
    ] = "auto",
    time_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Split by it, oldest first; default: found out."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="No feature; can be given several times."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Text for reading; default: found out."),
    ] = None,
    moments: Annotated[
        list[str] | None,
        typer.Option("--datetime", metavar="COLUMN", help="A time that is a feature."),
    ] = None,
    payload: Annotated[
        str, typer.Option(metavar="FORMAT", help="joblib, or skops: loads without unpickling.")
    ] = "joblib",
    publish: Annotated[
        bool, typer.Option("--publish", help="Make it the champion, if the gate passes it.")
    ] = False,
    if_better: Annotated[
        bool,
        typer.Option(
            "--if-better",
            help="With --publish: only if it is better than the champion on the same rows.",
        ),
    ] = False,
    tune: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Try N sets of parameters and take the best on validation rows; goes on where an "
            "interrupted run was. Also with a recipe. Needs the extra tune.",
        ),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Train a model, evaluate it, and put it into the model store as its next version.

    Rows are split 60/20/20 into train, validation and test: by time if there is a time column,
    else at random. Two-class models get the threshold with the best F1 on validation. Nothing
    is deployed: that is `millrace models publish`. Kafka is not needed.

    With --publish the version becomes the champion if the gate passes it, and with --if-better only
    if its AUC, accuracy or R² is better than the champion's on the same rows; the first version of
    a model has nobody to beat. Exit status 4: not published, nothing has changed.

    Examples:

    `millrace train --data orders.csv --target was_fraud --model fraud`

    `millrace train --data houses.parquet --target price --model prices --estimator forest`

    `millrace train --data sensors.csv --task anomaly --model sensors`

    `millrace train --data log:fraud --target was_fraud --model fraud`

    `millrace train recipes/flights.toml --json`

    `millrace train recipes/flights.toml --publish --if-better --json`

    `millrace train recipes/flights.toml --tune 30`
    """
    from trainer import train as train_model
    from trainer.releasing import NOT_PUBLISHED, require_publish, train_and_publish

    require_publish(publish, if_better)
    settings = load_settings(bootstrap_servers=bootstrap_servers)
    options = {
        "data": data,
        "target": tuple(target or ()),
        "model": model,
        "task": None if task == "auto" else task,
        "estimator": None if estimator == "auto" else estimator,
        "time_column": time_column,
        "exclude": tuple(exclude) if exclude else None,
        "kinds": dict.fromkeys(text or (), "text") | dict.fromkeys(moments or (), "datetime"),
        "payload": None if payload == "joblib" else payload,
    }
    chosen = _recipe(recipe, {name: value for name, value in options.items() if value})
    if tune is not None:
        chosen = _with_trials(chosen, tune)
    release: Release | None = None
    if publish:
        trained, release = train_and_publish(chosen, settings, stderr, if_better=if_better)
    else:
        trained = train_model(chosen, settings, stderr)
    if json:
        print_json(_result(trained, release))
    else:
        _print_for_people(trained, release)
    if release is not None and not release.published:
        raise typer.Exit(NOT_PUBLISHED)


def _recipe(path: Path | None, options: dict[str, Any]) -> "Recipe":
    from trainer import Recipe, read_recipe
    from trainer.recipes import WITHOUT_TARGET

    if path is not None:
        if options:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in options)
            raise UsageError(f"give either the recipe {path} or {names}; the recipe says it all")
        return read_recipe(path)
    required = ("data", "model") if options.get("task") in WITHOUT_TARGET else _REQUIRED
    missing = [f"--{name}" for name in required if name not in options]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} not given: name a recipe, or a file, its target column and "
            "the model, as in 'millrace train --data my.csv --target y --model mine'"
        )
    return Recipe(**options)


def _with_trials(recipe: "Recipe", trials: int) -> "Recipe":
    from trainer.search_spaces import Tuning

    tuning = Tuning(trials=trials) if recipe.tuning is None else recipe.tuning
    return replace(recipe, tuning=replace(tuning, trials=trials))


def _result(trained: "TrainedVersion", release: "Release | None") -> TrainingResult:
    manifest = trained.manifest
    return TrainingResult(
        model=trained.model,
        version=trained.version,
        digest=trained.digest,
        task=manifest.task,
        why_task=trained.why_task,
        estimator=manifest.estimator,
        why_estimator=trained.why_estimator,
        split=trained.split,
        time_column=manifest.data.time_column,
        rows=manifest.data.rows,
        rows_without_target=trained.rows_without_target,
        features={feature.name: feature.kind for feature in manifest.schema.features},
        left_out=manifest.data.left_out,
        classes=manifest.classes,
        threshold=manifest.threshold,
        metrics=manifest.metrics,
        tuning=manifest.tuning,
        importance=manifest.importance,
        parent=manifest.parent,
        start=manifest.data.start,
        end=manifest.data.end,
        release=release,
    )


def _print_for_people(trained: "TrainedVersion", release: "Release | None") -> None:
    manifest = trained.manifest
    dropped = trained.rows_without_target
    print_lines(
        {
            "task": f"{manifest.task}: {trained.why_task}",
            "estimator": f"{manifest.estimator}: {trained.why_estimator}",
            "rows": f"{manifest.data.rows:,}"
            + (f", and {dropped:,} without a target that were dropped" if dropped else ""),
            "time": f"{manifest.data.time_column or 'none'}: {trained.why_time}",
            "split": trained.split,
            "tuned": tuning_words(manifest),
        }
    )
    print_features(manifest)
    print_metrics(manifest)
    if release is not None and release.gate is not None:
        print_checks(release.gate.checks)
    print_lines(
        {
            "version": f"{trained.version} of {trained.model}",
            "digest": trained.digest,
            "next": "" if release else f"millrace models publish {trained.model}",
        }
    )
    if release is not None and release.published:
        say(f"version {trained.version} of {trained.model} is the champion now")
    elif release is not None:
        say(f"not published, {_who_serves(release)}: {release.reason}")


def _who_serves(release: "Release") -> str:
    return f"version {release.champion} serves on" if release.champion else "nothing serves yet"
