"""What MLX is on this machine, found out in a process of its own: `python -m` this file CACHE.

MLX can end a process, and importing it takes a while; `doctor` must survive the one and the rest
of the CLI must not pay for the other. Prints one JSON object.
"""

import json
import os
import sys
import time
from importlib import metadata
from pathlib import Path

from bluey_adapters.mlx_setup import prepare_mlx

_SIDE = 1024  # of the matrices; two of these fit any cache worth the name


def main() -> None:
    """Measure and print."""
    blas = prepare_mlx(Path(sys.argv[1]))
    import mlx.core as mx

    print(
        json.dumps(
            {
                "mlx": metadata.version("mlx"),
                "mlx_lm": metadata.version("mlx-lm"),
                "device": str(mx.default_device()),
                "device_name": str(mx.device_info().get("device_name", "")),
                "blas": blas.kind,
                "blas_detail": blas.detail,
                "gflops": round(_gflops(), 1),
                "compile": "MLX_DISABLE_COMPILE" not in os.environ,
            }
        )
    )


def _gflops() -> float:
    """GFLOP/s of fp32 matrix products; the best of three, as the first warms up."""
    import mlx.core as mx

    a = mx.random.normal((_SIDE, _SIDE))
    mx.eval(a)
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        mx.eval(a @ a)
        best = max(best, 2 * _SIDE**3 / (time.perf_counter() - began) / 1e9)
    return best


if __name__ == "__main__":
    main()
