"""`millrace produce --synthetic` from outside, where it needs no servers."""

import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import Result, millrace


def produce(at: Path, *options: str) -> Result:
    environment = {"MILLRACE_PROJECT_DIR": str(at), "PATH": "/usr/bin:/bin"}
    return millrace("produce", *options, folder=at, environment=environment)


def test_a_stream_is_written_to_a_file_with_its_onset_told(tmp_path: Path) -> None:
    options = "--synthetic concept --events 300 --onset 2024-01-03 --start 2024-01-01 --span 3d"
    done = produce(tmp_path, *options.split(), "--out", "a.csv", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["rows"], told["drift"]["onset_row"]) == (300, 200)
    frame = pd.read_csv(tmp_path / "a.csv")
    assert len(frame) == 300
    assert pd.Timestamp(frame["occurred_at"][200]) == pd.Timestamp("2024-01-03", tz="UTC")
    assert pd.Timestamp(told["drift"]["onset"]) == pd.Timestamp("2024-01-03", tz="UTC")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--model m", "give a FILE, or --synthetic KIND"),
        ("a.csv --synthetic abrupt --model m", "one of both"),
        ("--synthetic abrupt", "--model NAME"),
        ("a.csv --model m --out b.csv", "--out writes a synthetic stream"),
        ("--synthetic sudden --model m", "is no kind of stream: stationary, abrupt"),
        ("--synthetic abrupt --model m --onset 2030-01-01", "must lie in the stream"),
        ("--synthetic abrupt --model m --label-column y", "has its own columns"),
        ("--synthetic abrupt --model m --span 0d", "--span must be above 0"),
        ("--synthetic abrupt --out a.xlsx", ".csv or .parquet"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, options: str, words: str) -> None:
    done = produce(tmp_path, *options.split())
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
