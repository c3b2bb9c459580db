"""A home, its registry, and adapters without a training."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bluey_adapters.catalog import AdapterVersion
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_adapters.store import CONFIG, WEIGHTS, AdapterCard, write_card

Publish = Callable[..., AdapterVersion]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that isn't there yet, with a space in its path."""
    return Home(tmp_path / "a home")


@pytest.fixture
def registry(home: Home) -> Iterator[Registry]:
    with Registry(home) as registry:
        yield registry


@pytest.fixture
def publish(registry: Registry, tmp_path: Path) -> Publish:
    """Publish a version whose weights are `content`: equal contents have equal digests."""

    def publish(
        name: str = "pup", content: str = "a", *, promote: bool = True, fingerprint: str = "f" * 64
    ) -> AdapterVersion:
        folder = adapter_folder(tmp_path / f"adapter-{content}", content)
        return registry.adapters.publish(
            name,
            digest=registry.store.publish(folder),
            base="tiny-it",
            base_fingerprint=fingerprint,
            dataset_digest=None,
            hyperparameters={"rank": 8},
            metrics={"train_loss_last": 1.5},
            job_id=None,
            promote=promote,
        )

    return publish


def adapter_folder(folder: Path, content: str = "a") -> Path:
    """A folder with the files of an adapter; nothing here looks into the weights."""
    folder.mkdir(exist_ok=True)
    (folder / WEIGHTS).write_bytes(content.encode() * 100)
    (folder / CONFIG).write_text(json.dumps({"num_layers": -1}))
    write_card(folder, AdapterCard(base_fingerprint="f" * 64, base="tiny-it", chat_template="{}"))
    return folder


def at_once(count: int, script: str, *arguments: str) -> list[str]:
    """What `count` processes that run the same script together print. All must succeed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    printed = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return printed
