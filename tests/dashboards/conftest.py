"""The run says which Kibana it used."""

import pytest
from dashboards import kibana_container


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell it at the end, as the other servers are told."""
    for used in kibana_container.USED:
        terminalreporter.write_line(f"Real Kibana: {used}")
