"""A folder with keys and an empty model store, far from any Kafka; and small tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from contracts.keys import generate_keys
from contracts.settings import Settings, load_settings


@pytest.fixture
def offline(tmp_path: Path, no_variables: None) -> Settings:
    settings = load_settings(project_dir=tmp_path)
    generate_keys(settings.keys)
    return settings


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """600 orders in a CSV: a number with gaps, a text with gaps, a boolean, an id, a time."""
    rng = np.random.default_rng(0)
    rows = 600
    table = pd.DataFrame(
        {
            "order_id": np.arange(rows),
            "ordered_at": pd.date_range("2024-01-01", periods=rows, freq="h"),
            "amount": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(3, 1, rows)),
            "country": rng.choice(["NO", "SE", "DE", None], rows),  # type: ignore[arg-type]
            "member": rng.choice([True, False], rows),
        }
    )
    likely = (table["amount"].fillna(0) > 25) & (table["country"] != "NO")
    table["fraud"] = np.where(likely ^ (rng.random(rows) < 0.05), "yes", "no")
    path = tmp_path / "orders.csv"
    table.to_csv(path, index=False)
    return path
