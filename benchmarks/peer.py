"""`mlx_lm.server` on the BLAS, and with the number of threads, that our engine has.

`python -m benchmarks.peer CACHE LIFELINE ARGUMENT…`; without this it would be measured on the
reference BLAS, and lose for a reason that is none of its server's.
"""

import os
import sys
from pathlib import Path

from bluey_adapters.lifeline import on_parent_gone
from bluey_adapters.mlx_setup import prepare_mlx

if __name__ == "__main__":
    _, cache, lifeline, *arguments = sys.argv
    on_parent_gone(int(lifeline), lambda: os._exit(1))
    prepare_mlx(Path(cache))
    sys.argv = ["mlx_lm.server", *arguments]
    from mlx_lm.server import main

    main()
