"""docs/clients.md: its versions are those that are pinned, and its programs in Python say something
when they are run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from openai import __version__ as openai_version

from bluey_adapters.settings import DEFAULT_PORT
from tests.clients.conftest import KEY
from tests.clients.environments import PINS, python_with
from tests.clients.program import clean_environment
from tests.e2e.running import PATIENCE, Bluey

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text("utf-8")
ENVIRONMENTS = {
    "langchain_openai": "langchain-openai",
    "litellm": "litellm",
    "pydantic_ai": "pydantic-ai",
    "instructor": "instructor",
}
"""By the first package that a program imports."""


def programs() -> list[object]:
    """Each with the environment that it needs, None for our own."""
    found: list[object] = []
    for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        [first, *_] = re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)
        if first == "openai":
            found.append(pytest.param(text, None, id=f"openai-{len(found)}"))
        else:
            marks = pytest.mark.clients
            found.append(pytest.param(text, ENVIRONMENTS[first], marks=marks, id=first))
    return found


def test_versions_are_those_that_are_pinned() -> None:
    told = dict(re.findall(r"^\| (\S+) (\d[\d.]+) \| (?:on every change|by `make)", PAGE, re.M))
    package = (PINS / "openai-node" / "package.json").read_text()
    [node_version] = re.findall(r'"openai": "(.*)"', package)
    pinned = {"openai-python": openai_version, "openai-node": node_version}
    for file in PINS.glob("*.txt"):
        name = (PINS / f"{file.stem}.in").read_text().split("[")[0].split()[0]
        [pinned[name]] = re.findall(rf"^{re.escape(name)}==(\S+)", file.read_text(), re.M)
    assert told == pinned


@pytest.mark.parametrize(("text", "environment"), programs())
def test_a_program_says_something(server: Bluey, text: str, environment: str | None) -> None:
    python = sys.executable if environment is None else str(python_with(environment))
    text = text.replace(f"http://127.0.0.1:{DEFAULT_PORT}", server.url)
    text = text.replace('api_key="any"', f'api_key="{KEY}"')
    assert server.url in text and KEY in text
    done = subprocess.run(
        [python, "-c", text],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
