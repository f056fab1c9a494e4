"""Coverage-guided fuzzing of the decoders: `make fuzz`, or `guided.py --seconds 60 [TARGET…]`.

Each target runs in a process of its own, since libFuzzer ends the process it runs in. Where
atheris has no wheel (all but Linux on x86_64) the seeds run through the same targets, and the
output says so.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parent.parent
LARGEST_INPUT = 4096
_GRACE_SECONDS = 120


def main() -> int:
    """Run the targets one after the other; 1 if one of them failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=0, help="for each target")
    options.add_argument("--runs", type=int, default=-1, help="inputs for each target")
    options.add_argument("--corpus", type=Path, help="folder that keeps interesting inputs")
    options.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("targets", nargs="*")
    given = options.parse_args()
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    if given.one:
        return fuzz(given.targets[0], given.seconds, given.runs, given.corpus)
    from fuzz_targets import TARGETS

    if importlib.util.find_spec("atheris") is None:
        return seeds_only()
    failed = 0
    for name in given.targets or TARGETS:
        with tempfile.TemporaryDirectory() as scratch:
            corpus = (given.corpus or Path(scratch)) / name
            done = run_one(name, given.seconds, given.runs, corpus)
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"{name}: {'failed' if done.returncode else 'sound'}; {last}", flush=True)
        if done.returncode:
            print(done.stdout + done.stderr, file=sys.stderr)
            failed = 1
    return failed


def run_one(name: str, seconds: int, runs: int, corpus: Path) -> "subprocess.CompletedProcess[str]":
    """One target in a process of its own, with its valid input as the first of its corpus."""
    from fuzz_seeds import SEEDS

    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "seed").write_bytes(SEEDS[name])
    limits = ["--seconds", str(seconds), "--runs", str(runs), "--corpus", str(corpus)]
    return subprocess.run(
        [sys.executable, __file__, "--one", *limits, name],
        capture_output=True,
        text=True,
        timeout=seconds + _GRACE_SECONDS,
    )


def fuzz(name: str, seconds: int, runs: int, corpus: Path) -> int:
    """Let libFuzzer have one target; it ends the process."""
    import atheris

    with atheris.instrument_imports(include=["contracts", "elk", "stream_workers"]):
        from fuzz_targets import TARGETS
    flags = [f"-max_total_time={seconds}", f"-runs={runs}", "-seed=1", "-rss_limit_mb=2048"]
    flags += [f"-max_len={LARGEST_INPUT}", "-timeout=10", f"-artifact_prefix={corpus}/"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], TARGETS[name])
    atheris.Fuzz()
    return 0


def seeds_only() -> int:
    """The targets on their seeds, where there is no fuzzer."""
    from fuzz_seeds import SEEDS
    from fuzz_targets import TARGETS

    print("atheris is not available on this platform: only the seeds are run")
    for name, target in TARGETS.items():
        target(SEEDS[name])
        print(f"{name}: sound on its seed", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
