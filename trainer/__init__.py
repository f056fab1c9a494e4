"""The trainer: from a recipe to a signed package in the model store, and on to the workers.

The names are loaded when they are first used: reading the control topic must not cost the import
of scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.deployments.deploying import (
        Publication,
        deploy,
        pause,
        promote,
        publish,
        resume,
        retire,
        roll_back,
        start_canary,
        start_shadow,
    )
    from trainer.recipes import Recipe, read_recipe
    from trainer.training import TrainedVersion, train

__all__ = [
    "Publication",
    "Recipe",
    "TrainedVersion",
    "deploy",
    "pause",
    "promote",
    "publish",
    "read_recipe",
    "resume",
    "retire",
    "roll_back",
    "start_canary",
    "start_shadow",
    "train",
]

_HOMES = dict.fromkeys(__all__, "trainer.deployments.deploying") | {
    "Recipe": "trainer.recipes",
    "TrainedVersion": "trainer.training",
    "read_recipe": "trainer.recipes",
    "train": "trainer.training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'trainer' has no attribute '{name}'")
