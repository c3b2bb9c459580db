"""P3 to P7: tokens a second, with many adapters and beside others."""

from collections.abc import Callable, Sequence

from benchmarks.figures import Figure, Goal, at_least, ratios
from benchmarks.measures.measure import EVERY, Measure
from benchmarks.stage import Stage

_Speeds = dict[str, Callable[[], float]]  # tokens/s of one turn, by side


def _figures(
    measure: str,
    what: str,
    goal: Goal,
    stage: Stage,
    sides: Callable[[int], _Speeds],
    *,
    rounds: int | None = None,
    notes: Sequence[str] = (),
) -> list[Figure]:
    """The first side over the second, for every number of streams; `{}` in `what` is it."""
    figures = []
    for streams in stage.sizes.streams:
        speeds = stage.turns(sides(streams), rounds)
        above, below = speeds
        figures.append(
            Figure(
                measure=measure,
                what=what.format(streams),
                weights=stage.shape,
                goal=goal,
                rounds=ratios(speeds[above], speeds[below]),
                absolute={f"{side} (tokens/s)": taken for side, taken in speeds.items()},
                notes=list(notes),
            )
        )
    return figures


def _mixed(stage: Stage) -> list[Figure]:
    def sides(streams: int) -> _Speeds:
        def over(adapters: Sequence[int]) -> float:
            return stage.streams(stage.ours, streams, adapters).tokens_per_second

        return {
            "mixed": lambda: over(range(stage.sizes.adapters)),
            "one adapter": lambda: over([0]),
        }

    what = f"Tokens/s, {{}} streams over {stage.sizes.adapters} adapters, over one adapter's"
    return _figures("P3", what, at_least(0.9), stage, sides)


def _ceiling(stage: Stage) -> list[Figure]:
    def sides(streams: int) -> _Speeds:
        def bare() -> float:
            prompts = [stage.ids(stage.prompt()) for _ in range(streams)]
            return stage.bare.run(prompts, stage.sizes.tokens)

        return {
            "ours": lambda: stage.streams(stage.ours, streams, [None]).tokens_per_second,
            "bare loop": bare,
        }

    what = "Tokens/s, {} streams of the base, over the bare BatchGenerator loop"
    return _figures("P4", what, at_least(0.85), stage, sides)


def _beside_peer(stage: Stage) -> list[Figure]:
    def sides(streams: int) -> _Speeds:
        return {
            "ours": lambda: stage.streams(stage.ours, streams, [None]).tokens_per_second,
            "peer": lambda: stage.streams(stage.peer, streams, [None]).tokens_per_second,
        }

    what = "Tokens/s, {} streams of the base, us over peer"
    return _figures("P5", what, at_least(1.2), stage, sides)


def _mixed_beside_peer(stage: Stage) -> list[Figure]:
    adapters, tokens = range(stage.sizes.adapters), max(8, stage.sizes.tokens // 2)

    def sides(streams: int) -> _Speeds:
        def speed(side: str) -> float:
            server = stage.ours if side == "ours" else stage.peer
            return stage.streams(server, streams, adapters, tokens).tokens_per_second

        return {"ours": lambda: speed("ours"), "peer": lambda: speed("peer")}

    what = f"Tokens/s, {{}} streams over {len(adapters)} adapters, us over peer"
    # The peer takes its time; the ratio is far from the goal on either side.
    return _figures("P6", what, at_least(5), stage, sides, rounds=min(2, stage.sizes.rounds))


def _resident(stage: Stage) -> list[Figure]:
    wanted = stage.sizes.resident
    stage.clear()
    with stage.fresh(slots=wanted) as many, stage.fresh(slots=wanted) as one:
        stage.touch(one, [0])
        stage.touch(many, [*range(1, wanted), 0])
        status = many.status()
        resident = len(status["slots"])

        def sides(streams: int) -> _Speeds:
            return {
                "many resident": lambda: stage.streams(many, streams, [0]).tokens_per_second,
                "one resident": lambda: stage.streams(one, streams, [0]).tokens_per_second,
            }

        what = f"Tokens/s, {{}} streams, with {resident} adapters resident, over 1 resident"
        notes = []
        if resident < wanted:
            notes = [f"P7: {resident} adapters resident rather than {wanted}: all the slots."]
        return _figures("P7", what, at_least(0.95), stage, sides, notes=notes)


P3 = Measure(
    "P3",
    "All streams start together; tokens by the server's usage over the time from the first request "
    "to the end of the last answer, prefill and HTTP included. Over 8 adapters in turn, and all of "
    "one adapter, on the same server.",
    EVERY,
    _mixed,
)
P4 = Measure(
    "P4",
    "As many streams of the base without an adapter, over the same prompts' kind and lengths in "
    "mlx-lm's BatchGenerator: one process, one batch, no HTTP, no text, no sampling but argmax, "
    "prefill at mlx-lm's defaults. The load client's CPU time is in our side alone.",
    EVERY,
    _ceiling,
)
P5 = Measure(
    "P5",
    "The same load on both servers. Neither has a token to stop at; ours bars the template's end "
    "of turn for the asked length (`min_tokens`), the peer has nothing to bar.",
    EVERY,
    _beside_peer,
)
P6 = Measure(
    "P6",
    "As P3's mixed load, with answers half as long. The peer lets its batch drain and reads the "
    "base again for each change of adapter.",
    EVERY,
    _mixed_beside_peer,
)
P7 = Measure(
    "P7",
    "Two of our servers, alike but for how many adapters were asked for before; the same load of "
    "one adapter on each.",
    EVERY,
    _resident,
)
