"""`python -m benchmarks.contenders.river_detectors FILE`: ADWIN and DDM of River on sequences.

FILE is an archive of NumPy arrays named `<detector>/<whatever>`, each fed to a detector of its own
value by value, as its documentation does, with its default parameters; standard output gets a JSON
object, name -> positions (from 0) at which the detector found drift.
"""

import json
import math
import sys
from collections.abc import Iterable

import numpy as np
from river import drift


def positions(detector: str, values: Iterable[float]) -> list[int]:
    """Where a detector finds drift; a value that is missing is not shown to it."""
    made = {"adwin": drift.ADWIN, "ddm": drift.binary.DDM}[detector]()
    found = []
    for position, value in enumerate(values):
        if math.isnan(value):
            continue
        made.update(value)
        if made.drift_detected:
            found.append(position)
    return found


def main() -> None:
    """Entry point."""
    with np.load(sys.argv[1]) as archive:
        answer = {
            name: positions(name.split("/")[0], archive[name].tolist()) for name in archive.files
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
