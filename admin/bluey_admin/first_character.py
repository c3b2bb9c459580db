"""The first character of a new home: trained beside the server that will answer in its voice."""

import threading

from rich.console import Console

from bluey_adapters.errors import Conflict
from bluey_adapters.home import Home
from bluey_adapters.jobs import Job, JobStatus
from bluey_adapters.registry import Registry
from bluey_admin.training.launch import WorkerProcess, follow, start_worker
from bluey_admin.training.prepare import prepare_job
from bluey_admin.training.progress import JobProgress
from bluey_data.errors import BlueyError

BASE, DATA, ADAPTER = "it", "bluey", "bluey-it"

_STOP = 20.0  # seconds that a worker may take to stop at a step


def is_missing(home: Home) -> bool:
    """Whether this home has no such adapter yet."""
    with Registry(home) as registry:
        return registry.catalog().find_adapter(ADAPTER) is None


class FirstCharacter:
    """Trains it in a thread, which shows the progress on a console."""

    def __init__(self, home: Home, console: Console) -> None:
        self._home = home
        self._console = console
        self._worker: WorkerProcess | None = None
        self._stopping = False
        self._starting = threading.Lock()
        self.failure: str | None = None
        """Why there is no character; meaningful once `over`."""
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._train, name="first-character", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the training at its next step, and its worker in any case."""
        with self._starting:
            self._stopping = True
            worker = self._worker
        if worker is not None:
            worker.interrupt()
            if worker.wait(_STOP) is None:
                worker.kill()
                worker.wait()
        self._thread.join(_STOP)

    def _train(self) -> None:
        try:
            with Registry(self._home) as registry, JobProgress(self._console) as progress:
                registry.jobs.bury_dead()
                job, worker = self._start(registry)
                for event in follow(registry, job.id, worker=worker):
                    progress.show(event)
                job = registry.jobs.get(job.id)
                if job.status is not JobStatus.SUCCEEDED:
                    self.failure = job.error or f"the job {job.id} was cancelled"
        except BlueyError as error:
            self.failure = str(error)
        finally:
            self.over.set()

    def _start(self, registry: Registry) -> tuple[Job, WorkerProcess | None]:
        running = registry.jobs.running()
        if running is not None and running.request.adapter == ADAPTER:
            return running, None  # somebody else's worker is at it
        request = prepare_job(registry, BASE, DATA, name=ADAPTER)
        with self._starting:
            if self._stopping:
                raise Conflict("stopped before it began")
            job = registry.jobs.create(request)
            self._worker = start_worker(self._home, job.id)
        return job, self._worker
