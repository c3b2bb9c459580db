"""The shape of /admin/status: every process, what each holds, and for whom."""

import msgspec
from msgspec import UNSET, UnsetType

from bluey_server.engine_totals import EngineTotals
from bluey_server.tokenizer_protocol import TokenizerStatus


class Slot(msgspec.Struct, frozen=True):
    """One slot of the LoRA bank, who uses it, and all names that mean what is in it."""

    slot: int
    adapter: str
    requests: list[int]
    names: list[str]


class Queue(msgspec.Struct, frozen=True):
    """Requests that have been taken, but not started."""

    waiting: int
    most: int | None


class Batch(msgspec.Struct, frozen=True):
    """Requests by the engine's own numbers."""

    running: list[int]
    waiting: list[int]
    mean_rows: float | None


class Adapters(msgspec.Struct, frozen=True):
    resident: int
    loads: int
    evictions: int
    mean_load_seconds: float | None


class Prefixes(msgspec.Struct, frozen=True):
    """The prefix cache, and what it was good for."""

    entries: int
    bytes: int
    prompt_tokens: int
    cached_tokens: int
    share_cached: float | None


class Memory(msgspec.Struct, frozen=True):
    bytes: int
    limit_bytes: int
    kv_bytes: int


class EngineShown(msgspec.Struct, frozen=True, kw_only=True):
    """One engine. What its process holds is there as long as there is one."""

    replica: str
    base: str
    base_fingerprint: str
    state: str
    error: str | None
    retry_in_seconds: float | None
    pid: int | None
    restarts: int
    device: str | None
    blas: str | None
    load_seconds: float | None
    queue: Queue
    batch: Batch | UnsetType = UNSET
    slots: list[Slot] | UnsetType = UNSET
    slots_total: int | UnsetType = UNSET
    adapters: Adapters | UnsetType = UNSET
    prefix_cache: Prefixes | UnsetType = UNSET
    memory: Memory | UnsetType = UNSET
    totals: EngineTotals
    """Over all processes that this base's engine has had; the figures above are this one's."""


class Worker(msgspec.Struct, frozen=True):
    """The training that runs now."""

    pid: int | None
    host: str | None
    job: str
    adapter: str
    base: str
    started_at: float | None
    heartbeat_at: float | None


class RequestShown(msgspec.Struct, frozen=True):
    """A request in flight; never what it says."""

    id: str
    key: str | None
    model: str | None
    adapter: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float


class ServerStatus(msgspec.Struct, frozen=True):
    """The whole server at a glance."""

    version: str
    pid: int
    draining: bool
    not_ready: list[str]
    engines: list[EngineShown]
    tokenizers: list[TokenizerStatus]
    worker: Worker | None
    requests: list[RequestShown]
