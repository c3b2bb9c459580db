"""Who takes part in a comparison: names of this server's, and models of other endpoints."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bluey_adapters.errors import SettingsError
from bluey_adapters.registry import Registry
from bluey_admin.evaluation.asking import Sampling


class Contestant(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the report. Several `models` are trainings of one thing, with other seeds."""

    name: str
    models: list[str]  # as they are asked for; adapters with their version, so they stay the same
    url: str | None = None  # another endpoint, ending in /v1; None is this home's server
    base: str | None = None  # this home's base under it
    digests: list[
        str | None
    ] = []  # of the adapters, in the order of `models`; None is the bare base
    fingerprint: str | None = None  # of the base's weights
    sampling: Sampling | None = None  # its own, where that is what is varied
    varied: dict[str, Any] | None = None  # in a sweep: what tells this point from the others


def find_contestants(
    registry: Registry, names: Sequence[str], elsewhere: Sequence[str]
) -> list[Contestant]:
    """Resolve `names` in the home, and `elsewhere`, each `URL=MODEL`.

    Raises UnknownName, or SettingsError for a name given twice and an address without a model.
    """
    found = [local(registry, name, [name]) for name in names]
    for address in elsewhere:
        url, mark, model = address.rpartition("=")
        if not mark or not model or not url.startswith(("http://", "https://")):
            raise SettingsError(
                f"--at is {address!r}; it must be URL=MODEL, as http://127.0.0.1:8080/v1=gemma"
            )
        found.append(Contestant(name=model, models=[model], url=url.rstrip("/")))
    seen: set[str] = set()
    for contestant in found:
        if contestant.name in seen:
            raise SettingsError(f"{contestant.name} is given twice; compare it with something else")
        seen.add(contestant.name)
    return found


def local(registry: Registry, name: str, models: Sequence[str]) -> Contestant:
    """One of this home's, shown as `name`.

    Raises UnknownName, or BaseError when the base's files aren't on this machine.
    """
    catalog = registry.catalog()
    targets = [catalog.resolve(model) for model in models]
    base = registry.bases.identify(targets[0].base)  # asked before or not, it is the same base
    return Contestant(
        name=name,
        models=[t.adapter.pinned if t.adapter else t.base.name for t in targets],
        base=base.name,
        digests=[t.adapter.digest if t.adapter else None for t in targets],
        fingerprint=base.fingerprint,
    )
