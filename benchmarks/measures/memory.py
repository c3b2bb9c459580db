"""P15: what a resident adapter costs in memory."""

from benchmarks.figures import Figure, at_most
from benchmarks.measures.measure import ON_CPU, Measure
from benchmarks.servers import Server
from benchmarks.stage import Stage


def _memory(server: Server) -> int:
    memory: int = server.status()["memory_bytes"]
    return memory


def _added(stage: Stage) -> tuple[float, float]:
    """Bytes over an adapter's size: a slot when all are taken, and all slots after the first."""
    size = stage.weights.adapter_bytes()
    with stage.fresh() as server:
        slots = min(server.status()["slots_total"], len(stage.weights.digests))
        stage.touch(server, [None])
        start = _memory(server)
        # A prefix cache keeps something of every request: as many of the base's tell how much.
        stage.touch(server, [None] * slots)
        without = _memory(server)
        stage.touch(server, [0])
        one = _memory(server)
        stage.touch(server, range(1, slots))
        taken = _memory(server) - without - (without - start)
        return taken / slots / size, (one - without - (without - start) / slots) / size


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
    "MLX's own count of active memory (`memory_bytes` in `/admin/status`) of a new server, before "
    "and after every slot has an adapter, a slot; less what as many requests to the bare base "
    "added, which is the prefix cache's. An adapter's size is that of its file: fp32, rank 8.",
    ON_CPU,
    _take,
)
