"""Logs of every service: structured, to standard error, never with secrets or event contents."""

import logging
import os
import re
import sys
import time

import structlog

from contracts.settings import Settings, unknown_variables

_REPEAT_SECONDS = 60.0
_CLIENTS = ("librdkafka", "kafka", "opentelemetry")
_VARIABLE = re.compile(r"<[^>]*>|\[rdkafka#[^]]*\]|\d+(\.\d+)*")


class _OncePerInterval(logging.Filter):
    """Lets each sentence of a client library pass once in a while, and without its stack.

    They repeat themselves many times a second while a server is away; that it is, and since when,
    services tell themselves.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in _CLIENTS:
            return True
        record.exc_info = record.exc_text = None
        now = time.monotonic()
        # What differs are connections, ports and counts; a bounded number of sentences is left.
        sentence = _VARIABLE.sub("#", record.getMessage())[:200]
        if now - self._told.get(sentence, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return False
        self._told[sentence] = now
        return True


def log_warnings_only() -> None:
    """Set up logging for a command, whose standard output is its answer."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )


def configure_logging(settings: Settings, service: str) -> structlog.stdlib.BoundLogger:
    """Set up logging for this process and give its logger, bound to the service's name."""
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_OncePerInterval())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("kafka", "faust", "mode", "aiokafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Each failed attempt of the first comes to us as an error, which we tell; a commit that
    # waits for Kafka overlaps the next in the second.
    for noisy in ("elastic_transport", "mode.timers", "mode.utils.times"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(service)
    logger = logger.bind(service=service)
    for name, meant in unknown_variables(os.environ).items():
        logger.warning("this variable is no setting and changes nothing", name=name, meant=meant)
    return logger
