"""The one thing that the HTTP layer knows of engines: this Protocol, and these events.

`EnginePool` in engine_pool.py answers it with processes on this machine; tests answer it with a
scripted fake held to the same contract; later, replicas on other machines may.
"""

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from bluey_adapters.bases import OpenBase
from bluey_server.engine_totals import EngineTotals
from bluey_server.messages import EngineStatus, Sampling, TokenLogprobs


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to generate. `id` is for people and logs."""

    id: str
    prompt: list[int]
    checkpoints: tuple[int, ...] = ()  # lengths of the prompt at which others may branch off
    adapter: str | None
    max_tokens: int
    min_tokens: int
    end_ids: tuple[int, ...]
    sampling: Sampling
    logprobs: int | None = None  # alternatives told with each token's own; None tells nothing
    grammar: str | None = None  # llguidance's; the answer follows it


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt whose tokens' log probabilities are wanted. `id` is for people and logs."""

    id: str
    prompt: list[int]
    adapter: str | None
    logprobs: int  # alternatives told with each token's own


EngineRequest = GenerationRequest | ScoreRequest


class GenerationStarted(msgspec.Struct, frozen=True):
    """The request has left the queue of a replica; its adapter is in place."""

    replica: str
    adapter: str | None
    cached_tokens: int = 0  # of the prompt


class GenerationBusy(msgspec.Struct, frozen=True):
    """The only event of a request that was not taken: too many are waiting."""

    retry_after: float  # seconds after which it may be worth another try


class GeneratedTokens(msgspec.Struct, frozen=True):
    """Token ids, in order; usually one."""

    ids: list[int]
    logprobs: list[TokenLogprobs] | None = None  # as many as ids, for a request that asks


class ScoredTokens(msgspec.Struct, frozen=True):
    """How likely the next tokens of a prompt are, from its second one on."""

    logprobs: list[TokenLogprobs]


class GenerationAlive(msgspec.Struct, frozen=True):
    """Nothing new, but it is being worked on. Comes at least every 2 s when nothing else does."""


class GenerationFinished(msgspec.Struct, frozen=True):
    """The last event of an answer that is whole."""

    reason: str  # "stop" | "length", or "scored" for a prompt


class GenerationFailed(msgspec.Struct, frozen=True):
    """The last event of an answer that is not."""

    kind: str  # see messages.Failed; also "base_unusable", "engine_died"
    message: str
    retryable: bool


GenerationEvent = (
    GenerationStarted
    | GenerationBusy
    | GeneratedTokens
    | ScoredTokens
    | GenerationAlive
    | GenerationFinished
    | GenerationFailed
)


class ReplicaStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One engine, as /admin/status shows it."""

    replica: str
    base: str
    base_fingerprint: str
    state: str  # "stopped" | "loading" | "ready" | "restarting" | "failed"
    pid: int | None
    restarts: int  # since the server's start
    waiting: int = 0  # requests that have been taken, but not started
    max_waiting: int | None = None
    memory_limit: int = 0  # bytes; its share of the budget, 0 while it has none
    device: str | None = None
    blas: str | None = None
    load_seconds: float | None = None
    engine: EngineStatus | None = None
    totals: EngineTotals = EngineTotals()
    error: str | None = None
    retry_in: float | None = None  # seconds until a request may try a failed engine again


class EngineProtocol(Protocol):
    """Generation by engines, wherever they are."""

    def submit(
        self, base: OpenBase, request: EngineRequest
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Events of one request; closing the generator, at any time, is how it is cancelled.

        Ends with exactly one GenerationFinished or GenerationFailed, or is one GenerationBusy.
        Never raises for a reason of the engine's.
        """
        ...

    async def preload(self, base: OpenBase) -> None:
        """Start the engine of a base; returns when it is ready, or has failed to become so."""
        ...

    async def prefetch(self, base_fingerprint: str, adapter: str) -> None:
        """A hint that an adapter will be asked for."""
        ...

    async def drop(self, base_fingerprint: str, adapter: str) -> None:
        """A hint that an adapter won't be asked for again."""
        ...

    def status(self) -> list[ReplicaStatus]:
        """Every engine there is."""
        ...

    async def close(self) -> None:
        """Stop every engine; what is in flight is told that it failed."""
        ...
