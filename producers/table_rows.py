"""From a table to feature events in event-time order: ids, times, features, labels (pure)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import pandas as pd
from msgspec import Struct

from contracts.errors import UsageError
from contracts.events import FeatureEvent, FeatureValue, Label
from contracts.feature_schema import Feature, FeatureSchema
from contracts.tabular import feature_columns, feature_kind, require_columns, times
from producers.validation import MAX_ID_BYTES

NOW = "now"
"""In place of a time column: an event occurs when it is sent."""

LabelValue = FeatureValue | dict[str, FeatureValue]

_ROWS_AT_ONCE = 5000


def label_columns(given: Sequence[str] | None) -> str | tuple[str, ...] | None:
    """The columns of labels as people name them, one by one: a single one is no target by name."""
    columns = tuple(dict.fromkeys(given or ()))
    return columns if len(columns) > 1 else next(iter(columns), None)


class Columns(Struct, frozen=True, kw_only=True):
    """Which columns play which part; None: none does. Several `label` columns are the targets of
    one model, by name."""

    id: str | None = None
    entity: str | None = None
    time: str | None = None
    label: str | tuple[str, ...] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns of labels, however many."""
        return (self.label,) if isinstance(self.label, str) else self.label or ()

    @property
    def named(self) -> list[str]:
        """Those that must be in the table."""
        others = [c for c in (self.id, self.entity, self.time) if c is not None]
        return [*others, *self.labels]


class TableRows:
    """The rows of a table as events, in the order of their times; rows of equal time, and all
    where there is no time column, keep the order of the table.

    Args:
        frame: read with `text_columns(schema, columns)` as text.
        model: the model the events are for.
        source: the table's name, for messages.

    Raises:
        UsageError: a column or a cell that every event needs is missing.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        schema: FeatureSchema,
        columns: Columns,
        *,
        model: str,
        source: object,
    ) -> None:
        require_columns(frame, columns.named, source)
        self._features = _present_features(frame, schema, model, source)
        frame = frame.assign(**{_NUMBER: range(1, len(frame) + 1)})
        moments = _moments(frame, columns.time, source)
        if moments is not None:
            order = moments.sort_values(kind="stable").index
            frame, moments = frame.loc[order], moments.loc[order]
        self._frame, self._moments = frame, moments
        self._columns, self._model = columns, model
        for column in (columns.id, columns.entity):
            if column is not None:
                _require_ids(frame, column, source)
        self._targets = [_label_feature(frame, column, source) for column in columns.labels]
        ids = frame[columns.id] if columns.id is not None else None
        self.repeated_ids = 0 if ids is None else int(ids.duplicated().sum())

    def __len__(self) -> int:
        return len(self._frame)

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """Times of the first and last event; None without a time column."""
        if self._moments is None:
            return None
        return self._moments.iloc[0].to_pydatetime(), self._moments.iloc[-1].to_pydatetime()

    def events(
        self, first: int, *, id_prefix: str, now: Callable[[], float]
    ) -> Iterator[tuple[FeatureEvent, Label | None]]:
        """Events from position `first` on, built a few thousand at a time.

        Args:
            id_prefix: what event ids begin with where there is no id column; the row's number
                in the table, from 1, follows.
            now: seconds since 1970, asked per event where there is no time column.
        """
        for begin in range(first, len(self._frame), _ROWS_AT_ONCE):
            part = self._frame.iloc[begin : begin + _ROWS_AT_ONCE]
            moments = (
                [None] * len(part)
                if self._moments is None
                else self._moments.iloc[begin : begin + _ROWS_AT_ONCE].dt.to_pydatetime().tolist()
            )
            names = [feature.name for feature in self._features]
            values = zip(*feature_columns(part, self._features), strict=True)
            ids, entities, labels = (
                self._ids(part, id_prefix),
                self._entities(part),
                self._labels(part),
            )
            for row, (event_id, entity_id, moment, label) in zip(
                values if names else [()] * len(part),
                zip(ids, entities or ids, moments, labels, strict=True),
                strict=True,
            ):
                occurred_at = now() if moment is None else moment
                yield (
                    FeatureEvent(
                        event_id=event_id,
                        entity_id=entity_id,
                        occurred_at=occurred_at,
                        model=self._model,
                        features=dict(zip(names, row, strict=True)),
                    ),
                    None
                    if label is None
                    else Label(
                        event_id=event_id, model=self._model, label=label, occurred_at=occurred_at
                    ),
                )

    def _ids(self, part: pd.DataFrame, prefix: str) -> list[str]:
        if self._columns.id is not None:
            return [str(value) for value in part[self._columns.id].tolist()]
        return [f"{prefix}-{number}" for number in part[_NUMBER].tolist()]

    def _entities(self, part: pd.DataFrame) -> list[str] | None:
        if self._columns.entity is None:
            return None
        return [str(value) for value in part[self._columns.entity].tolist()]

    def _labels(self, part: pd.DataFrame) -> Sequence[LabelValue]:
        """A value per row, or of several targets those that are known; None: there is none."""
        columns = feature_columns(part, self._targets)
        if not isinstance(self._columns.label, tuple):
            return columns[0] if columns else [None] * len(part)
        names = [target.name for target in self._targets]
        known = (
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in zip(*columns, strict=True)
        )
        return [values or None for values in known]


_NUMBER = "\0row"


def text_columns(schema: FeatureSchema, columns: Columns) -> set[str]:
    """Columns to read as text although they may look like numbers: "01" is not 1."""
    categorical = {feature.name for feature in schema.features if feature.kind == "categorical"}
    return categorical | {c for c in (columns.id, columns.entity) if c is not None}


def _present_features(
    frame: pd.DataFrame, schema: FeatureSchema, model: str, source: object
) -> list[Feature]:
    missing = [f.name for f in schema.features if f.name not in frame.columns and not f.nullable]
    if missing:
        raise UsageError(
            f"{source} has no column {_listed(missing)}, which model '{model}' needs; it has: "
            f"{', '.join(frame.columns)}"
        )
    return [feature for feature in schema.features if feature.name in frame.columns]


def _moments(frame: pd.DataFrame, column: str | None, source: object) -> pd.Series | None:
    if column is None:
        return None
    moments = times(frame[column])
    if moments is None:
        raise UsageError(
            f"column '{column}' of {source} holds no times (ISO 8601, or seconds since 1970 in a "
            f"column named like a time): name another by --time-column, or '--time-column {NOW}'"
        )
    if moments.isna().any():
        row = int(frame[_NUMBER][moments.isna()].iloc[0])
        raise UsageError(
            f"column '{column}' of {source} is empty in {int(moments.isna().sum()):,} rows (the "
            f"first is row {row}): fill them, or send all with '--time-column {NOW}'"
        )
    return moments


def _require_ids(frame: pd.DataFrame, column: str, source: object) -> None:
    missing = frame[column].isna().tolist()
    sizes = [
        0 if absent else len(str(value).encode("utf-8", "replace"))
        for value, absent in zip(frame[column].tolist(), missing, strict=True)
    ]
    wrong = [not 1 <= size <= MAX_ID_BYTES for size in sizes]
    if any(wrong):
        raise UsageError(
            f"column '{column}' of {source} must have 1 to {MAX_ID_BYTES} bytes in every row to "
            f"identify it; row {int(frame[_NUMBER][wrong].iloc[0])} has not"
        )


def _label_feature(frame: pd.DataFrame, column: str, source: object) -> Feature:
    kind = feature_kind(frame[column])
    if kind is None:
        raise UsageError(
            f"column '{column}' of {source} holds no labels: they are numbers, text or true/false"
        )
    return Feature(column, kind, nullable=True)


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
