"""A server on an empty home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bluey_adapters.home import Home
from tests.e2e.running import Bluey, serving


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that isn't there yet, with a space in its path."""
    return Home(tmp_path / "a home")


@pytest.fixture
def bluey(home: Home) -> Iterator[Bluey]:
    """A server on an empty home."""
    with serving(home) as server:
        yield server
