"""Ports are free, stay the same where they can, and are asked for in vain only with a sentence."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.errors import PortInUseError
from local_stack.options import Options
from local_stack.ports import LOOPBACK, choose_port, is_free
from local_stack.stack_ports import choose_stack_ports


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free(taken_port: int) -> None:
    assert not is_free(taken_port)


def test_a_preferred_port_that_is_taken_is_replaced(taken_port: int) -> None:
    assert choose_port(set(), taken_port) != taken_port


def test_all_ports_of_a_stack_differ(tmp_path: Path) -> None:
    options = Options(kafka_listeners={"ONE": "SSL", "TWO": "SASL_SSL"})
    ports = choose_stack_ports(options, tmp_path, set())
    assert len(ports.kafka.all() | ports.elasticsearch.all()) == 6


def test_the_next_start_gets_the_same_ports(tmp_path: Path) -> None:
    first = choose_stack_ports(Options(), tmp_path, set())
    assert choose_stack_ports(Options(), tmp_path, set()) == first


def test_a_port_taken_meanwhile_alone_is_replaced(tmp_path: Path) -> None:
    first = choose_stack_ports(Options(), tmp_path, set())
    with socket.create_server((LOOPBACK, first.kafka.client)):
        second = choose_stack_ports(Options(), tmp_path, set())
    assert second.kafka.client != first.kafka.client
    assert second.elasticsearch == first.elasticsearch


def test_ports_that_did_not_work_are_avoided(tmp_path: Path) -> None:
    first = choose_stack_ports(Options(), tmp_path, set())
    avoid = first.kafka.all() | first.elasticsearch.all()
    second = choose_stack_ports(Options(), tmp_path, avoid)
    assert not avoid & (second.kafka.all() | second.elasticsearch.all())


@pytest.mark.parametrize("server", ["kafka", "elasticsearch"])
def test_a_port_asked_for_by_number_and_taken_is_an_error(
    tmp_path: Path, taken_port: int, server: str
) -> None:
    options = Options(**{f"{server}_port": taken_port})
    with pytest.raises(PortInUseError, match=rf"Port {taken_port} .*in use.*choose another"):
        choose_stack_ports(options, tmp_path, set())


def test_a_port_asked_for_by_number_and_free_is_used(tmp_path: Path) -> None:
    port = choose_port(set())
    assert choose_stack_ports(Options(kafka_port=port), tmp_path, set()).kafka.client == port
