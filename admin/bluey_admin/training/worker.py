"""The training worker: `python -m bluey_admin.training.worker JOB_ID [--lifeline FD]`.

One process runs one job: it claims it, proves that it lives, trains, publishes. Whatever happens,
the job ends as succeeded, failed with a reason in one line, or cancelled, unless the process is
killed outright; then whoever watches (launch.py) or looks (JobTable.bury_dead) fails it.
"""

import argparse
import os
import sys
import traceback
from contextlib import suppress

from bluey_adapters.home import Home, find_home
from bluey_adapters.jobs import JobStatus
from bluey_adapters.mlx_setup import prepare_mlx
from bluey_adapters.registry import Registry
from bluey_admin.training.stopping import StopRequested, StopSign, heartbeat
from bluey_data.errors import BlueyError

_QUEUE_POLL = 0.5  # seconds
_NICE = 5
"""Added to the process's niceness: serving has the right of way."""


def main() -> int:
    """Run the job named on the command line; the exit status is 0 unless the job failed."""
    stop = StopSign()
    stop.heed_signals()  # first of all: until then a signal would end us without a word
    arguments = _arguments()
    if arguments.lifeline is not None:
        stop.heed_parent(arguments.lifeline)
    with suppress(OSError):
        os.nice(_NICE)
    home = find_home()
    with Registry(home) as registry:
        return work(home, registry, arguments.job_id, stop)


def work(home: Home, registry: Registry, job_id: str, stop: StopSign) -> int:
    """Claim the job, run it, and record how it ended."""
    try:
        if not claim(registry, job_id, stop):
            return 0  # cancelled while it waited
    except StopRequested:
        with suppress(BlueyError):
            registry.jobs.request_cancel(job_id)  # queued: this cancels it at once
        return 0
    try:
        with heartbeat(home, job_id, stop):
            # One thread for BLAS: lanes.py tells why. It is read when the library is loaded.
            os.environ["OPENBLAS_NUM_THREADS"] = "1"
            prepare_mlx(home.cache)
            # Here, not above: what it imports needs the line before, and takes seconds.
            from bluey_admin.training.run import Run

            Run(home, registry, registry.jobs.get(job_id), stop).go()
    except StopRequested:
        registry.jobs.cancelled(job_id)
        return 0
    except Exception as error:
        traceback.print_exc()  # into worker.log
        registry.jobs.fail(job_id, one_line(error))
        return 1
    return 0


def claim(registry: Registry, job_id: str, stop: StopSign) -> bool:
    """Wait for the job's turn and claim it. False when it is no longer queued.

    Raises StopRequested.
    """
    registry.jobs.queue_up(job_id)
    waiting_for = None
    while not registry.jobs.claim(job_id):
        if registry.jobs.get(job_id).status is not JobStatus.QUEUED:
            return False
        registry.jobs.bury_dead()
        running = registry.jobs.running()
        if running is not None and running.id != waiting_for:
            waiting_for = running.id
            registry.jobs.note(job_id, f"Waiting: the job {running.id} is running")
        stop.wait(_QUEUE_POLL)
        stop.check()
    return True


def one_line(error: Exception) -> str:
    """An error as a reason: the message of ours, with its lines joined; of others, their kind."""
    words = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    if isinstance(error, BlueyError):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run one training job.")
    parser.add_argument("job_id")
    parser.add_argument("--lifeline", type=int, help="a pipe that closes when the parent ends")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
