"""Deleting whole indices that are older than what is kept, each month once it is summarised."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache

import structlog
from elasticsearch import Elasticsearch
from msgspec import Struct, field

from contracts.errors import MillraceError, UnreachableError
from contracts.settings import Settings
from elk.documents.our_indices import Index, all_indices, delete_indices
from elk.retention.closing import close
from elk.retention.due import KEPT, DatedIndex, Group, Kept, dated, due, months_kept
from elk.watched import Watched, WatchedModel
from prediction_log.client import connect, translated
from prediction_log.template import install_template

log = structlog.stdlib.get_logger("elk")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many groups of indices are done, and of how many."""

_TIMES: dict[Kept, str] = {"dead-letters": "failed_at", "operations": "@timestamp"}
"""Undated are those whose `@timestamp` is not to be believed; a letter has another time, too."""


class Old(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An index that is older than what is kept.

    Args:
        refused: why it stays all the same.
    """

    index: str
    kind: Kept
    documents: int
    model: str | None = None
    refused: str | None = None


class Retained(Struct, kw_only=True):
    """What came of it.

    Args:
        acted: false: nothing was changed.
        keep_months: of the kinds that are not kept for ever.
        old: with those that were refused.
        summaries: documents that were written.
        managed: indices among the old that Elasticsearch deletes by a policy of its own (ILM),
            which knows of no summaries.
    """

    acted: bool
    keep_months: dict[Kept, int]
    old: list[Old] = field(default_factory=list)
    summaries: int = 0
    managed: list[str] = field(default_factory=list)

    @property
    def refused(self) -> list[Old]:
        """Those that had to stay."""
        return [one for one in self.old if one.refused is not None]


def retain(
    settings: Settings,
    *,
    act: bool,
    now: datetime | None = None,
    progress: Progress = lambda *_: None,
) -> Retained:
    """Look what is older than what is kept; summarise and delete it.

    It may be killed anywhere: summaries have ids of their own, and a month is closed before the
    first of its indices goes. What cannot be summarised stays, and is told.

    Args:
        act: false: change nothing.

    Raises:
        UnreachableError: Elasticsearch, Kafka or the model store does not answer.
        AccessError, ConfigurationError: it cannot be done like this.
    """
    keep = months_kept(settings)
    result = Retained(acted=act, keep_months=keep)
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            if act:
                install_template(settings)
            indices = {index.name: index for index in all_indices(settings, client)}
            groups = _due(settings, client, indices, keep, now or datetime.now(UTC))
            result.managed = _managed(client, settings, groups)

        @cache
        def watched() -> list[WatchedModel]:
            return Watched(settings).models()

        for done, group in enumerate(groups):
            progress("months", done, len(groups))
            refused = None
            if act:
                try:
                    with translated(settings):
                        result.summaries += close(settings, client, group, watched)
                        delete_indices(client, [indices[index.name] for index in group.indices])
                except UnreachableError:
                    raise
                except MillraceError as error:
                    refused = str(error)
            result.old += [
                Old(
                    index=index.name,
                    kind=index.kind,
                    model=index.model,
                    documents=indices[index.name].documents,
                    refused=refused,
                )
                for index in group.indices
            ]
        progress("months", len(groups), len(groups))
    finally:
        client.close()
    return result


def run(settings: Settings, every_seconds: float, wait: Callable[[float], bool]) -> None:
    """Do it again and again; what fails is told and tried again.

    Args:
        wait: so many seconds; true: it is time to end.

    Raises:
        ConfigurationError: it is not known where Kafka or Elasticsearch is.
    """
    settings.kafka, settings.elasticsearch_url  # noqa: B018 - fail here, with one sentence
    while True:
        began = time.monotonic()
        try:
            done = retain(settings, act=True)
            for one in done.refused:
                log.warning("an old index stays", index=one.index, why=one.refused)
            log.info(
                "old indices are deleted",
                deleted=len(done.old) - len(done.refused),
                refused=len(done.refused),
                summaries=done.summaries,
            )
        except MillraceError as error:
            log.warning("retention waits", why=str(error))
        if wait(max(0.0, every_seconds - (time.monotonic() - began))):
            return


def _due(
    settings: Settings,
    client: Elasticsearch,
    indices: dict[str, Index],
    keep: dict[Kept, int],
    now: datetime,
) -> list[Group]:
    known = [one for name in indices if (one := dated(settings.index_prefix, name))]
    newest = {one.name: _newest(client, one) for one in known if one.month is None}
    return due(known, {name: at for name, at in newest.items() if at}, keep, now)


def _newest(client: Elasticsearch, index: DatedIndex) -> datetime | None:
    answer = client.search(
        index=index.name,
        size=1,
        sort=[{_TIMES[index.kind]: "desc"}],
        source_includes=[_TIMES[index.kind]],
    )
    hits = answer["hits"]["hits"]
    return datetime.fromisoformat(hits[0]["_source"][_TIMES[index.kind]]) if hits else None


def _managed(client: Elasticsearch, settings: Settings, groups: Sequence[Group]) -> list[str]:
    """A server without ILM has no index with such a setting."""
    names = {index.name for group in groups for index in group.indices}
    found = client.indices.get_settings(
        index=[f"{settings.index_prefix}-{kind}-*" for kind in KEPT], name="index.lifecycle.name"
    )
    return sorted(name for name, one in found.items() if one.get("settings") and name in names)
