"""First requests with a grammar on a fresh engine whose vocabulary has the size of real ones."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bluey_adapters.bases import Base
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from tests.clients.environments import node_modules_with
from tests.e2e.running import Bluey, serving
from tests.large import REAL_TOKENIZERS, write_real_base

ROUNDS = int(os.environ.get("BLUEY_FIRST_REQUESTS", "1"))

ASK: Any = [{"role": "user", "content": "What is the weather in Rome?"}]
CITY = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 8},
        "unit": {"enum": ["C", "F"]},
    },
    "required": ["city", "unit"],
    "additionalProperties": False,
}
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": CITY}}


def make_home(root: Path, **bases: Path) -> Home:
    """A home that knows bases, by their folders."""
    home = Home(root).make()
    with Registry(home) as registry:
        for name, folder in bases.items():
            registry.bases.add(Base(name=name, source=f"path:{folder}"))
    return home


def ask_for_a_call(server: Bluey, model: str) -> None:
    """Calls are obligatory; what comes are calls."""
    with server.client as client:
        answer = client.chat.completions.create(
            model=model,
            messages=ASK,
            tools=[WEATHER],
            tool_choice="required",
            parallel_tool_calls=False,
            max_tokens=400,
        )
    calls = answer.choices[0].message.tool_calls
    assert calls
    for call in calls:
        assert call.type == "function" and call.function.name == "weather"
        jsonschema.validate(json.loads(call.function.arguments), CITY)


def ask_for_json(server: Bluey, model: str) -> None:
    """What comes follows a schema."""
    form: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
    with server.client as client:
        answer = client.chat.completions.create(
            model=model, messages=ASK, response_format=form, max_tokens=400
        )
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), CITY)


def test_first_requests_with_a_grammar(large_base: Path, tmp_path: Path) -> None:
    home = make_home(tmp_path / "a home", large=large_base)
    with serving(home) as server, ThreadPoolExecutor() as at_once:
        for asked in [
            at_once.submit(ask, server, "large") for ask in (ask_for_a_call, ask_for_json)
        ]:
            asked.result()
        (engine,) = server.status()["engines"]
        assert engine["restarts"] == 0


@pytest.fixture(scope="session")
def real_bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of bases with the tokenizers that people use."""
    modules = node_modules_with("tokenizers")
    root = tmp_path_factory.mktemp("real")
    return {
        name: write_real_base(root / name, modules, tokenizer)
        for name, tokenizer in REAL_TOKENIZERS.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_ten_first_requests_at_once_on_each_of_three_fresh_engines(
    real_bases: dict[str, Path], tmp_path: Path, attempt: int
) -> None:
    """Beside processes that leave them little of the machine."""
    home = make_home(tmp_path / f"home {attempt}", **real_bases)
    with (
        serving(home) as server,
        busy_processes(2),
        ThreadPoolExecutor(10 * len(real_bases)) as at_once,
    ):
        for one in [
            at_once.submit(ask_for_a_call, server, model) for model in real_bases for _ in range(10)
        ]:
            one.result()
        engines = server.status()["engines"]
        assert [engine["restarts"] for engine in engines] == [0] * len(real_bases)


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many processes that compute for nothing."""
    command = [sys.executable, "-c", "while True: sum(range(1000))"]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
