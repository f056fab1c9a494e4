"""A coordinator that is not ready yet is asked again."""

import pytest
from kafka.errors import CoordinatorLoadInProgressError, KafkaError, NotCoordinatorError

from contracts.group_positions import once_settled


def test_what_passes_by_itself_is_waited_for() -> None:
    errors: list[KafkaError] = [NotCoordinatorError(), CoordinatorLoadInProgressError()]

    def ask() -> str:
        if errors:
            raise errors.pop()
        return "known"

    assert once_settled(ask) == "known"


def test_what_does_not_pass_is_told() -> None:
    def moving() -> str:
        raise NotCoordinatorError

    def refused() -> str:
        raise KafkaError("no")

    with pytest.raises(NotCoordinatorError):
        once_settled(moving, seconds=0)
    with pytest.raises(KafkaError, match="no"):
        once_settled(refused)
