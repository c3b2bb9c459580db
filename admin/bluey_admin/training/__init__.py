"""Training: from a base and a data file to a published adapter version.

`prepare` checks everything and says what a job will do; `launch` starts a worker process for it;
`worker` is that process. Only `worker` and what it alone uses (`model`, `loop`, `checkpoints`)
import MLX.
"""
