"""What strangers have written cannot take over a terminal."""

import pytest

from cli.output import print_table, say


def test_control_characters_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("letters", ("producer",), [("a\x1b[31mb\x00\x9bc",)])
    say("x\x1b]0;title\x07y")
    shown = capsys.readouterr()
    assert "a\\x1b[31mb\\x00\\x9bc" in shown.out
    assert "x\\x1b]0;title\\x07y" in shown.err
    assert not set("\x1b\x00\x07\x9b") & set(shown.out + shown.err)
