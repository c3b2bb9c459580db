"""A server to be held to OpenAI's contract: the one at BLUEY_TEST_URL, or a new one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from bluey_adapters.home import Home
from bluey_admin.server_process import ServerProcess
from tests.contract.asking import CHAT, COMPLETIONS, Asker, make_client


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server whose home has no adapters."""
    given = os.environ.get("BLUEY_TEST_URL")
    if given is not None:
        yield given.rstrip("/")
        return
    root: Path = tmp_path_factory.mktemp("contract") / "a home"
    server = ServerProcess(Home(root).make(), ["--port", "0"])
    try:
        yield server.wait_until_up().url
    finally:
        server.stop()


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    """OpenAI's own client, told not to hide failures by trying again."""
    key = os.environ.get("BLUEY_API_KEY", "any")
    with OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=120) as client:
        yield client


@pytest.fixture(params=[CHAT, COMPLETIONS])
def ask(url: str, request: pytest.FixtureRequest) -> Iterator[Asker]:
    """Asks chat completions, and the same of completions."""
    with make_client(url) as client:
        yield Asker(client, request.param)


@pytest.fixture
def ask_chat(url: str) -> Iterator[Asker]:
    """Asks chat completions alone."""
    with make_client(url) as client:
        yield Asker(client, CHAT)
