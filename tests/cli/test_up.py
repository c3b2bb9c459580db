"""`bluey-admin up`: what it starts it ends, however it ends itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bluey_adapters.home import Home
from bluey_adapters.jobs import JobStatus
from bluey_adapters.registry import Registry
from tests.adapters.conftest import adapter_folder
from tests.cli.conftest import Admin, fails

PATIENCE = 60.0


class Up:
    """A running `bluey-admin up`."""

    def __init__(self, home: Home, *flags: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bluey_admin.cli", "up", "--port", "0", *flags],
            env={**os.environ, "BLUEY_HOME": str(home.root)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.started: list[psutil.Process] = []

    def wait_for(self, words: str) -> None:
        def said() -> bool:
            assert self.process.poll() is None, (self.process.returncode, self.lines)
            return any(words in line for line in self.lines)

        eventually(said, f"{words!r} in {self.lines}")
        self.started = psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit status. Nothing that it started may be left."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(PATIENCE)
        _, left = psutil.wait_procs(self.started, timeout=PATIENCE)
        assert left == []
        self._reader.join(PATIENCE)
        return status

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())


def eventually(probe: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not probe():
        assert time.monotonic() < deadline, f"there was no {what}"
        time.sleep(0.05)


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., Up]]:
    begun: list[Up] = []

    def start(*flags: str) -> Up:
        begun.append(Up(home, *flags))
        return begun[-1]

    yield start
    for up in begun:
        up.process.kill()
        up.process.wait()
        assert up.process.stderr is not None
        up.process.stderr.close()


@pytest.fixture
def settled(home: Home, tmp_path: Path) -> Home:
    """A home that isn't new: it has a bluey-it, which nobody will ask."""
    with Registry(home) as registry:
        registry.adapters.publish(
            "bluey-it",
            digest=registry.store.publish(adapter_folder(tmp_path / "adapter")),
            base="tiny-it",
            base_fingerprint="f" * 64,
            dataset_digest=None,
            hyperparameters={},
            metrics={},
            job_id=None,
            promote=True,
        )
    return home


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_ended_in_the_middle_of_training_it_leaves_nothing_half_made(
    home: Home, start: Callable[..., Up], number: signal.Signals, status: int
) -> None:
    up = start()
    up.wait_for("step 0/")
    assert len(up.started) == 4  # server, tokenizer, engine, worker
    assert up.end(number) == status
    with Registry(home) as registry:
        assert registry.catalog().find_adapter("bluey-it") is None
        assert [job.status for job in registry.jobs.all()] == [JobStatus.CANCELLED]
    assert not home.server_file.exists()


def test_a_home_that_is_not_new_is_served_as_it_is(
    settled: Home, start: Callable[..., Up], admin: Admin
) -> None:
    up = start()
    up.wait_for("Ctrl-C to stop")
    url = json.loads(settled.server_file.read_text())["url"]
    assert any(f'OpenAI(base_url="{url}/v1"' in line for line in up.lines)
    fails(admin("up", "--port", "0"), "runs already", url, str(up.started[0].pid))
    with Registry(settled) as registry:
        assert registry.jobs.all() == []
    assert up.end(signal.SIGINT) == 0
    assert not any("Traceback" in line for line in up.lines)


def test_a_server_that_dies_is_missed(settled: Home, start: Callable[..., Up]) -> None:
    del settled
    up = start()
    up.wait_for("Ctrl-C to stop")
    next(process for process in up.started if "bluey_server.cli" in process.cmdline()).kill()
    assert up.wait() == 1
    assert up.lines[-1].startswith("error: the server ended by itself: killed by signal 9")


def test_a_port_in_use_stops_it_before_anything_else(admin: Admin, home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        fails(admin("up", "--port", port), port, "in use")
    with Registry(home) as registry:
        assert registry.jobs.all() == []


def test_an_unknown_model_to_preload(admin: Admin) -> None:
    fails(admin("up", "--port", "0", "--preload", "nope"), "nope", "no model of that name")
