"""`python -m elk [indexer|monitor|console]`: the wiring of a process, its signals and status."""

import signal
import sys
import threading

from contracts.errors import MillraceError, UsageError
from contracts.settings import load_settings
from contracts.telemetry import configure_logging
from elk import indexer


def main(arguments: list[str]) -> int:
    """Run a subcommand; 0 stopped as asked, else as `contracts.errors` tells."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        service = " ".join(arguments) or "indexer"
        if service not in ("indexer", "monitor", "console"):
            raise UsageError(
                f"'{service}' is unknown; say 'python -m elk indexer', 'python -m elk monitor' or "
                "'python -m elk console'"
            )
        settings = load_settings()
        configure_logging(settings, service)
        if service == "monitor":
            # Brings in what the indexer does without.
            from elk import monitor

            monitor.run(settings, stop)
        elif service == "console":
            from elk.console import serving

            serving.run(settings, stop)
        else:
            indexer.run(settings, stop)
    except MillraceError as error:
        sys.stderr.write(f"elk: {error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
