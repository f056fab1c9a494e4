"""How far a partition may be committed."""

from elk.watermarks import Watermarks


def test_nothing_is_committed_before_it_is_done():
    watermarks: Watermarks[str] = Watermarks()
    watermarks.add("p", 0, 9)

    assert watermarks.advance() == {}


def test_a_failed_middle_batch_holds_back_everything_behind_it():
    watermarks: Watermarks[str] = Watermarks()
    first, middle, last = (watermarks.add("p", n, n + 9) for n in (0, 10, 20))
    first.done = last.done = True

    assert watermarks.advance() == {"p": 10}

    middle.done = True
    assert watermarks.advance() == {"p": 30}


def test_partitions_do_not_wait_for_each_other():
    watermarks: Watermarks[str] = Watermarks()
    watermarks.add("slow", 0, 9)
    watermarks.add("fast", 0, 4).done = True

    assert watermarks.advance() == {"fast": 5}


def test_gaps_between_offsets_are_no_obstacle():
    watermarks: Watermarks[str] = Watermarks()
    watermarks.add("p", 3, 7).done = True
    watermarks.add("p", 12, 12).done = True

    assert watermarks.advance() == {"p": 13}


def test_what_could_not_be_committed_is_offered_again():
    watermarks: Watermarks[str] = Watermarks()
    watermarks.add("p", 0, 9).done = True

    assert watermarks.advance() == watermarks.advance() == {"p": 10}

    watermarks.committed({"p": 10})
    assert watermarks.advance() == {}


def test_a_partition_that_is_read_again_forgets_what_was_under_way():
    watermarks: Watermarks[str] = Watermarks()
    before = watermarks.add("p", 0, 99)
    again = watermarks.add("p", 0, 49)
    before.done = True

    assert watermarks.advance() == {}

    again.done = True
    assert watermarks.advance() == {"p": 50}


def test_it_counts_the_spans_that_a_crash_would_repeat():
    watermarks: Watermarks[str] = Watermarks()
    first, _ = watermarks.add("p", 0, 1), watermarks.add("q", 0, 1)
    assert watermarks.under_way == 2

    first.done = True
    watermarks.advance()
    assert watermarks.under_way == 1
