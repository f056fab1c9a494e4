"""The rules of structure, as pure functions over the source text of one module."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

MOST_LINES = 300
CONSUMERS = PurePosixPath("contracts/consumers.py")
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "handler", "misc"}

SERVICES = frozenset({"producers", "stream_workers", "trainer", "elk"})
TOP = frozenset({"cli", "examples"})
OWN = frozenset({"contracts", "prediction_log", "local_stack"}) | SERVICES | TOP

_KAFKA = frozenset({"kafka", "confluent_kafka", "aiokafka"})
_ELASTICSEARCH = frozenset({"elasticsearch", "elastic_transport"})
_WEB = frozenset({"aiohttp", "fastapi", "flask", "starlette", "uvicorn"})
_FAUST = frozenset({"faust", "mode"})


@dataclass(frozen=True)
class Rule:
    """What a package may import of ours, and what of others it must know nothing about."""

    may: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()


RULES: Mapping[str, Rule] = {
    "contracts": Rule(never=_FAUST | _ELASTICSEARCH | _WEB | {"typer"}),
    "prediction_log": Rule(frozenset({"contracts"}), _FAUST | _KAFKA),
    "producers": Rule(frozenset({"contracts"}), _FAUST | _ELASTICSEARCH | {"sklearn"}),
    "stream_workers": Rule(frozenset({"contracts"}), _ELASTICSEARCH),
    "trainer": Rule(frozenset({"contracts", "prediction_log"}), _FAUST),
    "elk": Rule(frozenset({"contracts", "prediction_log"}), _FAUST | {"sklearn", "joblib"}),
    "local_stack": Rule(),
    "cli": Rule(OWN),
    "examples": Rule(OWN),
}


def broken_rules(path: PurePosixPath, source: str) -> Iterator[str]:
    """Give one sentence for each rule that a module breaks; `path` begins with its package."""
    tree = ast.parse(source)
    yield from _imports(path, tree)
    yield from _consumers(path, tree)
    lines = source.count("\n")
    if lines > MOST_LINES:
        yield f"{path} has {lines} lines: a module over {MOST_LINES} is two"
    if not (ast.get_docstring(tree) or "").partition("\n")[0].strip():
        yield f"{path} does not say in its first line why it exists"
    for name in (*path.parts[:-1], path.stem):
        if FORBIDDEN_NAMES & set(name.split("_")):
            yield f"{path}: '{name}' says nothing about what is in it"


def imported(path: PurePosixPath, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every import, wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, path.parts[0]
            elif node.module:
                yield node.lineno, node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and _is_import_call(node.func):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node.lineno, argument.value.partition(".")[0]


def _consumers(path: PurePosixPath, tree: ast.AST) -> Iterator[str]:
    """Made anywhere else, a consumer of kafka-python is stopped by a hostile header name."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "KafkaConsumer"
            and path != CONSUMERS
        ):
            yield f"{path}:{node.lineno} makes a KafkaConsumer; use {CONSUMERS}"


def _is_import_call(function: ast.expr) -> bool:
    return (isinstance(function, ast.Name) and function.id in {"__import__", "import_module"}) or (
        isinstance(function, ast.Attribute) and function.attr == "import_module"
    )


def _imports(path: PurePosixPath, tree: ast.AST) -> Iterator[str]:
    package = path.parts[0]
    rule = RULES[package]
    for line, name in imported(path, tree):
        if name in OWN and name != package and name not in rule.may:
            allowed = ", ".join(sorted(rule.may)) or "nothing of ours"
            yield f"{path}:{line} imports {name}; {package} may import {allowed}"
        if name in rule.never:
            yield f"{path}:{line} imports {name}, of which {package} must know nothing"
