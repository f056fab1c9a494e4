"""Training from the log: the recipe and its table where the data is `log:MODEL`."""

import pandas as pd
from msgspec.structs import replace

from contracts.control_topic import read_control
from contracts.errors import ConfigurationError, UsageError
from contracts.feature_schema import Feature
from contracts.model_store import ModelStore
from contracts.settings import Settings
from prediction_log.training_set import read_training_set, time_column
from trainer.recipes import LOG, Recipe, as_utc, check_model_name


def from_log(recipe: Recipe, settings: Settings, store: ModelStore) -> tuple[Recipe, pd.DataFrame]:
    """Read what versions of a model served, with labels, in the window of the recipe.

    The features are those of the version that serves, or else of the newest, and of the same
    kinds; what may be missing there may be missing in the new version, too.

    Returns:
        The recipe, speaking of the columns that the table has; and the table.

    Raises:
        UsageError: there is no such model, or nothing of it in the log.
        UnreachableError: Elasticsearch, Kafka or the store does not answer.
    """
    model = recipe.data.removeprefix(LOG)
    check_model_name(model)
    version = _serving(settings, model) or store.find(model).version
    features = store.features(model, version)
    if not features:
        raise UsageError(
            f"the features of version {version} of '{model}' are not known: the model store "
            f"{store.url} does not have it"
        )
    frame = read_training_set(
        settings,
        model,
        features,
        recipe.targets,
        recipe.start and as_utc(recipe.start),
        recipe.end and as_utc(recipe.end),
    )
    if frame.empty:
        raise UsageError(
            f"the log has no labelled event of '{model}' in the recipe's window: see that labels "
            "are sent and that 'millrace monitor' runs"
        )
    return _speaking_of(recipe, features, frame), frame


def _serving(settings: Settings, model: str) -> str | None:
    """The champion; a Kafka that is away must not pass for one that has none."""
    try:
        deployment = read_control(settings).log.newest(model)
    except ConfigurationError:
        return None
    return deployment.champion.version if deployment else None


def _speaking_of(recipe: Recipe, features: tuple[Feature, ...], frame: pd.DataFrame) -> Recipe:
    """What a recipe for another source says of columns that events do not have is left out."""
    kinds = {f.name: f.kind for f in features if not frame[f.name].isna().all()}
    asked = {name: kind for name, kind in recipe.kinds.items() if name in kinds}
    nullable = {f.name for f in features if f.nullable} | set(recipe.nullable)
    return replace(
        recipe,
        kinds=kinds | asked,
        nullable=tuple(f.name for f in features if f.name in nullable),
        exclude=tuple(name for name in recipe.exclude if name in frame.columns),
        time_column=time_column([f.name for f in features]),
    )
