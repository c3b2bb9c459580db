"""results.json: what was found, on which machine, with which versions, on which day."""

import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec
import psutil

from benchmarks.figures import Figure
from bluey_adapters.mlx_setup import available_cores

_PACKAGES = ("bluey", "mlx", "mlx-lm", "litestar", "uvicorn", "numpy", "scipy-openblas32")


class Surroundings(msgspec.Struct, frozen=True):
    """What figures may be compared within."""

    machine: str
    device: str  # as the engine names it: CPU, Metal, CUDA
    versions: dict[str, str]


class Run(msgspec.Struct):
    """The figures of one machine, for the table of one heading."""

    surroundings: Surroundings
    figures: list[Figure]


class Results(msgspec.Struct):
    """The file. Runs by heading: "cpu", or the name of a shape that is measured by itself."""

    runs: dict[str, Run] = {}

    def add(self, heading: str, surroundings: Surroundings, figures: list[Figure]) -> None:
        """Take new figures in, in place of the same measures' old ones. What was found in other
        surroundings goes: a table mixes days, but neither machines nor versions."""
        run = self.runs.get(heading)
        old = run.figures if run is not None and run.surroundings == surroundings else []
        renewed = {(figure.measure, figure.weights) for figure in figures}
        kept = [figure for figure in old if (figure.measure, figure.weights) not in renewed]
        self.runs[heading] = Run(surroundings, [*kept, *figures])


def read_results(path: Path) -> Results:
    """The results there are; none where there is no file."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results()


def write_results(path: Path, results: Results) -> None:
    """Write the file, for people to read as well."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def look_around(device: str) -> Surroundings:
    """This machine, in words that name nobody."""
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{_processor()}, {available_cores()} cores, {memory:.0f} GiB, {_system()}"
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    versions["BLAS threads"] = os.environ.get("OPENBLAS_NUM_THREADS") or str(
        max(1, available_cores() // 2)
    )
    return Surroundings(machine, device, versions)


def today() -> str:
    """The date by the universal clock."""
    return datetime.now(UTC).date().isoformat()


def _processor() -> str:
    if sys.platform == "linux":
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        if found:
            return found.group(1)
    return platform.processor() or platform.machine()


def _system() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.machine()}"
