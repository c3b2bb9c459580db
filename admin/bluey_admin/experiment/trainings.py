"""The trainings of an experiment: each done once, however often it is interrupted."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bluey_adapters.home import Home
from bluey_adapters.jobs import Job, JobEvent, JobStatus
from bluey_adapters.registry import Registry
from bluey_admin.evaluation.ledger import Ledger
from bluey_admin.experiment.plan import Run
from bluey_admin.experiment.subset import write_subset
from bluey_admin.failures import Failure
from bluey_admin.training.launch import follow, start_worker
from bluey_admin.training.prepare import default_name, prepare_job

_STOPPING = 30.0  # seconds that a worker has for its last step when interrupted


class Started(msgspec.Struct, frozen=True):
    """A job that was made for a run; whether it came to an end, the registry knows."""

    run: str  # its key
    job: str


class Trainings:
    """Turns runs into versions."""

    def __init__(
        self,
        home: Home,
        registry: Registry,
        data: str,
        folder: Path,
        *,
        suffix: str = "",
    ) -> None:
        """`folder` is the report's. Adapters are called as `train` calls them, and `suffix`."""
        self._home = home
        self._registry = registry
        self._data = data
        self._folder = folder
        self._suffix = suffix

    def check(self, runs: Sequence[Run]) -> None:
        """Raise for whatever is wrong with any of the runs, before the first one is trained."""
        for run in runs:
            prepare_job(self._registry, run.base, self._data_of(run), **self._wish(run))

    def train(
        self,
        runs: Sequence[Run],
        *,
        begin: Callable[[Run, int], None],
        show: Callable[[JobEvent], None],
    ) -> dict[str, str]:
        """The pinned version of each run, by the run's key; what was trained before is not again.

        `begin` is told of each run that is trained now, with its place; `show` of each event.
        Raises Failure when a job fails. Interrupted, it stops the worker cleanly.
        """
        versions: dict[str, str] = {}
        with Ledger(self._folder / "trainings.jsonl", Started) as ledger:
            jobs = {entry.run: entry.job for entry in ledger.entries}
            for number, run in enumerate(runs):
                job = self._known(jobs.get(run.key))
                if job is None:
                    begin(run, number)
                    request = prepare_job(
                        self._registry, run.base, self._data_of(run), **self._wish(run)
                    )
                    job = self._registry.jobs.create(request)
                    ledger.add(Started(run.key, job.id))
                    job = self._run(job.id, show)
                versions[run.key] = _version(job)
        return versions

    def _run(self, job_id: str, show: Callable[[JobEvent], None]) -> Job:
        worker = start_worker(self._home, job_id)
        try:
            for event in follow(self._registry, job_id, worker=worker):
                show(event)
        except KeyboardInterrupt:
            worker.interrupt()
            if worker.wait(_STOPPING) is None:
                worker.kill()
            raise
        worker.wait()
        return self._registry.jobs.get(job_id)

    def _known(self, job_id: str | None) -> Job | None:
        """A job of an earlier attempt, if its version is still there to be asked."""
        if job_id is None:
            return None
        job = self._registry.jobs.get(job_id)
        there = (job.request.adapter, job.version) in self._registry.catalog().versions
        return job if job.status is JobStatus.SUCCEEDED and there else None

    def _data_of(self, run: Run) -> str:
        if run.examples is None:
            return self._data
        return str(
            write_subset(self._data, run.examples, self._folder / "data" / str(run.examples))
        )

    def _wish(self, run: Run) -> dict[str, Any]:
        # Whatever the user's names mean now, they mean afterwards.
        name = default_name(self._data, run.base) + self._suffix
        return {"name": name, "promote": "never", **run.settings, "seed": run.seed}


def _version(job: Job) -> str:
    if job.status is JobStatus.SUCCEEDED and job.version is not None:
        return f"{job.request.adapter}@{job.version}"
    if job.status is JobStatus.CANCELLED:
        raise KeyboardInterrupt
    raise Failure(f"{job.id} failed: {job.error}")
