"""The data on which our figures and those of Evidently and NannyML are compared: made from a seed,
by NumPy alone, so that both environments make the same."""

import hashlib
from typing import Any

import numpy as np

CASES = (("same", 4000, 1000, 0.0), ("shifted", 4000, 1000, 0.4), ("small", 500, 200, 0.2))
"""Name, rows of the reference and of the window, and how far the window moved."""

CATEGORIES = ("red", "green", "blue", "grey")


def case(name: str) -> dict[str, tuple[list[Any], list[Any]]]:
    """Column -> values of the reference and of the window; None: missing."""
    [(seed, before, now, moved)] = [
        (number, *one[1:]) for number, one in enumerate(CASES) if one[0] == name
    ]
    generator = np.random.default_rng(seed)

    def numbers(rows: int, by: float, gaps: float) -> list[Any]:
        values = np.round(generator.normal(by, 1.0, rows), 6)
        lost = generator.random(rows) < gaps
        return [None if gone else float(v) for v, gone in zip(values, lost, strict=True)]

    def words(rows: int, by: float) -> list[Any]:
        shares = np.array([0.5, 0.3, 0.15, 0.05]) + by * np.array([-0.3, 0.1, 0.1, 0.1])
        return [CATEGORIES[n] for n in generator.choice(4, rows, p=shares)]

    return {
        "number": (numbers(before, 0.0, 0.0), numbers(now, moved, 0.0)),
        "gaps": (numbers(before, 0.0, 0.1), numbers(now, moved, 0.1 + moved / 4)),
        "word": (words(before, 0.0), words(now, moved)),
    }


def answers(rows: int, seed: int, by: float) -> tuple[list[float], list[int], list[int]]:
    """Probabilities of a classifier that is sure of itself, its answers, and what happened."""
    generator = np.random.default_rng(100 + seed)
    logit = generator.normal(by, 1.5, rows)
    chance = np.round(1 / (1 + np.exp(-1.6 * logit)), 6)
    truth = (generator.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    return chance.tolist(), (chance >= 0.5).astype(int).tolist(), truth.tolist()


def fingerprint() -> str:
    """Of all of it: figures belong to these data alone."""
    everything = [case(name) for name, *_ in CASES], answers(20_000, 0, 0.0), answers(5000, 1, 1.0)
    return hashlib.sha256(repr(everything).encode()).hexdigest()
