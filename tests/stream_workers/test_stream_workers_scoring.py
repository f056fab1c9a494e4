"""A batch of records: each gets its prediction or its dead letter, and no neighbour suffers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from contracts.dead_letters import DeadLetter, from_headers
from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.events import ModelRef, Prediction, Role
from contracts.feature_schema import Feature, FeatureSchema
from contracts.replays import ReplayMark, mark_headers
from contracts.scorer import Scorer
from contracts.waiting import marks, unmarked
from stream_workers.decoding import Limits
from stream_workers.outputs import Destinations, Output, OutputWriter
from stream_workers.records import Record, from_message
from stream_workers.scoring import BatchScorer
from stream_workers.serving import LoadedVersion, ServedModel, Serving, routing_share

NOW = 1_700_000_000.0
SCHEMA = FeatureSchema((Feature("size", "numeric"), Feature("weight", "numeric", nullable=True)))


def message(
    value: bytes | None, offset: int = 0, headers: Any = (), sent_at: float | None = NOW - 0.25
) -> Record:
    readable = None if headers is None else list(headers)
    return Record("features", 2, offset, b"key", value, sent_at, readable)


class Doubling:
    """A regressor: twice the size; counts its calls and refuses what it is told to."""

    def __init__(self, poison: float | None = None) -> None:
        self.calls: list[int] = []
        self.poison = poison

    def predict(self, inputs: Any) -> Any:
        self.calls.append(len(inputs))
        if self.poison is not None and (inputs[:, 0] == self.poison).any():
            raise ValueError("cannot look at this")
        return inputs[:, 0] * 2


def version(estimator: Any, number: str = "1", role: Role = "champion") -> LoadedVersion:
    scorer = Scorer("regression", SCHEMA, estimator)
    return LoadedVersion(ModelRef("sizes", number, role), f"{number:0>64}", scorer)


def served(
    champion: LoadedVersion,
    canary: LoadedVersion | None = None,
    weight: float = 0.0,
    shadows: tuple[LoadedVersion, ...] = (),
) -> Serving:
    deployment = Deployment(
        environment="test",
        model="sizes",
        sequence=1,
        champion=DeployedVersion(champion.ref.version, champion.digest),
        canary=Canary(canary.ref.version, canary.digest, weight) if canary else None,
        author="a",
        reason="r",
        created_at=datetime.now(UTC),
    )
    return Serving({"sizes": ServedModel(deployment, champion, canary, shadows)})


def event(**changes: Any) -> bytes:
    body = {
        "event_id": "e1",
        "entity_id": "n1",
        "occurred_at": NOW - 5,
        "model": "sizes",
        "features": {"size": 3, "weight": 1.5},
    } | changes
    return msgspec.json.encode({k: v for k, v in body.items() if v is not ...})


def score(
    records: Sequence[Record], serving: Serving, default_models: dict[str, str] | None = None
) -> list[Output]:
    to = Destinations("predictions", "predictions.shadow", "dead-letters", "features.waiting")
    writer = OutputWriter("worker-1", to, letter_bytes=2 * 1024 * 1024)
    writer.topic_ids = {"features": "T"}
    limits = Limits(1024 * 1024, past=20 * 365.25 * 86_400, future=3600)
    scorer = BatchScorer(writer, limits, default_models or {}, clock=lambda: NOW)
    return list(scorer.score(records, serving))


def predictions(outputs: Sequence[Output], topic: str = "predictions") -> list[Prediction]:
    return [
        msgspec.json.decode(output.value, type=Prediction)
        for output in outputs
        if output.topic == topic
    ]


def letters(outputs: Sequence[Output]) -> list[DeadLetter]:
    return [from_headers(o.headers or []) for o in outputs if o.topic == "dead-letters"]


def test_an_event_becomes_a_prediction_beside_its_record() -> None:
    [output] = score([message(event(), offset=7)], served(version(Doubling())))
    assert (output.topic, output.partition, output.key) == ("predictions", 2, b"key")
    [prediction] = predictions([output])
    assert prediction.event_id == "e1"
    assert prediction.model == ModelRef("sizes", "1", "champion")
    assert prediction.prediction.value == 6  # type: ignore[union-attr]
    assert prediction.features == {"size": 3, "weight": 1.5}
    assert prediction.source.topic_id == "T"
    assert (prediction.source.partition, prediction.source.offset) == (2, 7)
    assert prediction.latency.queue_ms == pytest.approx(250)
    assert prediction.latency.event_age_ms == pytest.approx(5000)


def test_a_whole_batch_is_one_predict_call() -> None:
    model = Doubling()
    outputs = score([message(event(), offset=n) for n in range(500)], served(version(model)))
    assert len(predictions(outputs)) == 500
    assert model.calls == [500]


def test_every_record_has_exactly_one_outcome_whatever_its_neighbours_are() -> None:
    bad = [b"", None, b"{", b"[" * 200_000, event(features={"size": "x"}), b"\xff\xfe", b"null"]
    records = [message(bad[n // 2 % len(bad)] if n % 2 else event(), offset=n) for n in range(60)]
    outputs = score(records, served(version(Doubling())))
    good, refused = predictions(outputs), letters(outputs)
    assert sorted(p.source.offset for p in good) == list(range(0, 60, 2))
    assert sorted(letter.source.offset for letter in refused) == list(range(1, 60, 2))


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (b"", "empty", "no value"),
        (None, "empty", "no value"),
        (b"{not json", "malformed", "JSON is malformed"),
        (b'{"a":' * 200_000, "malformed", "nested too deeply"),
        (event(extra=1)[:-1] + b"}}", "malformed", "trailing"),
        (b"\xc3\x28", "malformed", "malformed"),
        (event(event_id="\xff").replace("\xff".encode(), b"\xff"), "malformed", "utf-8"),
        (b"[1, 2]", "invalid", "Expected `object`"),
        (event(event_id=...), "invalid", "event_id"),
        (event(event_id=""), "invalid", "event_id"),
        (event(event_id="x" * 257), "invalid", "event_id"),
        (event(event_id="\u20ac" * 100), "invalid", "longer than 256 bytes"),
        (event(entity_id=7), "invalid", "entity_id"),
        (event(model="No-Such"), "invalid", "model"),
        (event(model=...), "invalid", "names no model"),
        (event(model="absent"), "unknown_model", "no model 'absent' is deployed"),
        (event(features=...), "invalid", "features"),
        (event(features=[1]), "invalid_features", "Expected `object`"),
        (event(features={"weight": 1}), "invalid_features", "'size' is missing"),
        (event(features={"size": None}), "invalid_features", "'size' is missing or null"),
        (event(features={"size": "3"}), "invalid_features", "must be a number"),
        (event(features={"size": True}), "invalid_features", "must be a number"),
        (event(features={"size": {"cm": 3}}), "invalid_features", "got `object`"),
        (event().replace(b":3,", b":NaN,"), "malformed", "malformed"),
        (event().replace(b":3,", b":1e999,"), "invalid_features", "out of range"),
        (event(occurred_at="yesterday"), "invalid", "occurred_at"),
        (event(occurred_at="2023-11-14T22:13:15"), "invalid", "timezone"),
        (event(occurred_at=NOW * 1000), "time_out_of_range", "milliseconds"),
        (event(occurred_at=NOW + 4000), "time_out_of_range", "too far"),
        (event(occurred_at="1985-01-01T00:00:00Z"), "time_out_of_range", "too far"),
        (event(occurred_at=1e300), "time_out_of_range", "too far"),
        (event(padding="x" * 1024 * 1024), "too_large", "at most 1048576"),
    ],
)
def test_a_bad_record_becomes_a_dead_letter_its_producer_can_act_on(
    value: bytes | None, reason: str, says: str
) -> None:
    [output] = score([message(value, offset=9)], served(version(Doubling())))
    [letter] = letters([output])
    assert letter.reason == reason
    assert says in letter.detail
    assert (letter.source.topic, letter.source.partition, letter.source.offset) == (
        "features",
        2,
        9,
    )
    assert output.value == (value or b"")
    assert output.partition == 2


def test_a_header_whose_name_is_not_text_is_refused_without_harm() -> None:
    records = [message(event(), offset=1, headers=None), message(event())]
    outputs = score(records, served(version(Doubling())))
    [letter] = letters(outputs)
    assert (letter.reason, letter.source.offset) == ("malformed", 1)
    assert "header" in letter.detail
    assert len(predictions(outputs)) == 1


def test_a_header_without_a_value_is_like_none() -> None:
    headers: Any = [("traceparent", None), ("schema-version", b"1")]
    assert (
        len(predictions(score([message(event(), headers=headers)], served(version(Doubling())))))
        == 1
    )


class LibrdkafkaMessage:
    """What librdkafka gives for what hostile clients send."""

    def __init__(self, milliseconds: int = 1, header: Exception | None = None) -> None:
        self.milliseconds, self.header, self.headers_calls = milliseconds, header, 0

    def headers(self) -> None:
        self.headers_calls += 1
        if self.header is not None:
            raise self.header

    def timestamp(self) -> tuple[int, int]:
        return 1, self.milliseconds

    def topic(self) -> str:
        return "features"

    def partition(self) -> int:
        return 2

    offset, key, value = partition, lambda _: None, lambda _: event()


@pytest.mark.parametrize("milliseconds", [2**62, -1, 0])
def test_a_send_time_that_no_calendar_has_does_no_harm(milliseconds: int) -> None:
    record = from_message(LibrdkafkaMessage(milliseconds))
    assert len(predictions(score([record], served(version(Doubling()))))) == 1
    assert len(letters(score([record], Serving()))) == 1


def test_unreadable_headers_are_asked_for_once_because_the_second_time_is_deadly() -> None:
    given = LibrdkafkaMessage(header=SystemError("returned a result with an exception set"))
    assert len(letters(score([from_message(given)], served(version(Doubling()))))) == 1
    assert given.headers_calls == 1


def test_an_unknown_schema_version_is_refused_by_name() -> None:
    [letter] = letters(
        score([message(event(), headers=[("schema-version", b"2")])], served(version(Doubling())))
    )
    assert "schema-version" in letter.detail


def test_what_the_model_copes_with_is_predicted() -> None:
    values = [
        event(features={"size": 3}),
        event(features={"size": 3, "weight": None}),
        event(features={"size": 3, "weight": 1, "colour": "red", "new": 1}),
        event(occurred_at="2023-11-14T22:13:15Z"),
    ]
    outputs = score([message(value) for value in values], served(version(Doubling())))
    assert len(predictions(outputs)) == len(values)


def test_a_row_the_model_raises_on_is_found_and_its_neighbours_are_predicted() -> None:
    records = [message(event(features={"size": n}), offset=n) for n in range(100)]
    outputs = score(records, served(version(Doubling(poison=37.0))))
    assert len(predictions(outputs)) == 99
    [letter] = letters(outputs)
    assert (letter.reason, letter.source.offset) == ("prediction_failed", 37)
    assert "cannot look at this" in letter.detail


def test_a_model_that_raises_on_everything_is_not_asked_for_every_row() -> None:
    class Broken(Doubling):
        def predict(self, inputs: Any) -> Any:
            self.calls.append(len(inputs))
            raise ValueError("broken for good")

    broken = Broken()
    records = [message(event(features={"size": n}), offset=n) for n in range(2000)]
    outputs = score(records, served(version(broken)))
    found = letters(outputs)
    assert sorted(letter.source.offset for letter in found) == list(range(2000))
    assert {letter.reason for letter in found} == {"prediction_failed"}
    assert {(letter.model, letter.version) for letter in found} == {("sizes", "1")}
    assert all("broken for good" in letter.detail for letter in found)
    assert len(broken.calls) < 150, "its batch must not hold up other models"


def test_many_bad_rows_in_a_row_do_not_harm_those_behind_them() -> None:
    class Choosy(Doubling):
        def predict(self, inputs: Any) -> Any:
            if (inputs[:, 0] > 1e38).any():
                raise ValueError("too large for float32")
            return inputs[:, 0]

    sizes = [1e39] * 100 + [1.0] * 900
    records = [message(event(features={"size": s}), offset=n) for n, s in enumerate(sizes)]
    outputs = score(records, served(version(Choosy())))
    assert [p.source.offset for p in predictions(outputs)] == list(range(100, 1000))
    assert len(letters(outputs)) == 100


def test_events_of_a_paused_model_wait_as_they_came() -> None:
    serving = served(version(Doubling()))
    model = serving.models["sizes"]
    paused = serving.with_paused(replace(model.deployment, paused=True))
    record = message(event(), headers=[("producer", b"ana"), ("millrace-waiting-model", b"x")])
    outputs = score([record, message(b"{")], paused)
    [output] = [output for output in outputs if output.topic == "features.waiting"]
    assert (output.partition, output.key, output.value) == (2, b"key", record.value)
    assert output.headers is not None
    assert marks(output.headers) == ("sizes", "features")
    assert unmarked(output.headers) == [("producer", b"ana")]
    assert [letter.reason for letter in letters(outputs)] == ["malformed"]
    assert len(outputs) == 2
    assert score([record], Serving().with_paused(model.deployment))[0] == output, (
        "nothing is loaded"
    )
    resumed = paused.with_served(model)
    assert len(predictions(score([record], resumed))) == 1


def test_an_answer_that_is_no_finite_number_is_a_dead_letter() -> None:
    class Infinite:
        def predict(self, inputs: Any) -> Any:
            return np.where(inputs[:, 0] == 1, np.inf, 1.0)

    records = [message(event(features={"size": n}), offset=n) for n in range(3)]
    outputs = score(records, served(version(Infinite())))
    assert [p.source.offset for p in predictions(outputs)] == [0, 2]
    assert "not a finite number" in letters(outputs)[0].detail


def test_a_failure_nobody_foresaw_costs_only_the_record_it_belongs_to() -> None:
    class Forgetful:
        """Answers one row too few as soon as it has seen a certain one."""

        def predict(self, inputs: Any) -> Any:
            return inputs[:-1, 0] if (inputs[:, 0] == 7).any() else inputs[:, 0]

    records = [message(event(features={"size": n}), offset=n) for n in range(20)]
    outputs = score(records, served(version(Forgetful())))
    assert {p.source.offset for p in predictions(outputs)} == set(range(20)) - {7}
    [letter] = letters(outputs)
    assert (letter.reason, letter.source.offset) == ("prediction_failed", 7)


def test_a_topic_with_a_default_model_takes_events_that_name_none() -> None:
    outputs = score([message(event(model=...))], served(version(Doubling())), {"features": "sizes"})
    assert len(predictions(outputs)) == 1


def test_a_model_that_could_not_be_loaded_says_so() -> None:
    serving = Serving({}, {"sizes": "the payload was altered"})
    [letter] = letters(score([message(event())], serving))
    assert letter.reason == "model_unavailable"
    assert "altered" in letter.detail


def test_a_canary_serves_its_share_of_the_entities_and_always_the_same_ones() -> None:
    champion, canary = version(Doubling()), version(Doubling(), "2", "canary")
    records = [message(event(entity_id=f"n{n}"), offset=n) for n in range(2000)]
    outcome = predictions(score(records, served(champion, canary, 0.25)))
    by_canary = {p.entity_id for p in outcome if p.model.role == "canary"}
    assert len(outcome) == 2000
    assert 400 < len(by_canary) < 600
    assert by_canary == {f"n{n}" for n in range(2000) if routing_share("sizes", f"n{n}") < 0.25}


def test_a_shadow_answers_on_its_own_topic_without_repeating_the_features() -> None:
    shadow = version(Doubling(), "3", "shadow")
    outputs = score([message(event())], served(version(Doubling()), shadows=(shadow,)))
    [seen] = predictions(outputs, "predictions.shadow")
    assert seen.model == ModelRef("sizes", "3", "shadow")
    assert seen.features is None
    assert len(predictions(outputs)) == 1


def test_a_shadow_that_fails_harms_nobody() -> None:
    shadow = version(Doubling(poison=3.0), "3", "shadow")
    outputs = score([message(event())], served(version(Doubling()), shadows=(shadow,)))
    assert [output.topic for output in outputs] == ["predictions"]


def test_the_trace_of_the_producer_is_passed_on() -> None:
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = [("traceparent", parent), ("other", b"x")]
    [output] = score([message(event(), headers=headers)], served(version(Doubling())))
    assert output.headers == [("traceparent", parent)]
    assert predictions([output])[0].trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_who_sent_an_event_and_the_mark_of_a_replay_are_passed_on() -> None:
    seen = datetime(2026, 3, 1, tzinfo=UTC)
    mark = ReplayMark(letter="uuid-0-7", first="uuid-0-5", attempt=3, first_seen=seen)
    headers = [("producer", b"billing"), *mark_headers(mark)]
    [output] = score([message(event(), headers=headers)], served(version(Doubling())))
    assert output.headers == headers
    [letter] = letters(score([message(b"x", headers=headers)], Serving()))
    assert (letter.producer, letter.replay) == ("billing", mark)


def test_a_dead_letter_keeps_the_headers_of_its_record() -> None:
    [output] = score([message(b"x", headers=[("origin", b"gate 7")])], Serving())
    assert ("origin", b"gate 7") in (output.headers or [])


def test_a_key_or_headers_that_no_topic_takes_are_left_out_of_the_dead_letter() -> None:
    vast = message(event(), headers=[("traceparent", b"x" * 5_000_000)])
    [output] = score([vast], served(version(Doubling())))
    [letter] = letters([output])
    assert (letter.reason, letter.truncated) == ("too_large", True)
    assert output.key is None
    assert sum(len(v) for _, v in output.headers or []) < 5000
    assert output.value == event()


def test_a_record_larger_than_a_dead_letter_may_be_is_cut_and_marked() -> None:
    [output] = score([message(b"x" * (3 * 1024 * 1024))], Serving())
    [letter] = letters([output])
    assert letter.truncated
    assert len(output.value) == 2 * 1024 * 1024
