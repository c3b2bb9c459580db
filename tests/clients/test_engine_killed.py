"""The engine killed in the middle of streams, by a real SIGKILL: no client may take what it has
got by then for an answer."""

import contextlib
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bluey_adapters.home import Home
from tests.clients.conftest import KEY
from tests.clients.program import Program, Raised, make_ask, start
from tests.e2e.running import Bluey, eventually, serving

KILLS = int(os.environ.get("BLUEY_KILLS", "4"))
POINTS = random.Random(20).sample(range(2, 120), KILLS)
"""After how many pieces of some client's stream the engine is killed."""
DEATHS = 4
"""As many as one server sees: an engine that goes on dying is started ever later."""
LONG = 6000  # tokens, which no stream gets to

OWN_ERRORS = {
    "openai": "openai.APIError",
    "openai-node": "openai.APIError",
    "langchain-openai": "openai.APIError",
    "litellm": "litellm.exceptions.MidStreamFallbackError",
    "pydantic-ai": "pydantic_ai.exceptions.ModelAPIError",
    "instructor": "openai.APIError",
}

AT_THE_SAME_TIME = [
    ("openai", "stream_response", "openai.APIError"),
    ("openai-node", "stream_response", "openai.APIError"),
    # It hands out nothing before it has read everything.
    ("instructor", "stream_tale", "instructor.v2.core.errors.InstructorRetryException"),
]


class Stream(NamedTuple):
    """Something that a client is asked to do, and what it is to raise."""

    program: Program
    do: str
    error: str


@pytest.mark.clients
def test_every_client_raises_when_the_engine_is_killed(
    programs: Callable[[str], Program], tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        streams = [Stream(programs(name), "stream", error) for name, error in OWN_ERRORS.items()]
        for name, do, error in AT_THE_SAME_TIME:
            streams.append(Stream(stack.enter_context(start(name)), do, error))
        for first in range(0, KILLS, DEATHS):
            home = Home(tmp_path / f"home {first}")
            with serving(home, "--api-key", KEY, "--preload", "it") as bluey:
                for turn, point in enumerate(POINTS[first : first + DEATHS], first):
                    kill_at(point, bluey, streams, streams[turn % len(OWN_ERRORS)])


def kill_at(point: int, bluey: Bluey, streams: list[Stream], measured: Stream) -> None:
    """All stream at once, and the engine dies when one of them has got so many pieces."""
    pid = eventually(lambda: pid_of_ready_engine(bluey), "engine that is ready")
    coming = {}
    for stream in streams:
        long = {"text": "Tell me a story", "max_tokens": LONG, "min_tokens": LONG}
        stream.program.begin(make_ask(stream.do, bluey.url, KEY, **long))
        coming[stream] = stream.program.pieces()
    # A request whose engine dies before its first token is asked again, and nobody notices.
    eventually(lambda: begun(bluey) == len(streams), "first token of every stream")
    for _ in range(point):
        next(coming[measured])
    os.kill(pid, signal.SIGKILL)
    for stream, pieces in coming.items():
        with pytest.raises(Raised, match="SIGKILL") as caught:
            for _ in pieces:
                pass
        assert stream.error in caught.value.classes


def pid_of_ready_engine(bluey: Bluey) -> int | None:
    for engine in bluey.status()["engines"]:
        if engine["state"] == "ready":
            return int(engine["pid"])
    return None


def begun(bluey: Bluey) -> int:
    return sum(bool(request["completion_tokens"]) for request in bluey.status()["requests"])
