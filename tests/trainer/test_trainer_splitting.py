"""Train, validation and test: every row once, the future never before the past."""

import numpy as np
import pytest

from contracts.errors import UsageError
from trainer.splitting import Split, require_classes, split_at_random, split_by_time


def every_row(split: Split) -> list[int]:
    return sorted(np.concatenate([split.train, split.validation, split.test]).tolist())


def test_by_time_the_newest_rows_are_the_test() -> None:
    moments = np.random.default_rng(1).permutation(1000).astype(np.int64)
    split = split_by_time(moments)
    assert every_row(split) == list(range(1000))
    assert [len(split.train), len(split.validation), len(split.test)] == [600, 200, 200]
    assert moments[split.train].max() < moments[split.validation].min()
    assert moments[split.validation].max() < moments[split.test].min()


def test_rows_of_one_moment_stay_together() -> None:
    moments = np.repeat(np.arange(7, dtype=np.int64), 100)
    split = split_by_time(moments)
    parts = [set(moments[rows].tolist()) for rows in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]
    assert every_row(split) == list(range(700))


def test_two_moments_only_still_give_three_parts() -> None:
    split = split_by_time(np.repeat(np.array([1, 2], dtype=np.int64), 50))
    assert [len(split.train), len(split.validation), len(split.test)] == [60, 20, 20]


def test_the_test_is_what_another_version_does_not_know() -> None:
    split = split_by_time(np.repeat(np.arange(500, dtype=np.int64), 4), unseen=300)
    assert split.test.tolist() == list(range(1700, 2000))
    assert split.validation.tolist() == list(range(1300, 1700))
    assert every_row(split) == list(range(2000))


@pytest.mark.parametrize("unseen", [0, 199, 500])
def test_the_test_is_neither_too_small_to_say_anything_nor_larger_than_usual(unseen: int) -> None:
    split = split_by_time(np.arange(2000, dtype=np.int64), unseen)
    assert split.test.tolist() == list(range(1600, 2000))


def test_at_random_the_classes_keep_their_shares() -> None:
    target = np.array(["rare"] * 50 + ["common"] * 950)
    split = split_at_random(target, 0, stratified=True)
    assert every_row(split) == list(range(1000))
    for rows, share in ((split.train, 30), (split.validation, 10), (split.test, 10)):
        assert (target[rows] == "rare").sum() == share


@pytest.mark.parametrize("most", range(100, 105))
def test_every_class_however_rare_is_in_train(most: int) -> None:
    """Whatever the place in the deal at which the rare classes come."""
    target = np.array(["a"] * most + ["one"] + ["three"] * 3 + ["two"] * 2)
    split = split_at_random(target, 0, stratified=True)
    assert set(target[split.train].tolist()) == {"a", "one", "two", "three"}
    assert every_row(split) == list(range(len(target)))


def test_the_same_seed_gives_the_same_split() -> None:
    target = np.arange(100.0)
    first, same, other = (split_at_random(target, s, stratified=False) for s in (3, 3, 4))
    assert first.test.tolist() == same.test.tolist()
    assert first.test.tolist() != other.test.tolist()


def test_old_rows_of_one_class_only_are_refused() -> None:
    target = np.array([0] * 80 + [1] * 20)
    with pytest.raises(UsageError, match="one class only"):
        require_classes(target, split_by_time(np.arange(100, dtype=np.int64)))
