"""The structure of the project is as its architecture says, and the check of it can fail."""

import tomllib
from pathlib import Path, PurePosixPath

import pytest
from architecture.source_rules import OWN, RULES, SERVICES, broken_rules

PROJECT = Path(__file__).parents[2]
MODULES = sorted(
    PurePosixPath(path.relative_to(PROJECT).as_posix())
    for package in RULES
    for path in (PROJECT / package).rglob("*.py")
)


def test_every_package_of_the_distribution_has_its_rule() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(RULES)
    assert set(RULES) == OWN
    assert {module.parts[0] for module in MODULES} == OWN


@pytest.mark.parametrize("package", sorted(RULES))
def test_a_package_keeps_the_rules(package: str) -> None:
    modules = [module for module in MODULES if module.parts[0] == package]
    broken = [s for m in modules for s in broken_rules(m, (PROJECT / m).read_text("utf-8"))]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("package", sorted(SERVICES))
def test_services_never_import_each_other(package: str) -> None:
    assert not RULES[package].may & SERVICES


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("elk/a.py", "import stream_workers.lane", "elk/a.py:2 imports stream_workers"),
        ("trainer/a.py", "def f():\n    from elk import indexer", "imports elk"),
        ("producers/a.py", "from prediction_log.bulk import body", "imports prediction_log"),
        ("contracts/a.py", "from elk import indexer", "may import nothing of ours"),
        ("contracts/a.py", "import faust", "must know nothing"),
        ("contracts/a.py", "from elasticsearch.helpers import bulk", "must know nothing"),
        ("prediction_log/a.py", "from kafka import KafkaConsumer", "must know nothing"),
        ("stream_workers/a.py", "import elasticsearch", "must know nothing"),
        ("local_stack/a.py", "from contracts.errors import MillraceError", "imports contracts"),
        ("trainer/a.py", "from cli.output import say", "imports cli"),
        ("elk/a.py", "import importlib\nimportlib.import_module('trainer.fitting')", "trainer"),
        ("elk/a.py", "KafkaConsumer('labels')", "use contracts/consumers.py"),
        ("cli/a.py", "x = 1\n" * 301, "over 300 is two"),
        ("cli/string_utils.py", "", "'string_utils' says nothing"),
        ("cli/helpers/a.py", "", "'helpers' says nothing"),
    ],
)
def test_a_broken_rule_is_found(module: str, source: str, complaint: str) -> None:
    found = list(broken_rules(PurePosixPath(module), f'"""Does one thing."""\n{source}\n'))
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize("source", ["import os\n", '""""""\n', ""])
def test_a_module_without_its_reason_is_found(source: str) -> None:
    assert any("first line" in s for s in broken_rules(PurePosixPath("cli/a.py"), source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("elk/a.py", "from contracts import events\nfrom prediction_log import bulk\nimport kafka"),
        ("elk/a.py", "from . import indexer\nfrom elk.lanes import Lane"),
        ("cli/a.py", "import elk, trainer, producers, stream_workers, local_stack, examples"),
        ("producers/a.py", "import contracts.events\nimport confluent_kafka"),
    ],
)
def test_what_is_allowed_is_not_found(module: str, source: str) -> None:
    assert not list(broken_rules(PurePosixPath(module), f'"""Does one thing."""\n{source}\n'))
