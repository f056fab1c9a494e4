"""What Evidently and NannyML say of `reference_data`: run by `make reference` in an environment of
their own, and written down for the tests."""

import json
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # before it is imported

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import jensenshannon_stat_test, psi_stat_test
from evidently.legacy.core import ColumnType
from nannyml import CBPE, UnivariateDriftCalculator

sys.path.insert(0, str(Path(__file__).parent))
from reference_data import CASES, answers, case, fingerprint

OUT = Path(__file__).with_name("reference_figures.json")


def binned(before: pd.Series, now: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Numbers as words that name their bin, between the deciles of the reference as float32, so
    that Evidently counts the bins that we count; gaps are left out."""
    edges = np.unique(np.quantile(before.dropna(), np.linspace(0.1, 0.9, 9)).astype(np.float32))
    one, two = (
        pd.Series(
            np.searchsorted(edges, side.dropna().astype(np.float32), side="right").astype(str)
        )
        for side in (before, now)
    )
    return one, two


def evidently(before: pd.Series, now: pd.Series) -> dict[str, float]:
    """PSI (zero shares become 0.0001) and Jensen-Shannon distance (natural logarithm)."""
    if before.dtype != object:
        before, now = binned(before, now)
    kind = ColumnType.Categorical
    return {
        "psi": float(psi_stat_test.func(before, now, kind, 0.1)[0]),
        "jensen_shannon_natural": float(jensenshannon_stat_test.func(before, now, kind, 0.1)[0]),
    }


def nannyml(before: pd.Series, now: pd.Series) -> dict[str, float]:
    """Jensen-Shannon distance (base 2) and chi-squared of words; Kolmogorov-Smirnov of numbers
    without gaps, of the values themselves."""
    words = before.dtype == object
    methods = ["jensen_shannon", "chi2"] if words else ["kolmogorov_smirnov"]
    calculator = UnivariateDriftCalculator(
        column_names=["x"],
        treat_as_categorical=["x"] if words else None,
        categorical_methods=["jensen_shannon", "chi2"],
        continuous_methods=["kolmogorov_smirnov"],
        chunk_number=1,
    )
    calculator.fit(pd.DataFrame({"x": before.dropna()}))
    found = (
        calculator.calculate(pd.DataFrame({"x": now.dropna()})).filter(period="analysis").to_df()
    )
    return {method: float(found[("x", method, "value")].iloc[0]) for method in methods}


def estimated() -> dict[str, float]:
    """Confidence-based performance of rows that are unlike the reference."""

    def frame(rows: int, seed: int, by: float) -> pd.DataFrame:
        chance, answer, truth = answers(rows, seed, by)
        return pd.DataFrame({"p": chance, "answer": answer, "truth": truth})

    estimator = CBPE(
        problem_type="classification_binary",
        y_pred_proba="p",
        y_pred="answer",
        y_true="truth",
        metrics=["accuracy", "roc_auc"],
        chunk_number=1,
    )
    estimator.fit(frame(20_000, 0, 0.0))
    found = estimator.estimate(frame(5000, 1, 1.0)).filter(period="analysis").to_df()
    return {name: float(found[(name, "value")].iloc[0]) for name in ("accuracy", "roc_auc")}


def main() -> None:
    """Compute and write them."""
    warnings.simplefilter("ignore")
    figures = {}
    for name, *_ in CASES:
        columns = {
            column: tuple(
                pd.Series(side, dtype=object if column == "word" else float) for side in sides
            )
            for column, sides in case(name).items()
        }
        figures[name] = {
            column: {"evidently": evidently(*sides), "nannyml": nannyml(*sides)}
            for column, sides in columns.items()
        }
    written = {
        "made_by": "make reference",
        "versions": {name: version(name) for name in ("evidently", "nannyml", "pandas", "scipy")},
        "fingerprint": fingerprint(),
        "figures": figures,
        "estimated": estimated(),
    }
    OUT.write_text(json.dumps(written, indent=2) + "\n")
    print(f"written to {OUT}")


if __name__ == "__main__":
    main()
