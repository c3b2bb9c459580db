"""The registry's training jobs and what happened in them.

Every change of state is one UPDATE that names the state it expects, judged by its row count:
reading first and writing later lets two workers run one job.
"""

import os
import platform
import sqlite3
import uuid
from typing import Any

import msgspec
import psutil

from bluey_adapters.database import NOW, Database
from bluey_adapters.errors import Conflict, UnknownName
from bluey_adapters.jobs import HEARTBEAT_LOST, Job, JobEvent, JobRequest, JobStatus


class JobTable:
    """Jobs and their events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, request: JobRequest) -> Job:
        """Queue a job."""
        job_id = f"ftjob-{uuid.uuid4().hex[:24]}"
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO jobs (id, status, request, created_at)"
                f" VALUES (?, 'queued', ?, {NOW})",
                job_id,
                msgspec.json.encode(request).decode(),
            )
            self._note(job_id, "message", "info", f"Created fine-tuning job: {job_id}", {})
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """One job. Raises UnknownName."""
        row = self._database.execute("SELECT * FROM jobs WHERE id = ?", job_id).fetchone()
        if row is None:
            raise UnknownName(f"there is no job {job_id}", job_id)
        return _job(row)

    def all(self) -> list[Job]:
        """Every job, newest first."""
        rows = self._database.execute("SELECT * FROM jobs ORDER BY created_at DESC, rowid DESC")
        return [_job(row) for row in rows]

    def running(self) -> Job | None:
        """The job that is running, if any."""
        row = self._database.execute("SELECT * FROM jobs WHERE status = 'running'").fetchone()
        return None if row is None else _job(row)

    def queue_up(self, job_id: str) -> None:
        """Say that this process will run a queued job when its turn comes."""
        self._change(
            job_id,
            "queued",
            f"heartbeat_at = {NOW}, host = ?, pid = ?",
            platform.node(),
            os.getpid(),
        )

    def claim(self, job_id: str) -> bool:
        """Make a queued job this process's own and running. False when it isn't queued, or when
        another job is running."""
        try:
            return self._change(
                job_id,
                "queued",
                f"status = 'running', started_at = {NOW}, heartbeat_at = {NOW}, host = ?, pid = ?",
                platform.node(),
                os.getpid(),
            )
        except sqlite3.IntegrityError:  # the index one_running_job
            return False

    def heartbeat(self, job_id: str) -> bool:
        """Prove that the worker lives. Returns whether it is asked to stop, or no longer owns
        the job."""
        kept = self._change(job_id, "running", f"heartbeat_at = {NOW}")
        return not kept or self.get(job_id).cancel_requested

    def succeed(self, job_id: str, version: int) -> bool:
        """The job's adapter is published."""
        return self._finish(job_id, "running", JobStatus.SUCCEEDED, "version = ?", version)

    def fail(self, job_id: str, reason: str) -> bool:
        """The job is over, with the reason. Idle when it is over already."""
        return self._finish(job_id, "running", JobStatus.FAILED, "error = ?", reason) or (
            self._finish(job_id, "queued", JobStatus.FAILED, "error = ?", reason)
        )

    def cancelled(self, job_id: str) -> bool:
        """The worker has honoured a request to stop."""
        return self._finish(job_id, "running", JobStatus.CANCELLED, "error = NULL")

    def request_cancel(self, job_id: str) -> Job:
        """Ask a job to stop; a queued one is cancelled at once.

        Raises UnknownName, or Conflict when it is over.
        """
        job = self.get(job_id)
        if not self._finish(job_id, "queued", JobStatus.CANCELLED, "error = NULL") and not (
            self._change(job_id, "running", "cancel_requested = 1")
        ):
            raise Conflict(f"the job {job_id} is over: it {job.status}")
        return self.get(job_id)

    def note(self, job_id: str, message: str, *, level: str = "info", **data: Any) -> None:
        """Record something that happened, in words for people."""
        self._note(job_id, "message", level, message, data)

    def measure(self, job_id: str, message: str, **figures: Any) -> None:
        """Record figures of a step."""
        self._note(job_id, "metrics", "info", message, figures)

    def events(self, job_id: str, *, after: int = 0) -> list[JobEvent]:
        """What happened in a job since the event `after`, oldest first."""
        rows = self._database.execute(
            "SELECT * FROM job_events WHERE job_id = ? AND id > ? ORDER BY id", job_id, after
        )
        return [JobEvent(**{**dict(row), "data": msgspec.json.decode(row["data"])}) for row in rows]

    def bury_dead(self) -> list[Job]:
        """Fail the jobs whose workers are gone: the process that runs one, or waits to, has ended
        on this host, or no heartbeat has come for too long. Returns them."""
        rows = self._database.execute(
            f"SELECT *, {NOW} - heartbeat_at AS silence FROM jobs"
            " WHERE status IN ('running', 'queued') AND pid IS NOT NULL"
        ).fetchall()
        buried = []
        for row in rows:
            here = row["host"] == platform.node()
            if here and not _alive(row["pid"], row["heartbeat_at"]):
                reason = f"its worker (process {row['pid']}) ended without finishing it"
            elif row["status"] == "running" and row["silence"] > HEARTBEAT_LOST:
                reason = f"its worker gave no sign of life for {row['silence']:.0f} s"
            else:
                continue
            if self.fail(row["id"], reason):
                buried.append(self.get(row["id"]))
        return buried

    def _finish(
        self, job_id: str, expected: str, status: JobStatus, change: str, *values: object
    ) -> bool:
        with self._database.transaction():
            done = self._change(
                job_id,
                expected,
                f"status = '{status}', finished_at = {NOW}, {change}",
                *values,
            )
            if done:
                level = "error" if status is JobStatus.FAILED else "info"
                reason = f": {values[0]}" if status is JobStatus.FAILED else ""
                self._note(job_id, "message", level, f"The job has {_WORDS[status]}{reason}", {})
        return done

    def _change(self, job_id: str, expected: str, change: str, *values: object) -> bool:
        cursor = self._database.execute(
            f"UPDATE jobs SET {change} WHERE id = ? AND status = '{expected}'", *values, job_id
        )
        return cursor.rowcount == 1

    def _note(self, job_id: str, kind: str, level: str, message: str, data: dict[str, Any]) -> None:
        self._database.execute(
            "INSERT INTO job_events (job_id, created_at, type, level, message, data)"
            f" VALUES (?, {NOW}, ?, ?, ?, ?)",
            job_id,
            kind,
            level,
            message,
            msgspec.json.encode(data).decode(),
        )


_WORDS = {
    JobStatus.SUCCEEDED: "successfully completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "been cancelled",
}


def _job(row: sqlite3.Row) -> Job:
    fields = {key: row[key] for key in row.keys() if key in Job.__struct_fields__}  # noqa: SIM118
    fields["status"] = JobStatus(fields["status"])
    fields["request"] = msgspec.json.decode(fields["request"], type=JobRequest)
    fields["cancel_requested"] = bool(fields["cancel_requested"])
    return Job(**fields)


def _alive(pid: int, since: float) -> bool:
    """Whether the process that spoke at `since` still is: its number may be another's by now."""
    try:
        process = psutil.Process(pid)
        started: float = process.create_time()
        return started <= since + 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
