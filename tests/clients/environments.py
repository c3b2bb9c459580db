"""An environment for each client: made when first asked for, anew when its pins have changed.

They lie in `.venv-clients`, beside `.venv`: 20 to 700 MB each, which nobody wants to fetch twice.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / ".venv-clients"
PINS = Path(__file__).parent / "pins"


def python_with(name: str) -> Path:
    """The Python of an environment that has what `pins/NAME.txt` lists, and nothing else."""
    pins = PINS / f"{name}.txt"
    folder = FOLDER / name
    python = folder / "bin" / "python"

    def make() -> None:
        # Our own pip installs into it: a pip in each would cost seconds and serve nobody.
        _run(name, [sys.executable, "-m", "venv", "--without-pip", str(folder)])
        install = ["install", "--quiet", "--no-compile", "--no-deps", "--require-hashes"]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
        _run(name, [*pip, *install, "--requirement", str(pins)])

    _keep(folder, pins.read_bytes() + sys.version.encode(), make)
    return python


def node_modules_with(name: str) -> Path:
    """A folder of modules, as `pins/NAME/package-lock.json` lists them, for NODE_PATH."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on this machine")
    folder = FOLDER / name

    def make() -> None:
        folder.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(PINS / name / file, folder)
        quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        _run(name, ["npm", "ci", *quiet], cwd=folder)

    _keep(folder, (PINS / name / "package-lock.json").read_bytes(), make)
    return folder / "node_modules"


def _keep(folder: Path, wanted: bytes, make: Callable[[], None]) -> None:
    """Make a folder unless it is what was wanted; the stamp that says so is written last."""
    stamp = folder / ".made"
    digest = hashlib.sha256(wanted).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    make()
    stamp.write_text(digest)


def _run(name: str, command: list[str], cwd: Path | None = None) -> None:
    """Run a command that needs the network; what can't be had is left out, with the reason."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        pytest.skip(f"the environment for {name} can't be made: {said[-1]}")
