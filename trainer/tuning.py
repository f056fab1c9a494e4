"""Better parameters for an estimator: tried on the training rows, judged by the validation rows.

The search is that of Optuna's TPE sampler (Watanabe 2023, "Tree-Structured Parzen Estimator"). The
test rows are never touched, so their figures stay honest; those of the validation rows are the best
of many, and flatter.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from contracts.errors import UsageError
from contracts.packages import TuningRecord
from contracts.release_rules import Gate, telling_metric
from trainer.fitting import Learner
from trainer.planning import Plan
from trainer.preparing import TrainingData
from trainer.progress import Steps
from trainer.recipes import Recipe
from trainer.search_spaces import Space, Value, own_space
from trainer.studies import Study, Trial, opened

FOLDER = "tuning"
_MOST_OF_A_REASON = 300


def tuned(
    recipe: Recipe, data: TrainingData, planned: Plan, state_dir: Path, steps: Steps
) -> tuple[Plan, TuningRecord | None]:
    """Try as many sets of parameters as the recipe says, and plan with the best.

    Trials of an earlier run on the same data count; a trial that raises has failed, and the study
    goes on.

    Returns:
        The plan with the best parameters, and how they were found; without tuning, as given.

    Raises:
        UsageError: there is nothing to tune or to judge by, or every trial failed.
        ConfigurationError: Optuna is not installed.
    """
    tuning = recipe.tuning
    if tuning is None:
        return planned, None
    if not recipe.targets:
        raise UsageError(f"{data.task.task} has no target to judge by: leave tuning out")
    space = tuning.space or {
        name: search
        for name, search in own_space(planned.kind, classify=planned.classify).items()
        if name not in recipe.parameters
    }
    if not space:
        raise UsageError("[parameters] sets all that could be tuned: leave one of the two out")
    identity = _identity(recipe, data, planned, space)
    folder = state_dir / FOLDER
    with opened(folder, recipe.model, identity, space, recipe.random_state) as study:
        done = len(study.trials)
        if done >= tuning.trials:
            steps.say(f"{done} trials are done already: the best of them counts")
        else:
            judge = _Judge(recipe, data, planned)
            first = _defaults(planned, space)
            _search(study, tuning.trials, judge, first, steps)
        trials, metric = study.trials, study.metric
    return _with_best(planned, trials, metric)


class _Judge:
    """Gives the telling figure of a set of parameters, by name."""

    def __init__(self, recipe: Recipe, data: TrainingData, planned: Plan) -> None:
        self._planned = planned
        self._learner = Learner(data.examples, recipe, data.split, planned.build)

    def __call__(self, parameters: dict[str, Value]) -> tuple[str, float]:
        figures = self._learner.validate(_with(self._planned, parameters).build).figures
        metric = telling_metric(figures)
        if metric is None:
            raise UsageError("the validation rows give no figure to judge by")
        return metric, figures[metric]


def _search(
    study: Study, wanted: int, judge: _Judge, first: dict[str, Value], steps: Steps
) -> None:
    done = len(study.trials)
    if done:
        steps.say(f"{done} of {wanted} trials are done already")
    with steps.counted("tuning", done, wanted) as through:
        for number in range(done, wanted):
            trial, parameters = study.ask(number, first)
            try:
                metric, value = judge(parameters)
                study.tell(trial, metric, value)
            except Exception as error:  # of an estimator with parameters that nobody has tried
                why = f"{type(error).__name__}: {error}".partition("\n")[0][:_MOST_OF_A_REASON]
                study.tell_failed(trial, why)
                said = f"failed: {why}"
            else:
                best = max(one.value for one in study.trials if one.value is not None)
                said = f"{metric} {value:.4f}, the best {best:.4f}"
            through(f"trial {number + 1} of {wanted}: {said}")


def _with_best(
    planned: Plan, trials: Sequence[Trial], metric: str | None
) -> tuple[Plan, TuningRecord]:
    good = [(trial.value, trial) for trial in trials if trial.value is not None]
    if not good or metric is None:
        raise UsageError(f"each of the {len(trials)} trials failed, the last by {trials[-1].why}")
    value, best = max(good, key=lambda pair: pair[0])
    return _with(planned, best.parameters), TuningRecord(
        metric=metric,
        best=value,
        trials=len(trials),
        failed=len(trials) - len(good),
        parameters=best.parameters,
    )


def _with(planned: Plan, parameters: dict[str, Value]) -> Plan:
    return replace(planned, parameters=planned.parameters | parameters)


def _defaults(planned: Plan, space: Space) -> dict[str, Value]:
    """What the parameters are without tuning, as far as that lies in the space: tried first, so
    that tuning does not end worse than it began."""
    last: Any = planned.build()[-1]
    own = getattr(last, "estimator", last).get_params()
    return {name: own[name] for name, search in space.items() if search.has(own.get(name))}


def _identity(recipe: Recipe, data: TrainingData, planned: Plan, space: Space) -> bytes:
    """Everything that the figures of trials depend on."""
    asked = replace(
        recipe,
        data="",
        start=None,
        end=None,
        final_fit="before_test",
        payload="joblib",
        gate=Gate(),
        canary=None,
        tuning=None,
        importance=True,
    )
    return msgspec.json.encode((asked, data.window.fingerprint, planned.kind, space))
