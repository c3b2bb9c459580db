"""How engines share one memory budget. Each is told its share when it starts, and keeps to it.

The rule: an engine gets what its weights call for, and half of what is left beyond that; the other
half is for engines that may come later. So the shares of all live engines never exceed the budget,
whatever starts and stops in which order. An engine that is alone gets at least what there is.
"""

from pathlib import Path

import psutil

from bluey_adapters.model_folder import weight_files

BUDGET_SHARE = 0.6
"""Of the machine's memory, for all engines together; the rest is the user's and the worker's."""

_WORKING_SHARE = 1.5
"""Memory that an engine needs, over the size of its weights: caches, adapters, one step's work."""

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def share_of(budget: int, need: int, taken: int) -> int | None:
    """Bytes for an engine that needs `need` of them, beside engines that have `taken`.

    None when there is no room beside those; never when there are none: a base too large for the
    budget may still run, in all of it.
    """
    left = budget - taken
    if taken > 0 and left < need:
        return None
    return left - max(0, left - need) // 2


def expected_bytes(folder: Path) -> int:
    """What an engine for the base in `folder` needs, as a first guess."""
    sizes = (path.stat().st_size for path in weight_files(folder) if path.is_file())
    return int(_WORKING_SHARE * sum(sizes))


def default_budget() -> int:
    """Bytes for all engines together, where nobody has said otherwise."""
    return int(machine_memory() * BUDGET_SHARE)


def machine_memory() -> int:
    """Bytes that this machine has, or that its container may use."""
    total = int(psutil.virtual_memory().total)
    try:
        return min(total, int(_CGROUP_LIMIT.read_text("ascii")))
    except (OSError, ValueError):  # no container, or "max"
        return total
