"""P1 and P2: what changing the adapter does to the time to the first token."""

import statistics
from collections.abc import Iterator
from itertools import cycle

from benchmarks.figures import Figure, at_least, at_most, ratios
from benchmarks.measures.measure import ON_CPU, Measure
from benchmarks.servers import Server
from benchmarks.stage import Stage

_LENGTH = 2  # tokens an answer: what comes after the first doesn't count


def _first_token(stage: Stage, server: Server, adapters: Iterator[int], requests: int) -> float:
    """Median seconds to the first token, one request after another."""
    bodies = [server.body(stage.prompt(), next(adapters), _LENGTH) for _ in range(requests)]
    load = stage.load(server, bodies, at_once=1)
    return statistics.median(answer.first_token for answer in load.answers)


def _changing(stage: Stage) -> list[Figure]:
    few, requests = range(stage.sizes.adapters), stage.sizes.singles
    all_adapters = cycle(range(len(stage.weights.digests)))

    def same() -> float:
        stage.touch(stage.ours, [0])
        return _first_token(stage, stage.ours, cycle([0]), requests)

    def changing() -> float:
        stage.touch(stage.ours, few)
        return _first_token(stage, stage.ours, cycle(few), requests)

    def missing() -> float:
        return _first_token(stage, stage.ours, all_adapters, requests)

    sides = {"same": same, "changing": changing}
    slots = stage.ours.status()["slots_total"]
    if len(stage.weights.digests) > slots:
        sides["missing"] = missing
    seconds = stage.turns(sides)
    figures = [
        Figure(
            measure="P1",
            what="First token, another adapter with every request, over always the same",
            weights=stage.shape,
            goal=at_most(1.1),
            rounds=ratios(seconds["changing"], seconds["same"]),
            absolute={f"{side} (s)": taken for side, taken in seconds.items()},
        )
    ]
    if "missing" in sides:
        figures.append(
            Figure(
                measure="P1",
                what=f"The same, none of them in one of the {slots} slots when asked for",
                weights=stage.shape,
                goal=None,
                rounds=ratios(seconds["missing"], seconds["same"]),
            )
        )
    return figures


def _beside_peer(stage: Stage) -> list[Figure]:
    few = range(stage.sizes.adapters)
    ours, theirs = cycle(few), cycle(few)
    seconds = stage.turns(
        {
            "ours": lambda: _first_token(stage, stage.ours, ours, stage.sizes.singles),
            # Fewer of them: each reads the whole base again.
            "peer": lambda: _first_token(stage, stage.peer, theirs, 4),
        }
    )
    return [
        Figure(
            measure="P2",
            what="First token, another adapter with every request, peer over us",
            weights=stage.shape,
            goal=at_least(20),
            rounds=ratios(seconds["peer"], seconds["ours"]),
            absolute={f"{side} (s)": taken for side, taken in seconds.items()},
        )
    ]


P1 = Measure(
    "P1",
    "One request after another, each with a new prompt; the time from the request's first byte to "
    "the first text in the stream. With 8 adapters in turn, all in their slots, over one adapter "
    "always; the figure of a round is the ratio of the medians. The second line goes through more "
    "adapters than there are slots, in a fixed order, which is the worst case of least recently "
    "used: each must be read, checked and put in a slot first.",
    ON_CPU,
    _changing,
)
P2 = Measure(
    "P2",
    "As P1's changing adapters, on both servers. The peer gets the adapter's folder in the field "
    "`adapters` and reads the base from disk (from the page cache here) for each.",
    ON_CPU,
    _beside_peer,
)
