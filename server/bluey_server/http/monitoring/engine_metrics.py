"""What engines are at, read at the moment of scraping.

An engine's counters begin anew with its process; those told here are a base's over all the
processes it has had (engine_totals.py), so they only rise until the server itself is restarted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bluey_server.engine_protocol import ReplicaStatus
from bluey_server.http.service import Service
from bluey_server.http.version import version
from bluey_server.messages import EngineStatus

_STATES = ("stopped", "loading", "ready", "restarting", "failed")

Of = TypeVar("Of")
Family = TypeVar("Family", GaugeMetricFamily, CounterMetricFamily)
_Figure = tuple[str, str, Callable[[Of], float]]  # name, help, value

_GAUGES: tuple[_Figure[ReplicaStatus], ...] = (
    ("bluey_engine_up", "Whether requests are answered.", lambda of: of.state == "ready"),
    ("bluey_requests_waiting", "Requests taken, but not begun.", lambda of: of.waiting),
    ("bluey_engine_memory_limit_bytes", "Share of the budget.", lambda of: of.memory_limit),
)
_HELD: tuple[_Figure[EngineStatus], ...] = (  # 0 where there is no process
    ("bluey_batch_size", "Requests in the batch.", lambda of: len(of.running)),
    ("bluey_adapter_slots_used", "Adapters that are resident.", lambda of: len(of.slots)),
    ("bluey_adapter_slots", "Adapters that may be.", lambda of: of.slots_total),
    ("bluey_kv_cache_bytes", "Reserved for the batch.", lambda of: of.kv_bytes),
    ("bluey_prefix_cache_bytes", "Held by the prefix cache.", lambda of: of.prefix_bytes),
    ("bluey_prefix_cache_entries", "Prompts in it.", lambda of: of.prefix_entries),
    ("bluey_engine_memory_bytes", "In use, as MLX counts.", lambda of: of.memory_bytes),
)
_COUNTERS: tuple[_Figure[ReplicaStatus], ...] = (
    ("bluey_engine_restarts", "Starts after a death.", lambda of: of.restarts),
    ("bluey_engine_generated_tokens", "Tokens given.", lambda of: of.totals.tokens_out),
    ("bluey_engine_prompt_tokens", "Tokens of prompts.", lambda of: of.totals.prompt_tokens),
    (
        "bluey_engine_cached_tokens",
        "Tokens of prompts that the prefix cache had.",
        lambda of: of.totals.cached_tokens,
    ),
    ("bluey_engine_steps", "Steps of decoding.", lambda of: of.totals.steps),
    (
        "bluey_engine_rows",
        "Rows over all steps; divided by them, the mean batch.",
        lambda of: of.totals.rows_stepped,
    ),
    ("bluey_adapter_loads", "Adapters put into a slot.", lambda of: of.totals.adapter_loads),
    (
        "bluey_adapter_evictions",
        "Adapters that made room for another.",
        lambda of: of.totals.adapter_evictions,
    ),
    (
        "bluey_adapter_load_seconds",
        "From wish to slot, over all loads.",
        lambda of: of.totals.adapter_load_seconds,
    ),
)


class EngineCollector(Collector):
    """Asks the service's engines whenever Prometheus asks."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that to register it asks no engine."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One sample a base. Other weights under the same name are the same base here."""
        info = GaugeMetricFamily("bluey_info", "What runs here; always 1.", labels=("version",))
        info.add_metric((version(),), 1)
        yield info
        yield GaugeMetricFamily(
            "bluey_requests_in_flight",
            "Requests that are being answered, waiting ones among them.",
            len(self._service.in_flight),
        )
        by_base: dict[str, list[ReplicaStatus]] = defaultdict(list)
        for replica in self._service.engine.status():
            by_base[replica.base].append(replica)
        held = {
            base: [replica.engine for replica in replicas if replica.engine is not None]
            for base, replicas in by_base.items()
        }
        for name, told, value in _GAUGES:
            yield _family(GaugeMetricFamily(name, told, labels=("base",)), value, by_base)
        for name, told, of_engine in _HELD:
            yield _family(GaugeMetricFamily(name, told, labels=("base",)), of_engine, held)
        for name, told, value in _COUNTERS:
            yield _family(CounterMetricFamily(name, told, labels=("base",)), value, by_base)
        states = GaugeMetricFamily(
            "bluey_engine_state", "Engines in each state.", labels=("base", "state")
        )
        for base, replicas in by_base.items():
            for state in _STATES:
                count = sum(replica.state == state for replica in replicas)
                states.add_metric((base, state), count)
        yield states


def _family(
    family: Family, value: Callable[[Of], float], by_base: Mapping[str, Sequence[Of]]
) -> Family:
    for base, found in by_base.items():
        family.add_metric((base,), sum(value(one) for one in found))
    return family
