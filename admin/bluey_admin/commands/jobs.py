"""`bluey-admin jobs`: training jobs, whoever started them."""

import sys
from typing import Any

import click
import msgspec

from bluey_adapters.home import find_home
from bluey_adapters.jobs import Job, JobEvent, JobStatus
from bluey_adapters.registry import Registry
from bluey_admin.failures import Failure
from bluey_admin.terminal import json_option, print_facts, print_json, print_table, say, when
from bluey_admin.training.launch import follow as follow_job
from bluey_admin.training.progress import JobProgress


@click.group()
def command() -> None:
    """List, show, follow and cancel training jobs."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every job, newest first."""
    with Registry(find_home()) as registry:
        registry.jobs.bury_dead()
        jobs = registry.jobs.all()
    if as_json:
        print_json([_as_dict(job) for job in jobs])
    elif not jobs:
        say("no jobs yet; `bluey-admin train it` makes one")
    else:
        print_table(
            ("JOB", "STATUS", "BASE", "DATA", "MADE", "STARTED"),
            [
                (
                    job.id,
                    job.status,
                    job.request.base,
                    job.request.data,
                    _result(job),
                    when(job.started_at) if job.started_at is not None else "",
                )
                for job in jobs
            ],
        )


@command.command()
@click.argument("job_id", metavar="JOB")
@json_option
def show(job_id: str, as_json: bool) -> None:
    """Show a job and what happened in it."""
    with Registry(find_home()) as registry:
        registry.jobs.bury_dead()
        job = registry.jobs.get(job_id)
        events = registry.jobs.events(job_id)
    if as_json:
        print_json({**_as_dict(job), "events": events})
        return
    facts: list[tuple[str, object]] = [
        ("job", job.id),
        ("status", job.status),
        ("base", job.request.base),
        ("data", job.request.data),
        ("adapter", _result(job) or job.request.adapter),
        ("created", when(job.created_at)),
    ]
    if job.started_at is not None:
        facts.append(("started", when(job.started_at)))
    if job.finished_at is not None:
        facts.append(("finished", when(job.finished_at)))
    if job.error is not None:
        facts.append(("error", job.error))
    settings = msgspec.to_builtins(job.request.hyperparameters)
    facts.append(("settings", ", ".join(f"{key} {value}" for key, value in settings.items())))
    facts.append(("log", find_home().job(job.id) / "worker.log"))
    facts += [(when(event.created_at), event.message) for event in _worth_showing(events)]
    print_facts(facts)


@command.command()
@click.argument("job_id", metavar="JOB")
def follow(job_id: str) -> None:
    """Show a job as it runs, until it is over. Ctrl-C stops looking, not the job."""
    with Registry(find_home()) as registry:
        registry.jobs.get(job_id)
        with JobProgress() as progress:
            for event in follow_job(registry, job_id):
                progress.show(event)
        job = registry.jobs.get(job_id)
    if job.status is JobStatus.FAILED:
        raise Failure(f"{job_id} failed: {job.error}")
    click.echo(_result(job) or job.status)
    if job.status is JobStatus.CANCELLED:
        sys.exit(1)


@command.command()
@click.argument("job_id", metavar="JOB")
def cancel(job_id: str) -> None:
    """Stop a job at its next step."""
    with Registry(find_home()) as registry:
        registry.jobs.bury_dead()
        job = registry.jobs.request_cancel(job_id)
        for _ in follow_job(registry, job_id):
            pass
        job = registry.jobs.get(job_id)
    if job.status is not JobStatus.CANCELLED:
        raise Failure(f"{job_id} was over before it could be cancelled: it {job.status}")
    click.echo(f"{job_id} is cancelled")


def _result(job: Job) -> str:
    return "" if job.version is None else f"{job.request.adapter}@{job.version}"


def _as_dict(job: Job) -> dict[str, Any]:
    return {**msgspec.to_builtins(job), "fine_tuned_model": _result(job) or None}


def _worth_showing(events: list[JobEvent]) -> list[JobEvent]:
    """Messages, and the steps at which the held-out loss was measured."""
    return [event for event in events if event.type == "message" or "valid_loss" in event.data]
