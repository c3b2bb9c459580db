"""P18: a stream while another base, whose vocabulary is large, is opened and first asked."""

import asyncio
import json
import time

from benchmarks import servers
from benchmarks.figures import Figure, at_most, ratios
from benchmarks.large_base import write_large_base
from benchmarks.load import PATIENCE, ask, run
from benchmarks.measures.measure import Measure
from benchmarks.servers import Server
from benchmarks.stage import Stage
from bluey_adapters.bases import Base
from bluey_adapters.registry import Registry

_OTHER = "large"
_ALONE = 8.0  # seconds of streams whose largest gap is the usual one
_TOKENS = 400  # a stream
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 8}, "unit": {"enum": ["C", "F"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}


async def _largest_gap(server: Server, stage: Stage, seconds: float) -> float:
    """Of streams one after another, for so many seconds."""
    end, gap = time.perf_counter() + seconds, 0.0
    while time.perf_counter() < end:
        answer = await ask(server.url, server.body(stage.prompt(), None, _TOKENS))
        gap = max(gap, answer.largest_gap)
    return gap


async def _beside(server: Server, stage: Stage) -> tuple[float, float]:
    """The largest gap of a stream beside the other base's first request, and how long that took;
    it begins when the stream is under way, and streams go on until it is over."""
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": _SCHEMA}}
    body = {
        "model": _OTHER,
        "messages": [{"role": "user", "content": "What is the weather in Rome?"}],
        "response_format": form,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 200,
    }

    async def first_request() -> float:
        await asyncio.sleep(0.5)
        return (await ask(server.url, json.dumps(body).encode())).seconds

    gap = 0.0
    async with asyncio.timeout(PATIENCE):
        other = asyncio.create_task(first_request())
        while not other.done():
            gap = max(gap, await _largest_gap(server, stage, 0.1))
    return gap, other.result()


def _take(stage: Stage) -> list[Figure]:
    folder = stage.folder / "large-base"
    if not folder.exists():
        write_large_base(folder)
    alone, beside, took = [], [], []
    for _ in range(stage.sizes.rounds):
        home = stage.home()
        with Registry(home) as registry:
            registry.bases.add(Base(name=_OTHER, source=f"path:{folder}"))
        with servers.ours(stage.weights, home) as server, stage.watch(server):
            run(ask(server.url, server.body(stage.prompt(), None, 8)))
            alone.append(run(_largest_gap(server, stage, _ALONE)))
            gap, seconds = run(_beside(server, stage))
            beside.append(gap)
            took.append(seconds)
        stage.on_turn()
    return [
        Figure(
            measure="P18",
            what="Largest gap of a stream while another base of 262,144 tokens is opened, loaded "
            "and first asked for a schema, over its usual largest gap",
            weights=stage.shape,
            goal=at_most(2),
            rounds=ratios(beside, alone),
            absolute={"beside (s)": beside, "alone (s)": alone, "first request (s)": took},
        )
    ]


P18 = Measure(
    "P18",
    f"Greedy streams of {_TOKENS} tokens, one after another, on a server that has just been "
    "started: the largest gap between two pieces of text while another base with 262,144 tokens "
    "is opened, loaded and first asked for an answer by a JSON schema, over the largest gap in the "
    f"{_ALONE:.0f} seconds before.",
    # Not on tiny-it's own weights: what they say after the end of a turn is not always text, and
    # then comes late.
    ("60m",),
    _take,
)
