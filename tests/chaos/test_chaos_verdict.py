"""The checker finds whatever is wrong: each kind of damage done to sound evidence is reported."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from chaos.verdict import Answer, Delivery, Document, Event, Evidence, judge

EVENTS = 6


def sound() -> Evidence:
    """Six events of two entities in one partition: five predictions and one dead letter."""
    places = [(0, offset) for offset in range(EVENTS)]
    events = {(0, n): Event(f"e{n}", b"ab"[n % 2 : n % 2 + 1], n) for n in range(EVENTS)}
    answers = [Answer(0, n, (0, n), events[0, n].key, n) for n in range(EVENTS)]
    return Evidence(
        committed={"features": {0: EVENTS}, "predictions": {0: 5}, "dead_letters": {0: 1}},
        documents=[
            *(Document(place, "serving", f"e{place[1]}", "1") for place in places[:5]),
            Document((0, 0), "shadow-2", "e0", "2"),
        ],
        letters=[Document((0, 5), "dead letter", "e5")],
        predictions=answers[:5],
        dead_letters=[answers[5]._replace(offset=0)],
        events=events,
        acknowledged={place: events[place].event_id or "" for place in places},
    )


def missing_document(evidence: Evidence) -> None:
    del evidence.documents[2]


def missing_event(evidence: Evidence) -> None:
    del evidence.events[0, 3]


def other_event_there(evidence: Evidence) -> None:
    evidence.acknowledged[0, 3] = "another"


def doubled_document(evidence: Evidence) -> None:
    evidence.documents.append(evidence.documents[0])


def prediction_and_letter(evidence: Evidence) -> None:
    evidence.letters.append(Document((0, 1), "dead letter", "e1"))


def doubled_shadow(evidence: Evidence) -> None:
    evidence.documents.append(evidence.documents[-1])


def document_of_nothing(evidence: Evidence) -> None:
    evidence.documents.append(Document((3, 99), "serving", "e99", "1"))


def document_of_another_event(evidence: Evidence) -> None:
    evidence.documents[1] = evidence.documents[1]._replace(event_id="e4")


def swapped_order(evidence: Evidence) -> None:
    first, third = evidence.predictions[0], evidence.predictions[2]
    evidence.predictions[0], evidence.predictions[2] = third, first


def answer_in_another_partition(evidence: Evidence) -> None:
    evidence.predictions[4] = evidence.predictions[4]._replace(partition=1)


def altered_letter(evidence: Evidence) -> None:
    evidence.dead_letters[0] = evidence.dead_letters[0]._replace(content=77)


def workers_committed_too_far(evidence: Evidence) -> None:
    del evidence.predictions[4]


def indexers_committed_too_far(evidence: Evidence) -> None:
    evidence.committed["dead_letters"][0] = 2
    evidence.dead_letters.append(Answer(0, 1, (0, 7), b"a", 0))


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_sound_evidence_is_accepted(delivery: Delivery) -> None:
    verdict = judge(sound(), delivery, finished=True)
    assert verdict.differences == []
    assert verdict.counts["documents"] + verdict.counts["dead letters"] == EVENTS


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (missing_document, "lost: no document of (0, 2)"),
        (missing_event, "acknowledged but not on the topic: event e3 at (0, 3)"),
        (other_event_there, "acknowledged but not on the topic: event another at (0, 3)"),
        (doubled_document, "doubled: more than one document of (0, 0)"),
        (prediction_and_letter, "doubled: more than one document of (0, 1)"),
        (doubled_shadow, "doubled: more than one document of ((0, 0), 'shadow-2')"),
        (document_of_nothing, "stray: a document of (3, 99), where no event is"),
        (document_of_another_event, "stray: a document of (0, 1) names event e4"),
        (swapped_order, "out of order: (0, 0) at (0, 0), after offset 2"),
        (answer_in_another_partition, "stray: the answer at (1, 4) does not fit"),
        (altered_letter, "the dead letter at (0, 0) does not hold the bytes of (0, 5)"),
        (workers_committed_too_far, "committed by the workers, but not answered: (0, 4)"),
        (indexers_committed_too_far, "committed by the indexers, but not a document"),
    ],
)
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_damage_is_found(
    damage: Callable[[Evidence], None], complaint: str, delivery: Delivery
) -> None:
    evidence = deepcopy(sound())
    damage(evidence)
    verdict = judge(evidence, delivery, finished=True)
    assert any(complaint in difference for difference in verdict.differences), str(verdict)
    assert verdict.counts["differences"] > 0


def test_a_redelivery_is_only_a_difference_where_each_comes_once() -> None:
    evidence = sound()
    evidence.predictions += [a._replace(offset=a.offset + 10) for a in evidence.predictions]
    assert judge(evidence, "at_least_once", finished=True).differences == []
    assert judge(evidence, "at_least_once", finished=True).counts["redelivered"] == 5
    assert judge(evidence, "exactly_once", finished=True).differences


def test_judged_twice_is_only_allowed_where_an_event_may_come_twice() -> None:
    evidence = sound()
    prediction_and_letter(evidence)
    evidence.dead_letters.append(evidence.predictions[1]._replace(offset=0))
    verdict = judge(evidence, "at_least_once", finished=True)
    assert (verdict.counts["judged twice"], verdict.differences) == (1, [])
    assert judge(evidence, "exactly_once", finished=True).counts["doubled"] == 1
    evidence.letters.append(evidence.letters[-1])
    assert judge(evidence, "at_least_once", finished=True).counts["doubled"] == 1


def test_what_is_still_under_way_is_not_lost() -> None:
    evidence = sound()
    evidence.committed = {}
    missing_document(evidence)
    assert judge(evidence, "at_least_once", finished=False).differences == []


@pytest.mark.parametrize(("shown", "of"), [(3, 3), (21, 40)])
def test_a_verdict_shows_the_first_differences_and_how_many_there_are(shown: int, of: int) -> None:
    evidence = sound()
    evidence.documents += [Document((9, n), "serving", None) for n in range(of)]
    lines = str(judge(evidence, "at_least_once", finished=True)).splitlines()
    assert len(lines) == 1 + shown
