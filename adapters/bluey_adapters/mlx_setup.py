"""What must happen in a process before it imports MLX; every entry point that uses MLX calls it."""

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from bluey_adapters.blas import Blas, load_blas


def prepare_mlx(cache: Path) -> Blas:
    """Make `import mlx.core` safe and fast on this machine; `cache` is BLUEY_HOME/cache.

    Besides the BLAS: `mx.compile` on Linux's CPU backend runs `g++` at run time, and raises in the
    middle of a request where there is none (slim containers). So it is switched off there; the
    cost is a few per cent.
    """
    # OpenBLAS's threads wait by spinning: one that shares its core with another process stalls the
    # whole matmul. Beside one busy neighbour on two cores, two threads decoded at a third of the
    # speed of one. Half the cores leave room for MLX's own thread and for a training.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(max(1, available_cores() // 2)))
    blas = load_blas(cache)
    if sys.platform == "linux" and not _has_cuda() and shutil.which("g++") is None:
        os.environ["MLX_DISABLE_COMPILE"] = "1"
    # Weights are found by our own code; nothing below may reach for the network on its own.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    return blas


def available_cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _has_cuda() -> bool:
    names = (distribution.name for distribution in metadata.distributions())
    return any(name and name.startswith("mlx-cuda") for name in names)
