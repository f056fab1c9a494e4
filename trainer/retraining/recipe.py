"""The recipe of a retraining: that of the version that serves, on what it has served. Pure."""

import msgspec
from msgspec.structs import replace

from contracts.errors import UsageError
from contracts.packages import Manifest
from contracts.windows import Window
from trainer.recipes import LOG, Recipe


def again(champion: Manifest, window: Window) -> Recipe:
    """Its recipe, with the log for data and a task that newer rows do not change.

    The test is on rows that the champion was not trained on: it would be flattered by others.

    Raises:
        UsageError: its package carries no recipe.
    """
    if champion.recipe is None:
        raise UsageError(
            f"version {champion.version} of '{champion.model}' carries no recipe, so it cannot be "
            "trained again by itself: train a version with 'millrace train' and publish it"
        )
    try:
        recipe = msgspec.convert(champion.recipe, Recipe)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"the recipe of version {champion.version} of '{champion.model}' is that of another "
            f"release: {error}; train a version with this one and publish it"
        ) from error
    task = champion.task if recipe.task == "auto" else recipe.task
    data = LOG + champion.model
    return replace(
        recipe,
        data=data,
        start=window.start,
        end=window.end,
        test_after=champion.data.end,
        task=task,
    )
