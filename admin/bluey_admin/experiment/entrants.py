"""Whom an experiment compares: the bare bases and what was trained on them, or a sweep's points."""

from collections.abc import Mapping, Sequence

import msgspec

from bluey_adapters.registry import Registry
from bluey_admin.evaluation.asking import Sampling
from bluey_admin.evaluation.contestants import Contestant, local
from bluey_admin.experiment.plan import Variant, run_of
from bluey_admin.training.prepare import default_name


def entrants(
    registry: Registry,
    data: str,
    variants: Sequence[Variant],
    seeds: Sequence[int],
    versions: Mapping[str, str],
    sampling: Sampling,
) -> list[Contestant]:
    """Bare bases first; then, by variant, its trainings over the seeds as one contestant.

    `versions` are the pinned names by the runs' keys.
    """
    bases = [local(registry, base, [base]) for base in dict.fromkeys(v.base for v in variants)]
    trained = []
    for variant in variants:
        models = [versions[run_of(variant, seed).key] for seed in seeds]
        name = variant.label if variant.varied else default_name(data, variant.base)
        contestant = local(registry, name, models)
        if variant.varied:
            contestant = msgspec.structs.replace(
                contestant,
                varied=variant.varied,
                sampling=msgspec.structs.replace(sampling, **variant.sampling),
            )
        trained.append(contestant)
    return [*bases, *trained]
