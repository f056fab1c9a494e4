"""An Optuna study in a file of the project: what was tried, so that the next run goes on from it.

The calls are those of the ask-and-tell interface (Optuna 5, "Ask-and-Tell Interface").
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from msgspec import Struct

from contracts.errors import ConfigurationError, MillraceError, UsageError
from trainer.search_spaces import Search, Space, Value

_METRIC = "metric"
_WHY = "why"
"""Attribute of a trial that failed by itself; one that was interrupted has none."""


class Trial(Struct, frozen=True):
    """One set of parameters, and its figure; or why it has none."""

    parameters: dict[str, Value]
    value: float | None
    why: str = ""


class Study:
    """What was tried of one space. Only `opened` makes one."""

    def __init__(self, optuna: Any, study: Any, space: Space, random_state: int) -> None:
        self._optuna, self._study, self._random_state = optuna, study, random_state
        self._distributions = {name: _distribution(optuna, one) for name, one in space.items()}
        running = optuna.trial.TrialState.RUNNING
        for interrupted in study.get_trials(deepcopy=False, states=[running]):
            study.tell(interrupted.number, state=optuna.trial.TrialState.FAIL)

    @property
    def trials(self) -> Sequence[Trial]:
        """What was tried to its end, in order."""
        return [
            Trial(t.params, t.value, t.user_attrs.get(_WHY, ""))
            for t in self._study.get_trials(deepcopy=False)
            if t.value is not None or _WHY in t.user_attrs
        ]

    def ask(self, number: int, first: dict[str, Value]) -> tuple[Any, dict[str, Value]]:
        """Choose the next set of parameters: by the trials so far, and by nothing else, so that a
        study that was interrupted comes to the same as one that was not.

        Args:
            number: how many trials there are.
            first: parameters that the first trial is to have.
        """
        seed = self._random_state + number
        self._study.sampler = self._optuna.samplers.TPESampler(seed=seed % 2**32)
        if number == 0 and first and not self._waits:
            self._study.enqueue_trial(first)
        trial = self._study.ask(self._distributions)
        return trial, dict(trial.params)

    @property
    def metric(self) -> str | None:
        """What the figures of all trials are; None: there is none yet."""
        name: str | None = self._study.user_attrs.get(_METRIC)
        return name

    def tell(self, trial: Any, metric: str, value: float) -> None:
        """Keep a figure; more is better.

        Raises:
            UsageError: it is another one than those before.
        """
        if self.metric is None:
            self._study.set_user_attr(_METRIC, metric)
        elif self.metric != metric:
            raise UsageError(f"it gives {metric}, which cannot be compared with {self.metric}")
        self._study.tell(trial, value)

    def tell_failed(self, trial: Any, why: str) -> None:
        """Keep that there is none."""
        trial.set_user_attr(_WHY, why)
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)

    @property
    def _waits(self) -> bool:
        waiting = self._optuna.trial.TrialState.WAITING
        return bool(self._study.get_trials(deepcopy=False, states=[waiting]))


@contextmanager
def opened(
    folder: Path, model: str, identity: bytes, space: Space, random_state: int
) -> Iterator[Study]:
    """Open the study of a model and of everything that its figures depend on, or begin it.

    Args:
        identity: tells studies of one model apart.

    Raises:
        ConfigurationError: Optuna is not installed.
        UsageError: another process has it.
        MillraceError: its file cannot be read or written.
    """
    try:
        import optuna
    except ImportError:
        raise ConfigurationError(
            "tuning needs Optuna, which is not installed: pip install 'millrace[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / f"{model}-{hashlib.sha256(identity).hexdigest()[:12]}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            try:
                storage = optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")
                study = optuna.create_study(
                    study_name=model, storage=storage, direction="maximize", load_if_exists=True
                )
            except Exception as error:  # of SQLAlchemy, SQLite and Optuna, by what is damaged
                raise MillraceError(
                    f"the study {path} cannot be opened, delete it to begin anew: {error}"
                ) from error
            try:
                yield Study(optuna, study, space, random_state)
            finally:
                storage.engine.dispose()
    except Timeout:
        raise UsageError(
            f"another process is tuning '{model}' on this data: wait for it, or stop it"
        ) from None


def _distribution(optuna: Any, search: Search) -> Any:
    if search.choices:
        return optuna.distributions.CategoricalDistribution(search.choices)
    whole = isinstance(search.low, int) and isinstance(search.high, int)
    kind = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
    return kind(search.low, search.high, log=search.log)
