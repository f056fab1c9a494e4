"""`python -m benchmarks.looking --events 5000000`: fill a year, look at every page, compare."""

import argparse
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path

from rich.progress import track

import local_stack
from benchmarks.looking.asking import looks
from benchmarks.looking.comparing import compare
from benchmarks.looking.page import write_page
from benchmarks.looking.year import BATCH, Year, draw, write
from benchmarks.machine import describe
from contracts.settings import Settings, load_settings
from elk.console.serving import served
from prediction_log.client import connect
from prediction_log.indices import IndexNames
from prediction_log.template import install_template

_SPANS = {
    "all time": {"range": "all"},
    "July": {"range": "absolute", "from": "2025-07-01", "to": "2025-08-01"},
    "July, one version": {
        "range": "absolute",
        "from": "2025-07-01",
        "to": "2025-08-01",
        "model.version": "7",
    },
}
_PORT = 5610


def main() -> None:
    """Entry point; exit status 0 only if every figure is as near as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.looking", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=4, help="looks at each page")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--keep", action="store_true", help="serve until Ctrl-C in the end")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, local_stack.session() as servers:
        settings = load_settings(
            project_dir=Path(folder),
            elasticsearch=servers.elasticsearch.endpoint,
            bootstrap_servers=servers.kafka.endpoint,
            console_address=f"127.0.0.1:{_PORT if chosen.keep else 0}",
        )
        year = draw(chosen.events)
        _fill(settings, year)
        with served(settings) as url:
            looked = {}
            for name, span in _SPANS.items():
                _forget(settings)
                looked[name] = list(looks(url, span, chosen.rounds))
            newest = {pages[-1].dashboard: pages[-1].answers for pages in looked["all time"]}
            compared = list(compare(year, newest))
            page = write_page(chosen.output, _machine(), chosen.events, looked, compared)
            sys.stdout.write(page.read_text("utf-8"))
            if chosen.keep:
                sys.stderr.write(f"{url}\nCtrl-C ends it.\n")
                threading.Event().wait()
    if any(one.off > one.allowed for one in compared):
        sys.exit(1)


def _fill(settings: Settings, year: Year) -> None:
    install_template(settings)
    client = connect(settings, 4)
    requests = -(-len(year.at) // BATCH)
    deque(track(write(year, client, IndexNames(settings)), "Writing", total=requests), maxlen=0)
    client.close()


def _forget(settings: Settings) -> None:
    """Elasticsearch keeps answers; the first look at each page is to be without."""
    client = connect(settings, 1)
    client.indices.clear_cache(index=f"{settings.index_prefix}-*")
    client.close()


def _machine() -> str:
    one = describe()
    return f"{one.measured_at:%Y-%m-%d}, {one.cores} cores ({one.processor}), {one.memory_gib} GiB"


if __name__ == "__main__":
    main()
