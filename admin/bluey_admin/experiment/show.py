"""The trainings of an experiment as the user sees them."""

from collections.abc import Sequence

from bluey_adapters.jobs import JobEvent
from bluey_admin.experiment.plan import Run
from bluey_admin.experiment.trainings import Trainings
from bluey_admin.terminal import say
from bluey_admin.training.progress import JobProgress


def show_trainings(trainings: Trainings, runs: Sequence[Run]) -> dict[str, str]:
    """Train what has not been trained; the pinned version of each run, by the run's key."""
    progress: JobProgress | None = None

    def begin(run: Run, number: int) -> None:
        nonlocal progress
        if progress is not None:
            progress.close()
        progress = JobProgress()
        say(f"training {number + 1} of {len(runs)}: {_described(run, runs)}")

    def show(event: JobEvent) -> None:
        # The figures; what else a job says is in its log.
        if progress is not None and (event.type == "metrics" or event.level != "info"):
            progress.show(event)

    try:
        return trainings.train(runs, begin=begin, show=show)
    finally:
        if progress is not None:
            progress.close()


def _described(run: Run, runs: Sequence[Run]) -> str:
    """What tells a run from the others."""
    told = [run.base]
    for key, value in run.settings.items():
        if any(other.settings.get(key) != value for other in runs):
            told.append(f"{key.replace('_', ' ')} {value}")
    if run.examples is not None:
        told.append(f"{run.examples} examples")
    return ", ".join([*told, f"seed {run.seed}"])
