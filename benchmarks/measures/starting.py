"""P11: how long it takes to start."""

from benchmarks import servers
from benchmarks.figures import Figure, at_most, ratios
from benchmarks.load import ask, run
from benchmarks.measures.measure import TINY, Measure
from benchmarks.stage import Stage

_SERVER = "import litestar, uvicorn"


def _take(stage: Stage) -> list[Figure]:
    home = stage.home()
    body = stage.ours.body(stage.prompt(8), None, 2)  # only for its words

    def listening() -> float:
        process, _, seconds = servers.start_ours(home)
        process.stop()
        return seconds

    def first_token() -> float:
        process, url, seconds = servers.start_ours(home)
        try:
            return seconds + run(ask(url, body)).first_token
        finally:
            process.stop()

    seconds = stage.turns(
        {
            "imports": lambda: servers.seconds_to_end("-c", _SERVER),
            "listening": listening,
            "first token": first_token,
            "import click": lambda: servers.seconds_to_end("-c", "import click"),
            "help": lambda: servers.seconds_to_end("-m", "bluey_admin.cli", "--help"),
        }
    )
    lines = (
        (f"`bluey-server` to listening, over `python -c '{_SERVER}'`", "listening", "imports", 2),
        ("`bluey-admin --help` over `python -c 'import click'`", "help", "import click", 2),
        (f"`bluey-server` to its first token, over `python -c '{_SERVER}'`",
         "first token", "imports", None),
    )  # fmt: skip
    return [
        Figure(
            measure="P11",
            what=what,
            weights=stage.shape,
            goal=None if limit is None else at_most(limit),
            rounds=ratios(seconds[side], seconds[reference]),
            absolute={f"{name} (s)": seconds[name] for name in (side, reference)},
        )
        for what, side, reference, limit in lines
    ]


P11 = Measure(
    "P11",
    "Wall time from starting the process to the line that says it listens, or to the process's "
    "end; files are in the page cache. To the first token: the request goes out when the server "
    "listens, and the engine is started by it.",
    TINY,
    _take,
)
