"""What Elasticsearch's answer to each document means."""

import pytest

from elk.bulk_answers import Action, Cause, Item, ItemError, judge


def answer(status: int, kind: str = "", reason: str = "", behind: str | None = None) -> Action:
    error = ItemError(kind, reason, Cause(behind)) if kind else None
    return Action(Item(status, error))


@pytest.mark.parametrize("status", [200, 201, 409])
def test_written_or_there_already_is_success(status: int):
    verdict = judge([answer(status)])

    assert (verdict.again, verdict.refused) == ([], {})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "es_rejected_execution_exception"),
        (503, "unavailable_shards_exception"),
        (500, "some_exception"),
        (403, "cluster_block_exception"),
        (400, "validation_exception"),
        (404, "index_not_found_exception"),
    ],
)
def test_what_the_cluster_cannot_do_now_is_tried_again(status: int, kind: str):
    verdict = judge([answer(201), answer(status, kind, "not now")])

    assert verdict.again == [1]
    assert verdict.refused == {}
    assert verdict.complaint == "not now"


def test_a_document_that_does_not_fit_the_mapping_is_refused_with_the_reason():
    verdict = judge([answer(400, "document_parsing_exception", "failed to parse", "not a long")])

    assert verdict.again == []
    assert verdict.refused == {0: "failed to parse (not a long)"}


def test_a_merge_that_met_another_is_tried_again():
    verdict = judge([Action(update=Item(409, ItemError("version_conflict_engine_exception")))])

    assert verdict.again == [0]
