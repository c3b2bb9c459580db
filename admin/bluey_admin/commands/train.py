"""`bluey-admin train`: one training, from the command line."""

import signal
import sys

import click

from bluey_adapters.home import Home, find_home
from bluey_adapters.jobs import Job, JobStatus
from bluey_adapters.registry import Registry
from bluey_adapters.server_file import find_running_server
from bluey_admin.failures import Failure
from bluey_admin.training.launch import WorkerProcess, follow, start_worker
from bluey_admin.training.prepare import PROMOTE, prepare_job
from bluey_admin.training.progress import JobProgress, duration


@click.command()
@click.argument("base")
@click.option(
    "--data",
    default="bluey",
    show_default=True,
    metavar="FILE|NAME",
    help="A JSON Lines file, or the name of a data set that comes with bluey.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="The adapter's name.  [default: the data's name, '-', and BASE: bluey-it]",
)
@click.option(
    "--epochs",
    type=int,
    metavar="N",
    help="Times to go through the data.  [default: as BASE recommends, more for few examples]",
)
@click.option("--batch-size", type=int, metavar="N", help="Examples in a step.")
@click.option("--learning-rate", type=float, metavar="X", help="The peak learning rate.")
@click.option("--rank", type=int, metavar="N", help="The rank of the LoRA matrices.")
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same adapter.")
@click.option(
    "--promote",
    type=click.Choice(PROMOTE),
    default="if-better",
    show_default=True,
    help="Whether NAME shall mean the new version; 'if-better' holds back one that is clearly "
    "worse than the current version on held-out examples.",
)
@click.option("--detach", is_flag=True, help="Leave it running, and return at once.")
def command(
    base: str,
    data: str,
    name: str | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    rank: int | None,
    seed: int | None,
    promote: str,
    detach: bool,
) -> None:
    """Train an adapter on a base.

    BASE is a base model (`it`, `pt`, or any of `bluey-admin bases list`). What isn't given is set
    as the base recommends. The result is published as the next version of NAME, and a running
    server answers to it at once. Ctrl-C stops the training cleanly.
    """
    home = find_home()
    with Registry(home) as registry:
        request = prepare_job(
            registry,
            base,
            data,
            name=name,
            promote=promote,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            rank=rank,
            seed=seed,
        )
        job = registry.jobs.create(request)
        worker = start_worker(home, job.id, detach=detach)
        if detach:
            click.echo(f"{job.id} is running; `bluey-admin jobs follow {job.id}` shows it")
            return
        with JobProgress() as progress:
            interrupted = _attend(registry, worker, progress)
        job = registry.jobs.get(job.id)
        _tell(home, registry, job, interrupted=interrupted)


def _attend(registry: Registry, worker: WorkerProcess, progress: JobProgress) -> bool:
    """Show the job until it is over; returns whether Ctrl-C was pressed."""
    presses = said = 0

    def press(*_: object) -> None:
        # No more than this in a signal handler: it may have broken in anywhere.
        nonlocal presses
        presses += 1
        if presses == 1:
            worker.interrupt()
        else:
            worker.kill()

    def answer() -> None:
        nonlocal said
        if presses > said:
            said = presses
            again = "; press Ctrl-C again to kill it" if presses == 1 else ", by force"
            progress.say(f"Stopping{again}")

    before = signal.signal(signal.SIGINT, press)
    try:
        for event in follow(registry, worker.job_id, worker=worker, meanwhile=answer):
            progress.show(event)
        worker.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return presses > 0


def _tell(home: Home, registry: Registry, job: Job, *, interrupted: bool) -> None:
    adapter = job.request.adapter
    if job.status is JobStatus.SUCCEEDED and job.version is not None:
        catalog = registry.catalog()
        version = catalog.versions[adapter, job.version]
        figures = version.metrics
        losses = (
            f"training loss {figures['train_loss_first']:.2f} → {figures['train_loss_last']:.2f}"
        )
        if figures["valid_loss_first"] is not None:
            losses += (
                f", held-out {figures['valid_loss_first']:.2f} → {figures['valid_loss_last']:.2f}"
            )
        click.echo(f"{losses}, {duration(figures['seconds'])}")
        if catalog.current.get(adapter) == job.version:
            click.echo(f'{version.pinned} is published and promoted: ask for model "{adapter}"')
        else:
            click.echo(
                f'{version.pinned} is published, not promoted: ask for model "{version.pinned}", '
                f"or `bluey-admin adapters promote {version.pinned}`"
            )
        server = find_running_server(home)
        if server is None:
            click.echo("no server is running; `bluey-server` starts one, or `bluey-admin up`")
        else:
            click.echo(f"the server at {server.url} answers to it from now on")
        return
    if job.status is JobStatus.CANCELLED:
        checkpoints = sorted((home.job(job.id) / "checkpoints").glob("step-*"))
        kept = f"its last checkpoint is {checkpoints[-1]}" if checkpoints else "no step was done"
        click.echo(f"{job.id} was cancelled, nothing was published; {kept}", err=True)
        sys.exit(130 if interrupted else 1)
    raise Failure(f"{job.id} failed: {job.error}")
