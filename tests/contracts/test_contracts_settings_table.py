"""The table of settings in the documentation is that of the code."""

from pathlib import Path

from contracts.settings import Settings
from contracts.settings_table import table

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == table(), "run 'make docs'"


def test_every_setting_is_described() -> None:
    for name in Settings.model_fields:
        assert table().count(f"| `MILLRACE_{name.upper()}` |") == 1
    assert all(field.description for field in Settings.model_fields.values())


def test_a_row_tells_default_meaning_and_limits() -> None:
    assert (
        "| `MILLRACE_PARTITIONS` | `4` | Partitions of the topics that carry events "
        "(whole number, at least 1) |"
    ) in table()
    assert "`month` or `day`" in table()
