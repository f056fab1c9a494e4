"""Follow the control topic: load what is deployed, swap, and tell what happened."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from contracts.deployments import Deployment
from contracts.errors import MillraceError, UnreachableError
from contracts.keys import load_trusted_keys
from contracts.model_events import ModelEventKind
from contracts.model_store import ModelStore
from contracts.settings import Settings
from stream_workers.control_records import ControlReader
from stream_workers.judging import ControlJudge
from stream_workers.loading import Awaited, NotInStoreError, VersionLoader
from stream_workers.roll_call import answer_question
from stream_workers.serving import WITHDRAWN, ServedModel, Serving
from stream_workers.telling import ModelEventWriter

log = structlog.get_logger("stream_workers.control")
_KEYS_SECONDS = 2.0
"""How often the folder of trusted keys is looked at, beside at every record."""
_ANEW_SECONDS = 10.0


class ControlFeed:
    """Keeps `serving` in line with the control topic.

    The lane reads `serving` once per batch; it is replaced whole, so a batch never sees half a
    swap.

    Args:
        member: the worker's id, written into model events.
        changed: told of every model event.
    """

    def __init__(
        self, settings: Settings, member: str, changed: Callable[[ModelEventKind], None]
    ) -> None:
        self._settings = settings
        self._events = ModelEventWriter(settings, member, changed)
        self.caught_up = False
        self._reader = ControlReader(settings)
        self._judge = ControlJudge(
            settings.environment, load_trusted_keys(settings.keys, "deployments"), self._events
        )
        self._loader = VersionLoader(
            ModelStore(settings.store_url),
            settings.environment,
            load_trusted_keys(settings.keys, "packages"),
            settings.package_retry_seconds,
            settings.model_runtime,
            self._note_loaded,
            allow_pickle=settings.allow_pickle,
        )
        self.serving = Serving()
        self._awaited: dict[str, Awaited] = {}
        self._keys_at = 0.0
        self._keys_trouble = ""

    @property
    def behind(self) -> int:
        """How many deployments are not read yet."""
        return self._reader.behind

    def catch_up(self, timeout: float = 60.0) -> None:
        """Judge the control topic from its beginning to its end, then serve what is in force of
        each model where that is not served already.

        Args:
            timeout: seconds without a record after which it is given up.

        Raises:
            UnreachableError: Kafka does not answer, or not to the topic's end.
        """
        before = self._judge.judge_anew(self._reader.replay(timeout))
        history = self._judge.log.history
        for model in sorted({*before.history, *history}):
            if self._concerns(model):
                self._put_in_force(model, before.newest(model), history.get(model, []))
        self._events.flush(10)
        self._reader.listen()
        self.caught_up = True

    def wait_for_the_store(self) -> None:
        """Follow until a model can be served, or none is missing: a worker that has none makes
        dead letters of events that could as well wait in Kafka."""
        if self._idle:
            log.warning("events wait: no model can be loaded yet", **self.serving.unavailable)
        while self._idle:
            self._follow()

    def follow(self, stop: threading.Event) -> None:
        """Apply deployments as they arrive, until `stop` is set."""
        while not stop.is_set():
            self._follow()
        self._events.flush(5)
        self._reader.close()

    @property
    def _idle(self) -> bool:
        return bool(self._awaited) and not (self.serving.models or self.serving.paused)

    def _follow(self) -> None:
        self._events.poll()
        now = time.monotonic()
        self._load_awaited(now)
        if now - self._keys_at >= _KEYS_SECONDS:
            self._read_keys()
        if self._judge.outdated:
            self._judge_anew()
        for record in self._reader.poll():
            if record.asks:
                answer_question(record.value, self.serving, self._events)
                continue
            self._read_keys()
            if self._judge.outdated:
                return  # it is judged with all the others
            deployment = self._judge.judge(record)
            if deployment is not None and self._concerns(deployment.model):
                self._events.tell("accepted", deployment.model, deployment)
                self._load(deployment)

    def _concerns(self, model: str) -> bool:
        """Whether this worker scores events of a model: one of a model's own topic no others."""
        return self._settings.worker_model in (None, model)

    def _read_keys(self) -> None:
        self._keys_at = time.monotonic()
        try:
            self._judge.trusted = load_trusted_keys(self._settings.keys, "deployments")
            self._loader.trusted = load_trusted_keys(self._settings.keys, "packages")
            self._keys_trouble = ""
        except (MillraceError, OSError) as error:
            if str(error) != self._keys_trouble:
                log.warning("the trusted keys stay as they were", reason=str(error))
            self._keys_trouble = str(error)

    def _judge_anew(self) -> None:
        """Keys have come or gone: what they signed counts, or does not, from the first record on,
        as for a worker that starts now."""
        log.warning("other keys are trusted: the control topic is judged anew")
        try:
            self.catch_up(_ANEW_SECONDS)
        except UnreachableError as error:
            log.warning("what was in force stays until it can be", reason=str(error))

    def _put_in_force(
        self, model: str, before: Deployment | None, history: Sequence[Deployment]
    ) -> None:
        """Serve what counts of a model, if that has changed."""
        current = self.serving.in_effect(model)
        if not history:
            self._withdraw(model, current)
            return
        newest, still_counts = history[-1], current in history
        if model in self._awaited and self._awaited[model].deployment != newest:
            del self._awaited[model]
        if still_counts:
            self.serving = self.serving.confirmed(model)
        if newest == current or (newest == before and still_counts):
            return
        if self.caught_up and newest != before:
            self._events.tell("accepted", model, newest)
        if not self._load(newest) and not still_counts:
            self._fall_back(history[:-1])

    def _withdraw(self, model: str, current: Deployment | None) -> None:
        """Nothing counts any more: whether a model serves is not for a missing file to decide."""
        self._awaited.pop(model, None)
        self.serving = self.serving.with_withdrawn(model)
        if current is not None:
            self._events.tell("kept", model, current, reason=WITHDRAWN)

    def _fall_back(self, history: Sequence[Deployment]) -> None:
        """Serve what a worker that never stopped would be serving."""
        for deployment in reversed(history):
            if deployment.paused:
                return self._pause(deployment)
            warm = self.serving.models.get(deployment.model)
            try:
                return self._swap(self._loader.load(deployment, warm, wait=False))
            except MillraceError:
                continue

    def _load(self, deployment: Deployment) -> bool:
        """Serve a deployment if it can be loaded, or else go on with what there is."""
        model = deployment.model
        self._awaited.pop(model, None)
        if deployment.paused:
            self._pause(deployment)
            return True
        current = self.serving.models.get(model)
        try:
            # A worker that runs does not wait: the next record may be a pause.
            self._swap(self._loader.load(deployment, current, wait=not self.caught_up))
        except NotInStoreError as error:
            self._awaited[model] = Awaited(deployment, time.monotonic(), told=not self.caught_up)
            if not self.caught_up:
                self._refuse(deployment, error)
            return False
        except MillraceError as error:
            self._refuse(deployment, error)
            return False
        return True

    def _load_awaited(self, now: float) -> None:
        """Try again what the store did not give: it may have been away."""
        for model, awaited in list(self._awaited.items()):
            if not awaited.due(now):
                continue
            deployment = awaited.deployment
            awaited.tried_at = now
            try:
                served = self._loader.load(deployment, self.serving.models.get(model), wait=False)
            except NotInStoreError as error:
                if not awaited.told and now - awaited.since >= self._settings.package_retry_seconds:
                    awaited.told = True
                    self._refuse(deployment, error)
            except MillraceError as error:
                del self._awaited[model]
                self._refuse(deployment, error)
            else:
                del self._awaited[model]
                self._swap(served)

    def _refuse(self, deployment: Deployment, error: MillraceError) -> None:
        model = deployment.model
        self._events.tell("rejected", model, deployment, reason=str(error))
        current = self.serving.in_effect(model)
        if current is not None:
            self._events.tell("kept", model, current, reason="the newer one is refused")
        else:
            self.serving = self.serving.with_unavailable(model, str(error))

    def _pause(self, deployment: Deployment) -> None:
        """Nothing is loaded for it: a pause is for when there is trouble."""
        self._replace(deployment, self.serving.with_paused(deployment))

    def _swap(self, served: ServedModel) -> None:
        self._replace(served.deployment, self.serving.with_served(served))

    def _replace(self, deployment: Deployment, serving: Serving) -> None:
        before = self.serving.models.get(deployment.model)
        self.serving = serving
        self._events.tell(
            "swapped",
            deployment.model,
            deployment,
            previous_version=before.champion.ref.version if before else None,
            paused=deployment.paused or None,
        )

    def _note_loaded(
        self, deployment: Deployment, role: str, version: str, digest: str, milliseconds: float
    ) -> None:
        self._events.tell(
            "loaded",
            deployment.model,
            deployment,
            role=role,
            version=version,
            digest=digest,
            load_ms=round(milliseconds, 3),
        )
