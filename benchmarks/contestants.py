"""Who takes part: the worker as it is delivered, and programs that do its main job otherwise."""

from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.bed import Bed
from benchmarks.contenders.job import Job
from benchmarks.processes import PROJECT, Watched, python
from contracts.kafka import consumer_group
from contracts.settings import Settings

PEERS = PROJECT / ".venv-bench/bin/python"
"""Of the peers: Quix Streams wants an older confluent-kafka than we do."""


class Contestant(Struct, frozen=True):
    """A way of doing the job.

    Args:
        module: a program of `benchmarks.contenders`; empty for the worker.
        variant: what the program is told, or the worker's delivery.
        peer: runs in the peers' environment.
        predicts: whether its output has predictions to check.
        processes: how many processes of the worker.
        runtime: of the worker; all others use scikit-learn.
    """

    name: str
    module: str = ""
    variant: str = ""
    peer: bool = False
    predicts: bool = True
    processes: int = 1
    runtime: str = "scikit-learn"

    @property
    def group(self) -> str:
        """A name for its consumer group."""
        return f"{self.module}-{self.variant}".strip("-")


WORKER = Contestant("Millrace worker, at least once", variant="at_least_once")
EXACTLY_ONCE = Contestant("Millrace worker, exactly once", variant="exactly_once")
ONNX = Contestant("Millrace worker, at least once, ONNX", variant="at_least_once", runtime="auto")
BARE = Contestant("confluent-kafka loop", "bare_loop")
COPY = Contestant("confluent-kafka loop, no model", "bare_loop", "copy", predicts=False)
FAUST = Contestant("Faust agent, per event", "faust_agent", "each")
FAUST_TAKE = Contestant("Faust agent, take(1000)", "faust_agent", "take")
QUIX = Contestant("Quix Streams", "quix", peer=True)
BYTEWAX = Contestant("Bytewax, batched", "bytewax_flow", peer=True)

ALL = (WORKER, BARE, EXACTLY_ONCE, ONNX, BYTEWAX, FAUST_TAKE, QUIX, FAUST, COPY)


def group_of(contestant: Contestant, bed: Bed) -> str:
    """The consumer group that a contestant reads `features` in."""
    if not contestant.module:
        return consumer_group(bed.settings, "workers")
    return bed.settings.topic_prefix + contestant.group


def start(contestant: Contestant, bed: Bed, model: str, folder: Path, **variables: str) -> Watched:
    """Start it on the topics of a bed.

    Args:
        model: which model's files a program is given; the worker follows the events.
        variables: more `MILLRACE_*` settings of the worker.
    """
    settings = bed.settings
    log = folder / f"{contestant.group or 'worker'}.log"
    if not contestant.module:
        environment = {
            **variables_of(settings),
            "MILLRACE_DELIVERY": contestant.variant,
            "MILLRACE_MODEL_RUNTIME": contestant.runtime,
            **variables,
        }
        if contestant.processes == 1:
            return Watched(python("stream_workers"), log, environment)
        count = str(contestant.processes)
        return Watched(python("cli", "worker", "--processes", count), log, environment)
    task = Job(
        kafka=settings.kafka,
        group=group_of(contestant, bed),
        input=bed.topics.features.name,
        output=bed.topics.predictions.name,
        model=str(bed.files / model),
        variant=contestant.variant,
    )
    module = f"benchmarks.contenders.{contestant.module}"
    argument = msgspec.json.encode(task).decode()
    if contestant.peer:
        return Watched(python(module, argument, interpreter=str(PEERS)), log)
    return Watched(python(module, argument), log)


def start_indexer(bed: Bed, folder: Path) -> Watched:
    """Start the indexer on the topics and indices of a bed."""
    return Watched(python("elk"), folder / "indexer.log", variables_of(bed.settings))


def variables_of(settings: Settings) -> dict[str, str]:
    """The settings that are not the defaults, as a process reads them from its environment."""
    given = settings.model_dump(exclude_defaults=True, exclude_none=True)
    return {f"MILLRACE_{name.upper()}": str(value) for name, value in given.items()}
