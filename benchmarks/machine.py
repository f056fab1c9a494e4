"""What the figures were measured on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from msgspec import Struct

_LIBRARIES = ("confluent-kafka", "faust-streaming", "msgspec", "numpy", "scikit-learn")


class Machine(Struct, frozen=True):
    """One machine at one time; the load average is that before anything was started."""

    measured_at: datetime
    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    libraries: dict[str, str]
    load: float


def describe() -> Machine:
    """The machine this runs on."""
    return Machine(
        datetime.now(UTC).replace(microsecond=0),
        _processor(),
        os.cpu_count() or 1,
        round(psutil.virtual_memory().total / 2**30, 1),
        f"{platform.system()} {platform.release()}",
        platform.python_version(),
        {name: version(name) for name in _LIBRARIES},
        round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
