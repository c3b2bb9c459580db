"""Training jobs: their states, and which may follow which.

    queued ──► running ──► succeeded
       │          ├──────► failed
       └──────────┴──────► cancelled

Cancelling is a request (`cancel_requested`), which the worker honours at its next step; a queued
job is cancelled at once. A worker proves that it lives by a heartbeat.
"""

from enum import StrEnum
from typing import Any

import msgspec

from bluey_adapters.hyperparameters import Hyperparameters

HEARTBEAT_EVERY = 2.0  # seconds
HEARTBEAT_LOST = 20.0  # seconds without one, after which a worker is taken for dead


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is asked to do; kept with it, so that it can be done again."""

    base: str  # a base's name, aliases resolved
    adapter: str  # the name that the version will have
    data: str  # a packaged data set's name or an absolute path
    hyperparameters: Hyperparameters
    promote: str = "if-better"  # "always" | "if-better" | "never"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the registry has it. Times are seconds since the epoch, by the database's clock."""

    id: str
    status: JobStatus
    request: JobRequest
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    heartbeat_at: float | None = None
    host: str | None = None
    pid: int | None = None
    error: str | None = None
    version: int | None = None  # of `request.adapter`, once published
    cancel_requested: bool = False


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened in a job: a message for people, or figures."""

    id: int
    job_id: str
    created_at: float
    type: str  # "message" | "metrics"
    level: str  # "info" | "warn" | "error"
    message: str
    data: dict[str, Any]
