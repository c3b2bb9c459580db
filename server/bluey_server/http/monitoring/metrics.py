"""GET /metrics, for Prometheus: what clients got, as seen where HTTP ends.

It asks for the API key and for a name of this server's like everything else does: which models
there are and how much each is used is nobody's business but the owner's, and scrapers can send a
key. /health and /ready stay open, since they tell nothing.

Labelled by model are names that exist, as requested; all others count as one. An answer is counted
when it is over; engine_metrics.py tells of what goes on at the moment.
"""

import asyncio

from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)

from bluey_server.http.exchange import Exchange
from bluey_server.http.monitoring.engine_metrics import EngineCollector
from bluey_server.http.service import Service

UNKNOWN = "_unknown"
"""Stands for every model that does not exist; no model can be called that."""

_WAITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)  # seconds
_PER_TOKEN = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2.5)  # seconds
_IN_ALL = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)  # seconds


class Metrics:
    """All figures of one application, in registries of its own. Those of engines are collected on
    the event loop, which changes what they tell of; the others may be in a thread."""

    def __init__(self, service: Service) -> None:
        self.engines = CollectorRegistry()
        self.engines.register(EngineCollector(service))
        self.registry = own = CollectorRegistry()
        model = ("model",)
        self._requests = Counter(
            "bluey_requests",
            "Requests that are over: stop, length, cancelled, busy, timeout, refused or failed.",
            ("model", "outcome"),
            registry=own,
        )
        self._prompt = Counter(
            "bluey_prompt_tokens", "Tokens of prompts whose answers began.", model, registry=own
        )
        self._cached = Counter(
            "bluey_cached_tokens", "Of them, those that the prefix cache had.", model, registry=own
        )
        self._hits = Counter(
            "bluey_prefix_cache_hits",
            "Prompts of which the prefix cache had at least a part.",
            model,
            registry=own,
        )
        self._completion = Counter(
            "bluey_completion_tokens", "Tokens of answers.", model, registry=own
        )
        self._queue = Histogram(
            "bluey_queue_seconds",
            "From a request's arrival until the engine begins with it.",
            model,
            buckets=_WAITS,
            registry=own,
        )
        self._first_token = Histogram(
            "bluey_time_to_first_token_seconds",
            "From a request's arrival to its first token.",
            model,
            buckets=_WAITS,
            registry=own,
        )
        self._per_token = Histogram(
            "bluey_time_per_output_token_seconds",
            "Mean time between the tokens of an answer, after the first.",
            model,
            buckets=_PER_TOKEN,
            registry=own,
        )
        self._in_all = Histogram(
            "bluey_request_seconds",
            "From a request's arrival to its end, however it ended.",
            model,
            buckets=_IN_ALL,
            registry=own,
        )

    def observe(self, exchange: Exchange) -> None:
        """Count an exchange that is over; idle for those that asked for no answer."""
        if not exchange.generates:
            return
        model = exchange.model if exchange.model_exists and exchange.model else UNKNOWN
        self._requests.labels(model, outcome_of(exchange)).inc()
        self._in_all.labels(model).observe(exchange.seconds)
        if exchange.begun is not None:
            self._queue.labels(model).observe(exchange.begun - exchange.started)
            self._prompt.labels(model).inc(exchange.prompt_tokens or 0)
            self._cached.labels(model).inc(exchange.cached_tokens or 0)
            self._hits.labels(model).inc(1 if exchange.cached_tokens else 0)
        if exchange.first_token is not None:
            self._first_token.labels(model).observe(exchange.first_token - exchange.started)
            self._completion.labels(model).inc(exchange.completion_tokens or 0)
        if exchange.seconds_per_token is not None:
            self._per_token.labels(model).observe(exchange.seconds_per_token)


def outcome_of(exchange: Exchange) -> str:
    """How a request ended, in one of seven words."""
    match exchange.outcome:
        case "stop" | "length" | "tool_calls" | "cancelled" as outcome:
            return outcome
        case "failed:busy":
            return "busy"
        case "failed:queue_timeout" | "failed:request_timeout":
            return "timeout"
        case None if exchange.status is None:
            return "cancelled"
    return "refused" if exchange.status is not None and 400 <= exchange.status < 500 else "failed"


@get("/metrics")
async def metrics(figures: NamedDependency[Metrics]) -> Response[bytes]:
    """In Prometheus's text format."""
    engines = generate_latest(figures.engines)
    # A thousand models have some 50,000 lines, which take a second.
    text = engines + await asyncio.to_thread(generate_latest, figures.registry)
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})
