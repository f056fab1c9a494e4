"""Models that come from elsewhere, and go there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from cli.models.arguments import Name, Version
from cli.models.tables import print_features, print_metrics
from cli.options import BootstrapServers, Json
from cli.output import print_json, print_lines, stderr
from contracts.errors import UsageError
from contracts.packages import PayloadFormat
from contracts.settings import load_settings

if TYPE_CHECKING:
    from trainer.foreign_models import ForeignModel


def import_(
    estimator: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A joblib file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model it is a version of.")
    ] = None,
    from_mlflow: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="In place of FILE: a model folder of MLflow, or a URI that MLflow resolves, as "
            "models:/fraud/3 or runs:/RUN/model (MLFLOW_TRACKING_URI says where).",
        ),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON: the features, and the target's column. From MLflow, default: the model's "
            "signature.",
        ),
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Rows as events will bring them (CSV, Parquet). From MLflow, default: the "
            "model's input example.",
        ),
    ] = None,
    payload: Annotated[
        str, typer.Option(metavar="FORMAT", help="joblib, or skops: loads without unpickling.")
    ] = "joblib",
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Package a scikit-learn estimator or pipeline that was fitted elsewhere.

    The schema names the features in the order of the fit, each with its kind: numeric, boolean,
    categorical, text or datetime. Golden samples are taken from the sample; if it has the target's
    column, the gate compares on it. The file is unpickled here, and so is what comes from MLflow:
    import only what people made whom you trust.

    Examples:

    `millrace models import model.joblib --schema schema.json --sample rows.csv --model fraud`

    `millrace models import --from-mlflow models:/fraud/3 --sample rows.csv --model fraud`
    """
    from trainer.importing import import_model

    if model is None:
        raise UsageError("say of which model it is a version, with --model NAME")
    settings = load_settings(bootstrap_servers=bootstrap_servers)
    with stderr.status("packaging …"):
        foreign = _foreign(estimator, from_mlflow, schema, sample)
        manifest, digest = import_model(settings, model, foreign, _format(payload))
    if json:
        print_json({"model": model, "version": manifest.version, "digest": digest})
        return
    print_features(manifest)
    if manifest.metrics:
        print_metrics(manifest)
    print_lines(
        {
            "task": manifest.task,
            "version": f"{manifest.version} of {model}",
            "digest": digest,
            "next": f"millrace models publish {model}",
        }
    )


def export(
    name: Name,
    version: Version = None,
    to_mlflow: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder that does not exist yet.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a version as a model folder of MLflow (flavor scikit-learn).

    `mlflow.pyfunc.load_model(DIR).predict(frame)` then gives the probabilities of a classification,
    in the order of the classes, and the plain answers of other tasks. Version, digest, figures,
    threshold and classes are in the folder's metadata. Needs the extra mlflow.

    Example: `millrace models export fraud 3 --to-mlflow fraud-3`
    """
    from trainer.mlflow_models.exporting import export_to_mlflow

    if to_mlflow is None:
        raise UsageError("say where to, with --to-mlflow DIR")
    with stderr.status("verifying and writing …"):
        exported = export_to_mlflow(load_settings(), name, version, to_mlflow)
    if json:
        print_json(exported)
        return
    print_lines(
        {
            "version": f"{exported.version} of {name}",
            "digest": exported.digest,
            "folder": exported.folder,
            "loads by": f"mlflow.pyfunc.load_model({exported.folder!r}): {exported.answers}",
        }
    )


def _foreign(
    estimator: Path | None, source: str | None, schema: Path | None, sample: Path | None
) -> "ForeignModel":
    from trainer.foreign_models import read_files
    from trainer.mlflow_models.reading import read_from_mlflow

    if (estimator is None) == (source is None):
        raise UsageError("name either a joblib FILE or --from-mlflow SOURCE")
    if source is not None:
        return read_from_mlflow(source, schema, sample)
    if estimator is None or schema is None or sample is None:
        raise UsageError(
            "a joblib file needs --schema FILE and --sample FILE: it says nothing of its features"
        )
    return read_files(estimator, schema, sample)


def _format(payload: str) -> PayloadFormat:
    for known in get_args(PayloadFormat):
        if payload == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"there is no payload '{payload}': choose joblib or skops")
