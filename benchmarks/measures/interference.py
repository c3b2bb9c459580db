"""P12: a short request beside a long prompt that is being prefilled."""

import asyncio
import statistics

from benchmarks.figures import Figure, at_most, ratios
from benchmarks.load import Answer, ask, run
from benchmarks.measures.measure import ON_CPU, Measure
from benchmarks.stage import Stage

_SHORT = (20, 8)  # tokens of prompt and answer
_REPEATS = 3  # a turn
_HEAD_START = 0.15
"""Of the long prompt's own time: the short request comes while it is being computed."""


async def _both(url: str, long: bytes, short: bytes, delay: float) -> tuple[Answer, Answer]:
    async with asyncio.TaskGroup() as group:
        first = group.create_task(ask(url, long))
        await asyncio.sleep(delay)
        second = group.create_task(ask(url, short))
    return first.result(), second.result()


def _take(stage: Stage) -> list[Figure]:
    server, (prompt, tokens) = stage.ours, _SHORT
    outlived: list[bool] = []

    def short() -> bytes:
        return server.body(stage.prompt(prompt), None, tokens)

    def long() -> bytes:
        return server.body(stage.prompt(stage.sizes.long_prompt), None, 1)

    def alone() -> float:
        with stage.watch(server):
            answers = [run(ask(server.url, short())) for _ in range(_REPEATS)]
        return statistics.median(answer.seconds for answer in answers)

    def beside() -> float:
        taken = []
        for _ in range(_REPEATS):
            bodies = long(), short()
            with stage.watch(server):
                slow, quick = run(_both(server.url, *bodies, delay))
            outlived.append(slow.first > quick.ended)
            taken.append(quick.seconds)
        return statistics.median(taken)

    run(ask(server.url, long()))  # kernels, caches
    delay = run(ask(server.url, long())).first_token * _HEAD_START
    seconds = stage.turns({"beside": beside, "alone": alone})
    share = statistics.mean(outlived)
    return [
        Figure(
            measure="P12",
            what=f"A short request beside a {stage.sizes.long_prompt}-token prompt in prefill, "
            "over alone",
            weights=stage.shape,
            goal=at_most(3),
            rounds=ratios(seconds["beside"], seconds["alone"]),
            absolute={f"{side} (s)": taken for side, taken in seconds.items()},
            notes=[
                f"P12, {stage.shape}: {share:.0%} of the short requests were over before the long "
                "prompt was computed."
            ],
        )
    ]


P12 = Measure(
    "P12",
    f"A request of {_SHORT[0]} tokens with {_SHORT[1]} tokens of answer, sent when a long prompt "
    f"has had {_HEAD_START:.0%} of the time that it takes alone; its whole time over the same "
    "alone.",
    ON_CPU,
    _take,
)
