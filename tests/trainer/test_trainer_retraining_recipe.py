"""A retraining is judged on what the version that serves was not trained on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from contracts.model_store import ModelStore
from contracts.settings import Settings
from contracts.side_files import from_bytes
from contracts.windows import Window
from trainer import Recipe, train
from trainer.gate.holdout import HeldOut
from trainer.retraining.recipe import again

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 3000


def test_the_held_out_rows_are_newer_than_all_that_the_champion_knows(
    offline: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    number = np.arange(ROWS, dtype=float)
    at = [START + timedelta(hours=n) for n in range(ROWS)]
    pd.DataFrame({"at": at, "number": number, "y": number % 7}).to_parquet(path)
    known = START + timedelta(hours=2700)
    recipe = Recipe(model="m", data=str(path), target="y", time_column="at", final_fit="all")
    champion = train(msgspec.structs.replace(recipe, end=known), offline).manifest

    found = again(champion, Window(START, START + timedelta(hours=ROWS)))
    assert found.data == "log:m"
    candidate = train(msgspec.structs.replace(found, data=str(path)), offline)

    holdout = candidate.manifest.holdout
    assert holdout is not None
    data = ModelStore(offline.store_url).holdout("m", candidate.digest)
    held_out = from_bytes(data, holdout.sha256, HeldOut, "it")
    assert held_out.features["number"] == list(range(2700, ROWS))
