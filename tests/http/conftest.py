"""Servers for tests."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bluey_adapters.home import Home
from tests.http.rig import Launch, Rig, running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


@pytest.fixture
def launch(home: Home) -> Iterator[Launch]:
    """Starts servers that end with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running(home, **options))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One server for the tests of a module that don't change it."""
    with running(Home(tmp_path_factory.mktemp("shared") / "home")) as rig:
        yield rig
