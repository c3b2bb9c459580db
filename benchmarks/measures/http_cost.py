"""P10: what the HTTP process spends on a streamed token."""

from concurrent.futures import ThreadPoolExecutor

from benchmarks import servers
from benchmarks.figures import Figure, at_most, ratios
from benchmarks.measures.measure import TINY, Measure
from benchmarks.servers import Server
from benchmarks.stage import Stage

_STREAMS = 16


def _take(stage: Stage) -> list[Figure]:
    ours, tokens = stage.ours, stage.sizes.streamed
    asked = [ours.body(stage.prompt(), None, tokens) for _ in range(_STREAMS)]
    recorded = stage.load(ours, asked, at_once=_STREAMS, keep=True)
    recording = stage.folder / "answer.sse"
    recording.write_bytes(recorded.answers[-1].raw)
    period = recorded.seconds / tokens

    def cost(server: Server, bodies: list[bytes]) -> float:
        before = server.process.cpu_seconds(alone=True)
        load = stage.load(server, bodies, at_once=_STREAMS)
        return (server.process.cpu_seconds(alone=True) - before) / load.tokens * 1e6

    def of_ours() -> float:
        return cost(ours, [ours.body(stage.prompt(), None, tokens) for _ in range(_STREAMS)])

    def beside_an_engine(bare: Server) -> float:
        # A process that shares cores and caches with one that computes needs more time for the
        # same; ours always does.
        prompts = [stage.ids(stage.prompt()) for _ in range(_STREAMS)]
        with ThreadPoolExecutor(1) as pool:
            decoding = pool.submit(stage.bare.run, prompts, tokens)
            spent = cost(bare, [b"{}"] * _STREAMS)
            decoding.result()
        return spent

    with servers.bare_stream(recording, period, stage.folder / "bare-stream.log") as bare:
        spent = stage.turns({"ours": of_ours, "bare": lambda: beside_an_engine(bare)})
    return [
        Figure(
            measure="P10",
            what="CPU time of the HTTP process per streamed token, over a bare Litestar stream's",
            weights=stage.shape,
            goal=at_most(1.6),
            rounds=ratios(spent["ours"], spent["bare"]),
            absolute={f"{side} (µs)": taken for side, taken in spent.items()},
        )
    ]


P10 = Measure(
    "P10",
    f"{_STREAMS} streams; user and system time of the process that speaks HTTP (not the engine's), "
    "over that of a Litestar application on uvicorn with the same settings that sends the recorded "
    "bytes of one of these answers, event by event: one clock wakes all its streams at the pace at "
    "which ours had their tokens, while the bare loop decodes as many rows beside it. Ours also "
    "parses the request, encodes the prompt, reads the engine's messages, makes text of ids and "
    "JSON of text. CPU times come in steps of 10 ms.",
    TINY,
    _take,
)
