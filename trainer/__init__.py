"""The trainer: from a recipe to a signed package in the model store, and on to the workers.

The names are loaded when they are first used: reading the control topic must not cost the import
of scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.deploying import Publication, deploy, publish
    from trainer.recipes import Recipe, read_recipe
    from trainer.training import TrainedVersion, train

__all__ = [
    "Publication",
    "Recipe",
    "TrainedVersion",
    "deploy",
    "publish",
    "read_recipe",
    "train",
]

_HOMES = {
    "Publication": "trainer.deploying",
    "Recipe": "trainer.recipes",
    "TrainedVersion": "trainer.training",
    "deploy": "trainer.deploying",
    "publish": "trainer.deploying",
    "read_recipe": "trainer.recipes",
    "train": "trainer.training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'trainer' has no attribute '{name}'")
