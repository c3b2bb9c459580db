"""What every handler needs, in one object that the composition root makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bluey_server.engine_protocol import EngineProtocol
from bluey_server.http.errors import ApiError
from bluey_server.http.exchange import Exchange
from bluey_server.http.names import Names
from bluey_server.http.registry_thread import RegistryThread
from bluey_server.http.request.body import Bodies
from bluey_server.tokenizer_protocol import TokenizerProtocol


@dataclass(frozen=True)
class Timings:
    """How long the server waits for what, in seconds."""

    queue: float = 300.0  # a request that was not begun in so long, its base's loading included
    request: float = 3600.0  # a request in all, from its arrival to its last token; 0: any time
    silence: float = 6.0  # an engine that says nothing for so long has failed
    patience: float = 2.0  # a stream's status is held back so long, for an early failure to show
    keepalive: float = 10.0  # a stream is never silent for longer
    headers: float = 240.0  # nor an answer in one piece: Node gives up after 300
    watch: float = 1.0  # between two looks at what others have changed
    bury: float = 5.0  # between two looks for dead training workers
    responses: float = 86_400.0  # what /v1/responses keeps, after it was last gone on from
    sweep: float = 600.0  # between two looks for such as have been kept for that long
    body: float = 60.0  # for more of a request's body to come
    drain: float = 10.0  # what streams are given to finish when the server stops


@dataclass
class Service:
    """The server's parts and its state."""

    engine: EngineProtocol
    tokenizers: TokenizerProtocol
    registry: RegistryThread
    timings: Timings = field(default_factory=Timings)
    preload: tuple[str, ...] = ()
    draining: bool = False
    in_flight: set[Exchange] = field(default_factory=set)
    preloads: dict[str, str] = field(default_factory=dict)
    """For each name to preload: "loading", "ready", or what went wrong."""

    def __post_init__(self) -> None:
        self.names = Names(self.registry, self.tokenizers)
        self.bodies = Bodies(self.timings.body)

    @contextmanager
    def answering(self, exchange: Exchange) -> Iterator[None]:
        """Count a request among those in flight."""
        self.in_flight.add(exchange)
        try:
            yield
        finally:
            self.in_flight.discard(exchange)

    def refuse_when_draining(self) -> None:
        """Raise ApiError when the server is about to stop."""
        if self.draining:
            raise ApiError(503, "The server is about to stop.", code="server_error", retry_after=5)

    def not_ready(self) -> list[str]:
        """Why the server should be sent no requests; empty when it should."""
        reasons = ["draining: the server is about to stop"] if self.draining else []
        reasons += [
            f"preload of {name}: {state}"
            for name, state in self.preloads.items()
            if state != "ready"
        ]
        reasons += [
            f"the engine of {replica.base} is {replica.state}"
            + (f": {replica.error}" if replica.error else "")
            for replica in self.engine.status()
            # Loading with an error: once more, after it died.
            if replica.state in ("failed", "restarting")
            or (replica.state == "loading" and replica.error)
        ]
        return reasons

    async def close(self) -> None:
        """Stop the engines and the tokenizers, and close the registry."""
        await self.engine.close()
        await self.tokenizers.close()
        self.registry.close()
