"""P15: what a resident adapter costs in memory."""

from benchmarks.figures import Figure, at_most
from benchmarks.measures.measure import ON_CPU, Measure
from benchmarks.servers import Server
from benchmarks.stage import Stage


def _memory(server: Server) -> int:
    """Bytes in use, but for what the prefix cache keeps of requests."""
    status = server.status()
    used: int = status["memory"]["bytes"] - status["prefix_cache"]["bytes"]
    return used


def _added(stage: Stage) -> tuple[float, float]:
    """Bytes over an adapter's size: a slot when all are taken, and the first adapter's alone."""
    size = stage.weights.adapter_bytes()
    with stage.fresh() as server:
        slots = min(server.status()["slots_total"], len(stage.weights.digests))
        stage.touch(server, [None])
        start = _memory(server)
        stage.touch(server, [0])
        one = _memory(server)
        stage.touch(server, range(1, slots))
        return (_memory(server) - start) / slots / size, (one - start) / size


def _take(stage: Stage) -> list[Figure]:
    stage.clear()
    found = stage.turns({"": lambda: _added(stage)}, rounds=min(2, stage.sizes.rounds))[""]
    return [
        Figure(
            measure="P15",
            what="Memory added by one resident adapter, over its own size",
            weights=stage.shape,
            goal=at_most(1.2),
            rounds=[each for each, _ in found],
            notes=[
                f"P15, {stage.shape}: the first adapter alone added {found[0][1]:.1f} times its "
                "size; what is added once and shared by all slots is in that."
            ],
        )
    ]


P15 = Measure(
    "P15",
    "MLX's own count of active memory (`memory.bytes` in `/admin/status`) less the prefix cache's, "
    "of a new server, before and after every slot has an adapter, a slot. An adapter's size is "
    "that of its file: fp32, rank 8.",
    ON_CPU,
    _take,
)
