"""A server, and the clients that talk to it."""

from collections.abc import Callable, Iterator

import pytest

from bluey_adapters.home import Home
from tests.clients.program import Program, make_ask, start
from tests.clients.programs.telling import Ask
from tests.e2e.running import Bluey, serving

KEY = "sk-of-the-tests"
CLIENTS = (
    "openai",
    "openai-node",
    "langchain-openai",
    "litellm",
    "pydantic-ai",
    "instructor",
)


def clients(*names: str) -> list[object]:
    """Parameters for `client`. Pins exclude each other, so that all but openai-python, which is
    among ours, need environments of their own, and are tried where that is wanted."""
    return [
        name if name == "openai" else pytest.param(name, marks=pytest.mark.clients)
        for name in names
    ]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bluey]:
    """A server that wants a key."""
    home = Home(tmp_path_factory.mktemp("clients") / "a home")
    with serving(home, "--api-key", KEY) as bluey:
        yield bluey


@pytest.fixture(scope="package")
def programs() -> Iterator[Callable[[str], Program]]:
    """The program of a client, started when it is first asked for."""
    running: dict[str, Program] = {}

    def program(name: str) -> Program:
        if name not in running:
            running[name] = start(name)
        return running[name]

    yield program
    for each in running.values():
        each.close()


@pytest.fixture
def client(request: pytest.FixtureRequest, programs: Callable[[str], Program]) -> Program:
    """The client that a test is parametrized with."""
    return programs(request.param)


@pytest.fixture
def ask(server: Bluey) -> Callable[..., Ask]:
    """Something for a client to do with the server: see make_ask."""

    def of(do: str, *, key: str = KEY, **wishes: object) -> Ask:
        return make_ask(do, server.url, key, **wishes)

    return of
