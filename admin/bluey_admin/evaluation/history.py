"""How a version came to be: its training's settings, time and losses, from the registry."""

from bluey_adapters.catalog import AdapterVersion
from bluey_adapters.errors import UnknownName
from bluey_adapters.registry import Registry
from bluey_admin.evaluation.findings import Curve, Training


def training_of(registry: Registry, version: AdapterVersion) -> Training | None:
    """The training behind a version; None for one that came as files, without figures."""
    if not version.metrics:
        return None
    return Training(
        version=version.pinned,
        base=version.base,
        seconds=float(version.metrics.get("seconds") or 0.0),
        hyperparameters=version.hyperparameters,
        metrics=version.metrics,
        curve=_curve(registry, version.job_id),
    )


def _curve(registry: Registry, job_id: str | None) -> Curve:
    curve = Curve([], [])
    if job_id is None:
        return curve
    try:
        events = registry.jobs.events(job_id)
    except UnknownName:
        return curve
    for event in events:
        if event.type == "metrics":
            step = int(event.data["step"])
            if "train_loss" in event.data:
                curve.train.append((step, event.data["train_loss"]))
            if "valid_loss" in event.data:
                curve.valid.append((step, event.data["valid_loss"]))
    return curve
