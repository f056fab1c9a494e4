"""MLflow itself, where it is installed, and what we call our own in its folders."""

import os
from importlib import import_module
from typing import Any

from contracts.errors import ConfigurationError

OURS = "millrace"
"""The key of what we say in a folder's metadata."""


def mlflow_library() -> Any:
    """The library, which nothing else needs.

    Raises:
        ConfigurationError: it is not installed.
    """
    # Nobody asked us to tell MLflow's makers what people export.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        for part in ("artifacts", "models", "pyfunc", "sklearn"):
            import_module(f"mlflow.{part}")
        return import_module("mlflow")
    except ImportError as error:
        raise ConfigurationError(
            f"MLflow cannot be used here ({error}): install Millrace with its extra, "
            "pip install 'millrace[mlflow]'"
        ) from error
