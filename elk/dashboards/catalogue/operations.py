"""Operations: how the processes are doing, and what was set aside or refused."""

from elk.dashboards.catalogue.figures import TIME
from elk.dashboards.panels import Control, Dashboard, Filter, Metric, Panel, Terms

_SERVICE = Terms("service.name", "Service", size=5)
_PROCESS = Terms("worker.id", "Process", size=10)
_REASON = Terms("dead_letter.reason", "Reason")
_DEAD_LETTERS = Metric("Dead letters")


def _total(id_: str, title: str, question: str, operation: str, field: str) -> Panel:
    return Panel(
        id=id_,
        title=title,
        question=question,
        kind="operations",
        chart="metric",
        metrics=(Metric(title, operation, field),),  # type: ignore[arg-type]
    )


DASHBOARD = Dashboard(
    id="operations",
    title="Operations",
    description="How the processes are doing, and what was set aside or refused.",
    controls=(Control("worker.id", "Process"),),
    rows=(
        (
            _total(
                "lag", "Greatest lag", "How many records waited, at worst?", "max", "operations.lag"
            ),
            _total(
                "retries",
                "Repeated requests",
                "How often was something sent again, such as a bulk request?",
                "sum",
                "operations.retries",
            ),
            _total(
                "swaps",
                "Swaps",
                "How often did a worker change its version?",
                "sum",
                "operations.swaps",
            ),
            _total(
                "rejected",
                "Rejected deployments",
                "How often did a worker refuse what it was to serve?",
                "sum",
                "operations.rejected_deployments",
            ),
        ),
        (
            Panel(
                id="lag-over-time",
                title="Lag by process",
                question="Who falls behind?",
                kind="operations",
                chart="line",
                metrics=(Metric("Records waiting", "max", "operations.lag"),),
                by=(TIME, _PROCESS),
            ),
            Panel(
                id="throughput",
                title="Records per second by process",
                question="Is the work shared, and does anybody stand still?",
                kind="operations",
                chart="area",
                metrics=(
                    Metric(
                        "Records per second", "average", "operations.records_per_second", decimals=1
                    ),
                ),
                by=(TIME, _PROCESS),
            ),
        ),
        (
            Panel(
                id="latency",
                title="Slowest 1 % by service",
                question="Which service is slow?",
                kind="operations",
                chart="line",
                metrics=(Metric("p99 (ms)", "max", "operations.latency.p99_ms", decimals=1),),
                by=(TIME, _SERVICE),
            ),
            Panel(
                id="retries-over-time",
                title="Repeated requests by service",
                question="Since when does Elasticsearch or Kafka refuse, and whom?",
                kind="operations",
                chart="stacked",
                metrics=(Metric("Requests", "sum", "operations.retries"),),
                by=(TIME, _SERVICE),
            ),
        ),
        (
            Panel(
                id="memory",
                title="Memory by process",
                question="Does a process grow without end?",
                kind="operations",
                chart="line",
                metrics=(Metric("Bytes", "max", "operations.memory_bytes"),),
                by=(TIME, _PROCESS),
            ),
            Panel(
                id="model-events",
                title="Changes of models",
                question="What happened to deployments, and when?",
                kind="model-events",
                chart="stacked",
                metrics=(Metric("Model events"),),
                by=(TIME, Terms("model_event.kind", "What happened", size=8)),
                filters=(
                    Filter(
                        "model_event.kind",
                        ("published", "accepted", "rejected", "loaded", "swapped", "kept"),
                    ),
                ),
            ),
        ),
        (
            Panel(
                id="dead-letters",
                title="Dead letters by reason",
                question="Why are records set aside, and by whom?",
                kind="dead-letters",
                chart="stacked",
                metrics=(_DEAD_LETTERS,),
                by=(_REASON, Terms("dead_letter.stage", "Stage", size=2)),
            ),
            Panel(
                id="producers",
                title="Dead letters by producer",
                question="Who sends what nobody can use?",
                kind="dead-letters",
                chart="table",
                metrics=(_DEAD_LETTERS, Metric("Latest", "latest", "failed_at")),
                by=(Terms("dead_letter.producer", "Producer"), _REASON),
            ),
        ),
        (
            Panel(
                id="refusals",
                title="Models that were refused",
                question="Which versions did not get into traffic, and why?",
                kind="model-events",
                chart="documents",
                columns=(
                    "model.name",
                    "model.version",
                    "model_event.kind",
                    "model_event.reason",
                    "worker.id",
                ),
                filters=(Filter("model_event.kind", ("rejected", "kept", "gate_refused")),),
            ),
            Panel(
                id="letters",
                title="Newest dead letters",
                question="What exactly was wrong?",
                kind="dead-letters",
                chart="documents",
                columns=(
                    "dead_letter.reason",
                    "dead_letter.detail",
                    "dead_letter.producer",
                    "model.name",
                    "event.id",
                ),
            ),
        ),
    ),
)
