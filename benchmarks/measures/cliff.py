"""P8: what becomes of speed as more adapters are in use than there are slots."""

import random
from collections.abc import Callable

from benchmarks.figures import Figure, percentile, ratios
from benchmarks.load import Load
from benchmarks.measures.measure import ON_CPU, Measure
from benchmarks.stage import Stage

_AT_ONCE = 16


def _cliff(stage: Stage) -> list[Figure]:
    sizes = stage.sizes
    counts = [count for count in sizes.cliff if count <= len(stage.weights.digests)]
    slots: int = stage.ours.status()["slots_total"]
    rng = random.Random(8)

    def side(count: int) -> Callable[[], Load]:
        def turn() -> Load:
            if count <= slots:  # the turn before has put others in their place
                stage.touch(stage.ours, range(count))
            bodies = [
                stage.ours.body(stage.prompt(), rng.randrange(count), sizes.cliff_tokens)
                for _ in range(sizes.cliff_requests)
            ]
            return stage.load(stage.ours, bodies, at_once=_AT_ONCE)

        return turn

    rounds = min(3, sizes.rounds)
    loads = stage.turns({str(count): side(count) for count in counts}, rounds)
    speeds = {name: [load.tokens_per_second for load in taken] for name, taken in loads.items()}
    waits = {
        name: [percentile([answer.first_token for answer in load.answers], 0.95) for load in taken]
        for name, taken in loads.items()
    }
    fewest = str(counts[0])
    figures = []
    for what, unit, values in (
        ("Tokens/s", "tokens/s", speeds),
        ("p95 of the first token", "s", waits),
    ):
        figures += [
            Figure(
                measure="P8",
                what=f"{what}, {count} adapters in use over {slots} slots, over {fewest} in use",
                weights=stage.shape,
                goal=None,
                rounds=ratios(values[str(count)], values[fewest]),
                absolute={
                    f"{number} in use ({unit})": values[str(number)] for number in (count, fewest)
                },
            )
            for count in counts[1:]
        ]
    return figures


P8 = Measure(
    "P8",
    f"{_AT_ONCE} clients, each asking again when answered, adapters drawn evenly from those in "
    "use; where the slots suffice, all are in them. With more, slots/adapters is about the share "
    "of requests that find theirs in its slot; for the others it must be read, checked and "
    "uploaded. Real use is kinder: some characters are liked more.",
    ON_CPU,
    _cliff,
)
