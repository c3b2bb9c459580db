"""A client's program, running in its environment, as the tests talk to it."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from tests.clients.environments import node_modules_with, python_with
from tests.clients.programs.asked import Tale, animal_format, weather_tool
from tests.clients.programs.telling import Ask
from tests.e2e.running import PATIENCE

PROGRAMS = Path(__file__).parent / "programs"


class Raised(Exception):
    """What a client has raised, over there."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(f"{told['classes'][0]}: {told['message']}")
        self.classes: list[str] = told["classes"]
        self.message: str = told["message"]
        self.status: int | None = told["status"]
        self.cause = None if told["cause"] is None else Raised(told["cause"])


class Program:
    """A client that does what it is asked, one thing after the other."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, ask: Ask) -> Any:
        """What came of it. Raises Raised, if the client did."""
        self.begin(ask)
        for _ in self.pieces():
            pass
        return self.result

    def begin(self, ask: Ask) -> None:
        """Ask, and go on at once; `pieces` must be read to their end."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(ask)) + "\n")
        self._process.stdin.flush()

    def pieces(self) -> Iterator[str]:
        """What it tells as it comes; `result` is set when it is all told. Raises Raised."""
        while True:
            told = json.loads(self._line())
            if "piece" in told:
                yield told["piece"]
            elif "raised" in told:
                raise Raised(told["raised"])
            else:
                self.result = told["did"]
                return

    def close(self) -> None:
        """End it; it has nothing to tidy up."""
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait()
        self._reader.join(PATIENCE)
        self._process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")

    def _line(self) -> str:
        line = self._lines.get(timeout=PATIENCE)
        assert line, f"the program of {self.name} ended; what it said stands above"
        return line


def start(name: str) -> Program:
    """Start the program of a client, in an environment of its own."""
    if name == "openai-node":
        modules = node_modules_with(name)
        command = ["node", str(PROGRAMS / "with_openai_node.cjs")]
        return Program(name, command, {**clean_environment(), "NODE_PATH": str(modules)})
    # openai-python is among what every developer of bluey has.
    python = sys.executable if name == "openai" else str(python_with(name))
    file = PROGRAMS / f"with_{name.replace('-', '_')}.py"
    return Program(name, [python, str(file)], clean_environment())


def make_ask(
    do: str,
    url: str,
    key: str,
    *,
    model: str = "it",
    text: str = "Hello, who are you?",
    max_tokens: int = 100,
    choice: str = "required",
    **extra_body: Any,
) -> Ask:
    """Everything that a program may need to ask for what is wanted."""
    named = {"type": "function", "function": {"name": choice}}
    return Ask(
        do=do,
        url=f"{url}/v1",
        key=key,
        model=model,
        text=text,
        messages=[{"role": "user", "content": text}],
        max_tokens=max_tokens,
        extra_body=extra_body,
        choice=choice,
        tool_choice=choice if choice == "required" else named,
        weather_tool=weather_tool(),
        tool_result='{"sky": "clear"}',
        animal_format=animal_format(),
        tale_schema=Tale.model_json_schema(),
    )


def clean_environment() -> dict[str, str]:
    """Ours, without what clients would take for settings of theirs."""
    theirs = ("BLUEY_", "OPENAI_", "LITELLM_", "LANGCHAIN_", "LANGSMITH_", "INSTRUCTOR_", "PYTHON")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return {**ours, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it fetches prices
