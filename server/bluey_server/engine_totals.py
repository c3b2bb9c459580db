"""What a base's engine has done, over all the processes it has had.

A process counts from its own start. Somebody who draws curves wants counters that go up only, so
what a process had counted is added up when it is gone. What it did in its last second, between two
Alive messages, is lost when it is killed.
"""

import msgspec

from bluey_server.messages import EngineStatus


class EngineTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Counters; they never fall. The names are EngineStatus's."""

    tokens_out: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    steps: int = 0
    rows_stepped: int = 0
    adapter_loads: int = 0
    adapter_evictions: int = 0
    adapter_load_seconds: float = 0.0

    def plus(self, status: EngineStatus | None) -> "EngineTotals":
        """With what one process has counted since its start."""
        return self if status is None else self._sum(status)

    def merged(self, other: "EngineTotals") -> "EngineTotals":
        """Of two engines together."""
        return self._sum(other)

    def _sum(self, other: "EngineStatus | EngineTotals") -> "EngineTotals":
        return EngineTotals(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        )
