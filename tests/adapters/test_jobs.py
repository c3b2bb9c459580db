"""Jobs: one runs at a time, each runs once, and a dead worker's job says so."""

import subprocess
import sys

import pytest

from bluey_adapters.errors import Conflict, UnknownName
from bluey_adapters.home import Home
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_adapters.jobs import JobRequest, JobStatus
from bluey_adapters.registry import Registry
from tests.adapters.conftest import at_once

_REQUEST = JobRequest(
    base="tiny-it", adapter="pup", data="bluey", hyperparameters=Hyperparameters(epochs=2)
)


def test_of_many_claims_one_wins(home: Home, registry: Registry) -> None:
    jobs = [registry.jobs.create(_REQUEST).id for _ in range(5)]
    script = """
import sys
from pathlib import Path
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
registry = Registry(Home(Path(sys.argv[1])))
for job in sys.argv[2:]:
    if registry.jobs.claim(job):
        registry.jobs.succeed(job, 1)
        print(job, end=" ")
"""
    claimed = " ".join(at_once(4, script, str(home.root), *jobs)).split()
    assert sorted(set(claimed)) == sorted(claimed)
    left = [job.id for job in registry.jobs.all() if job.status is JobStatus.QUEUED]
    # A claim may lose to another job that runs at the moment; none may be won twice.
    assert sorted([*claimed, *left]) == sorted(jobs)


def test_only_one_job_runs(registry: Registry) -> None:
    first, second = registry.jobs.create(_REQUEST), registry.jobs.create(_REQUEST)
    assert registry.jobs.claim(first.id)
    assert not registry.jobs.claim(second.id)
    assert not registry.jobs.claim(first.id)
    running = registry.jobs.running()
    assert running is not None
    assert (running.id, running.request) == (first.id, _REQUEST)


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_asked(registry: Registry) -> None:
    queued, running = registry.jobs.create(_REQUEST), registry.jobs.create(_REQUEST)
    assert registry.jobs.request_cancel(queued.id).status is JobStatus.CANCELLED
    registry.jobs.claim(running.id)
    assert not registry.jobs.heartbeat(running.id)
    assert registry.jobs.request_cancel(running.id).status is JobStatus.RUNNING
    assert registry.jobs.heartbeat(running.id)
    assert registry.jobs.cancelled(running.id)
    with pytest.raises(Conflict, match="is over"):
        registry.jobs.request_cancel(running.id)
    with pytest.raises(UnknownName):
        registry.jobs.get("ftjob-none")


def test_what_is_over_stays_so(registry: Registry) -> None:
    job = registry.jobs.create(_REQUEST)
    registry.jobs.claim(job.id)
    assert registry.jobs.fail(job.id, "no luck")
    assert not registry.jobs.succeed(job.id, 1)
    assert not registry.jobs.fail(job.id, "worse luck")
    assert registry.jobs.get(job.id).error == "no luck"
    assert registry.jobs.heartbeat(job.id)  # "you no longer own it"


def test_the_job_of_a_killed_worker_is_failed_with_the_reason(
    home: Home, registry: Registry
) -> None:
    job = registry.jobs.create(_REQUEST)
    script = """
import os, signal, sys
from pathlib import Path
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
assert Registry(Home(Path(sys.argv[1]))).jobs.claim(sys.argv[2])
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.Popen([sys.executable, "-c", script, str(home.root), job.id])
    process.wait(30)
    [buried] = registry.jobs.bury_dead()
    assert (buried.id, buried.status) == (job.id, JobStatus.FAILED)
    assert f"process {process.pid}" in (buried.error or "")
    assert registry.jobs.bury_dead() == []


def test_a_live_worker_is_not_buried(registry: Registry) -> None:
    job = registry.jobs.create(_REQUEST)
    registry.jobs.claim(job.id)
    assert registry.jobs.bury_dead() == []
    assert registry.jobs.get(job.id).status is JobStatus.RUNNING


def test_events_are_read_on_from_where_one_was(registry: Registry) -> None:
    job = registry.jobs.create(_REQUEST)
    registry.jobs.measure(job.id, "Step 1", step=1, train_loss=2.5)
    created, measured = registry.jobs.events(job.id)
    assert created.type == "message"
    assert (measured.type, measured.data) == ("metrics", {"step": 1, "train_loss": 2.5})
    assert registry.jobs.events(job.id, after=created.id) == [measured]


def test_jobs_are_listed_newest_first(registry: Registry) -> None:
    ids = [registry.jobs.create(_REQUEST).id for _ in range(3)]
    assert [job.id for job in registry.jobs.all()] == ids[::-1]


def test_a_queued_job_fails_when_the_worker_that_waits_to_run_it_is_killed(
    home: Home, registry: Registry
) -> None:
    nobodys, waiting = registry.jobs.create(_REQUEST), registry.jobs.create(_REQUEST)
    script = """
import os, signal, sys
from pathlib import Path
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
Registry(Home(Path(sys.argv[1]))).jobs.queue_up(sys.argv[2])
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(home.root), waiting.id], check=False)
    [buried] = registry.jobs.bury_dead()
    assert buried.id == waiting.id
    assert "without finishing" in (buried.error or "")
    assert registry.jobs.get(nobodys.id).status is JobStatus.QUEUED
