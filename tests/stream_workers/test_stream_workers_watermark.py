"""Positions that may be committed: only up to the first batch that is not finished."""

from stream_workers.watermark import Batch, Watermarks

P = ("features", 0)
Q = ("features", 1)


def begun(watermarks: Watermarks, **spans: tuple[int, int]) -> Batch:
    """A batch that nothing is outstanding of."""
    batch = Batch(0)
    named = {"p": P, "q": Q}
    watermarks.begin(batch, {named[name]: span for name, span in spans.items()})
    return batch


def test_nothing_is_committed_before_a_batch_is_finished() -> None:
    watermarks = Watermarks()
    batch = begun(watermarks, p=(5, 10))
    batch.outstanding = 1
    watermarks.advance()
    assert watermarks.to_commit() == {}


def test_finished_batches_are_committed_up_to_the_offset_after_their_last_record() -> None:
    watermarks = Watermarks()
    begun(watermarks, p=(5, 10), q=(0, 3))
    begun(watermarks, p=(10, 12))
    watermarks.advance()
    assert watermarks.to_commit() == {P: 12, Q: 3}


def test_an_unfinished_batch_in_the_middle_holds_back_those_after_it() -> None:
    watermarks = Watermarks()
    _, middle, _ = (begun(watermarks, p=(n, n + 10)) for n in (0, 10, 20))
    middle.outstanding = 1
    watermarks.advance()
    assert watermarks.to_commit() == {P: 10}
    middle.outstanding = 0
    watermarks.advance()
    assert watermarks.to_commit() == {P: 30}


def test_a_failed_batch_in_the_middle_is_where_reading_begins_again() -> None:
    watermarks = Watermarks()
    _, middle, _ = (begun(watermarks, p=(n, n + 10)) for n in (0, 10, 20))
    middle.error = "broker: message too large"
    watermarks.advance()
    assert watermarks.positions.get(P) == 10
    watermarks.forget_open()
    begun(watermarks, p=(10, 30))
    watermarks.advance()
    assert watermarks.to_commit() == {P: 30}


def test_a_first_batch_that_fails_is_read_again_from_its_first_record() -> None:
    watermarks = Watermarks()
    batch = begun(watermarks, p=(7, 9))
    batch.error = "timed out"
    watermarks.advance()
    assert watermarks.positions.get(P) == 7
    assert watermarks.to_commit() == {}


def test_what_was_committed_is_not_committed_again() -> None:
    watermarks = Watermarks()
    begun(watermarks, p=(0, 4))
    watermarks.advance()
    watermarks.committed(watermarks.to_commit())
    assert watermarks.to_commit() == {}


def test_partitions_move_independently() -> None:
    watermarks = Watermarks()
    stuck = begun(watermarks, p=(0, 4))
    stuck.outstanding = 1
    begun(watermarks, q=(0, 9))
    watermarks.advance()
    assert watermarks.to_commit() == {Q: 9}


def test_a_partition_given_away_leaves_nothing_behind() -> None:
    watermarks = Watermarks()
    begun(watermarks, p=(0, 4), q=(0, 4))
    watermarks.advance()
    watermarks.drop([P])
    assert watermarks.positions.get(P) is None
    assert watermarks.to_commit() == {Q: 4}
