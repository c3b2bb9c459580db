"""Everything that can be wrong with a training is found here, before there is a job."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bluey_adapters.bases import OpenBase, open_base
from bluey_adapters.catalog import check_adapter_name
from bluey_adapters.errors import Conflict, SettingsError
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_adapters.jobs import JobRequest
from bluey_adapters.registry import Registry
from bluey_admin.training.batches import batches_per_epoch
from bluey_admin.training.material import read_material
from bluey_data.catalog import packaged_datasets

PROMOTE = ("always", "if-better", "never")


def prepare_job(
    registry: Registry,
    base: str,
    data: str = "bluey",
    *,
    name: str | None = None,
    promote: str = "if-better",
    **settings: Any,
) -> JobRequest:
    """Check a training in every respect and return the request for `registry.jobs.create`.

    `settings` are fields of Hyperparameters; None, like absence, means what the base recommends
    for this much data.
    Raises a BlueyError: unknown base, a base that is not on this machine or has no chat template,
    a data file with all its bad and overlong lines, a name that can't be an adapter's, a value
    out of its range.
    """
    if promote not in PROMOTE:
        raise SettingsError(f"promote is {promote!r}; it must be one of {', '.join(PROMOTE)}")
    catalog = registry.catalog()
    found = catalog.require_base(base)
    adapter = check_adapter_name(name if name is not None else default_name(data, base))
    if catalog.find_base(adapter) is not None:
        raise Conflict(f"{adapter} is the name of a base; choose another with --name")
    found.locate()  # before the seconds that a fingerprint can take
    identified = registry.bases.identify(found)
    opened = open_base(identified, identified.fingerprint or "")
    hyperparameters = recommended_for(opened, data, settings)
    return JobRequest(
        base=found.name,
        adapter=adapter,
        data=data if data in packaged_datasets() else str(Path(data).expanduser().resolve()),
        hyperparameters=hyperparameters,
        promote=promote,
    )


def recommended_for(base: OpenBase, data: str, settings: Mapping[str, Any]) -> Hyperparameters:
    """`settings`, and for what isn't among them or None, what `base` recommends for `data`.

    Few examples make few steps, and fewer than the base's `min_steps` teach it too little: then
    there are more epochs, up to twice as many, beyond which examples are learned by heart.
    Raises SettingsError for a value out of its range, DataError for what is wrong with the data.
    """
    chosen = override(base.facts.recommended, settings)
    examples = len(read_material(base, data, chosen).train)
    if settings.get("epochs") is not None:
        return chosen
    enough = -(-base.facts.min_steps // batches_per_epoch(examples, chosen.batch_size))
    return override(chosen, {"epochs": max(chosen.epochs, min(enough, 2 * chosen.epochs))})


def default_name(data: str, base: str) -> str:
    """The data's name and the base's as the user typed it: `bluey-it`, `pirate-gemma-3-1b-it`."""
    stem = data if data in packaged_datasets() else Path(data).stem
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    return f"{clean or 'adapter'}-{base}"


def override(recommended: Hyperparameters, settings: Mapping[str, Any]) -> Hyperparameters:
    """`recommended` with the settings that are not None. Raises SettingsError."""
    given = {key: value for key, value in settings.items() if value is not None}
    return msgspec.structs.replace(recommended, **given).check()
