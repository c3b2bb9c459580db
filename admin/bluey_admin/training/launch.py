"""Starting a training worker, following its job, and noticing when it dies.

Never imports MLX: the worker is a process of its own, started by the CLI and by the server alike.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from bluey_adapters.errors import Conflict
from bluey_adapters.home import Home
from bluey_adapters.jobs import JobEvent
from bluey_adapters.lifeline import Lifeline
from bluey_adapters.registry import Registry

_POLL = 0.1  # seconds between looks at the registry


class WorkerProcess:
    """A worker that this process has started. Threads may share it."""

    def __init__(
        self, job_id: str, process: "subprocess.Popen[bytes]", log: Path, lifeline: Lifeline | None
    ) -> None:
        self.job_id = job_id
        self.log = log  # all that it writes
        self.asked_to_stop = False
        """Whether `interrupt` or `kill` was called: its end is then no failure."""
        self._process = process
        self._lifeline = lifeline
        self._letting_go = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit status once it has ended (negative: the signal that killed it), else None."""
        status = self._process.poll()
        if status is not None:
            self._drop_lifeline()
        return status

    def interrupt(self) -> None:
        """Ask it to stop cleanly at its next step; the job then ends as cancelled."""
        self.asked_to_stop = True
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it now; `follow` then records the job as cancelled."""
        self.asked_to_stop = True
        self._process.kill()

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its end, `seconds` at most; its exit status, or None if it still runs."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return self.poll()

    def _drop_lifeline(self) -> None:
        with self._letting_go:
            lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            lifeline.cut()


def start_worker(home: Home, job_id: str, *, detach: bool = False) -> WorkerProcess:
    """Start the worker of a queued job. It ends when this process does, unless detached."""
    folder = home.job(job_id)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "worker.log"
    lifeline = None if detach else Lifeline()
    # -P: a random.py in the user's current folder must not stand in for the library's.
    command = [sys.executable, "-P", "-m", "bluey_admin.training.worker", job_id]
    if lifeline is not None:
        command += ["--lifeline", str(lifeline.child_end)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "BLUEY_HOME": str(home.root)},
            pass_fds=() if lifeline is None else (lifeline.child_end,),
            # A terminal's Ctrl-C goes to us alone; whether the worker gets one is our decision.
            start_new_session=True,
        )
    if lifeline is not None:
        lifeline.hand_over()
    return WorkerProcess(job_id, process, log, lifeline)


def follow(
    registry: Registry,
    job_id: str,
    *,
    worker: WorkerProcess | None = None,
    after: int = 0,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[JobEvent]:
    """The events of a job since the event `after`, as they come, until the job is over.

    When the worker dies the job is failed, with the reason, and its last event says so; when it
    was told to, the job is cancelled. `meanwhile` is called at every look, ten times a second.
    """
    while True:
        meanwhile()
        # Looked at before reading, so that what was written last is read before we leave.
        exit_status = None if worker is None else worker.poll()
        over = registry.jobs.get(job_id).status.over
        for event in registry.jobs.events(job_id, after=after):
            after = event.id
            yield event
        if over:
            return
        if worker is None:
            registry.jobs.bury_dead()
        elif exit_status is not None:
            _bury(registry, worker, exit_status)
            continue
        time.sleep(_POLL)


def _bury(registry: Registry, worker: WorkerProcess, exit_status: int) -> None:
    if not worker.asked_to_stop:
        registry.jobs.fail(worker.job_id, _epitaph(registry, worker, exit_status))
        return
    with suppress(Conflict):  # it was over after all
        registry.jobs.request_cancel(worker.job_id)  # enough for a queued one
        registry.jobs.cancelled(worker.job_id)


def _epitaph(registry: Registry, worker: WorkerProcess, exit_status: int) -> str:
    steps = [
        event.data.get("step")
        for event in registry.jobs.events(worker.job_id)
        if event.type == "metrics"
    ]
    where = f" at step {steps[-1]}" if steps else " before its first step"
    if exit_status >= 0:
        return f"its worker ended with exit status {exit_status}{where}; see {worker.log}"
    try:
        name = signal.Signals(-exit_status).name
    except ValueError:
        name = "a signal"
    return f"its worker was killed by {name} (signal {-exit_status}){where}"
