"""What an experiment trains and asks: every combination of what is varied. Pure."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bluey_adapters.errors import SettingsError
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_admin.evaluation.asking import Sampling

EXAMPLES = "examples"
"""Varied like a hyperparameter: how many examples to train on."""
_SAMPLED = {
    "temperature": float,
    "top_p": float,
    "max_tokens": int,
    "min_tokens": int,
    "repetition_penalty": float,
}
"""Varied when asking; nothing is trained for it."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One way to train one base, and to ask what came of it."""

    base: str  # as the user named it: "it"
    settings: dict[str, Any]  # hyperparameters that differ from the recommended ones
    examples: int | None  # None: all
    sampling: dict[str, Any]  # what differs from the usual
    varied: dict[str, Any]  # what tells this variant from the others

    @property
    def label(self) -> str:
        """`it, epochs 5, rank 8`."""
        return ", ".join([self.base, *(f"{_word(k)} {v}" for k, v in self.varied.items())])


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One training. Variants that differ in sampling alone share theirs."""

    base: str
    settings: dict[str, Any]
    examples: int | None
    seed: int

    @property
    def key(self) -> str:
        """The same for the same training."""
        return msgspec.json.encode(
            [self.base, sorted(self.settings.items()), self.examples, self.seed]
        ).decode()


class ExperimentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the trainings and the answers depend on."""

    dataset: str
    dataset_digest: str
    fingerprints: list[str | None]  # of the bases' weights
    variants: list[Variant]
    training_seeds: list[int]
    seeds: list[int]
    sampling: Sampling

    @property
    def title(self) -> str:
        """`bluey on pt and it`, `bluey on pt and it, over epochs and rank`."""
        bases = " and ".join(dict.fromkeys(variant.base for variant in self.variants))
        varied = " and ".join(_word(key) for key in self.variants[0].varied)
        return f"{self.dataset} on {bases}" + (f", over {varied}" if varied else "")


def parse_vary(texts: Sequence[str]) -> dict[str, list[Any]]:
    """`["epochs=1,3", …]` as values by key, in the order given. Raises SettingsError."""
    varied: dict[str, list[Any]] = {}
    for text in texts:
        key, mark, values = text.partition("=")
        name = key.strip().replace("-", "_")
        kind = _kinds().get(name)
        if not mark or kind is None:
            known = ", ".join(_kinds())
            raise SettingsError(f"--vary is {text!r}; it must be KEY=VALUE,…, KEY one of {known}")
        if name in varied:
            raise SettingsError(f"--vary {name} is given twice; write all its values in one")
        try:
            parsed = [kind(value) for value in values.split(",")]
        except ValueError:
            raise SettingsError(f"--vary {name} is {values!r}; it takes {_NOUN[kind]}") from None
        varied[name] = list(dict.fromkeys(parsed))
    return varied


def plan_variants(
    bases: Sequence[str], settings: Mapping[str, Any], varied: Mapping[str, Sequence[Any]]
) -> list[Variant]:
    """Every combination of the varied values on every base, the last key changing fastest."""
    variants = []
    for base, values in itertools.product(bases, itertools.product(*varied.values())):
        chosen = dict(zip(varied, values, strict=True))
        trained = {k: v for k, v in chosen.items() if k not in _SAMPLED and k != EXAMPLES}
        variants.append(
            Variant(
                base=base,
                settings={**settings, **trained},
                examples=chosen.get(EXAMPLES),
                sampling={k: v for k, v in chosen.items() if k in _SAMPLED},
                varied=chosen,
            )
        )
    return variants


def plan_runs(variants: Sequence[Variant], seeds: Sequence[int]) -> list[Run]:
    """The trainings that the variants need, each once, bases taking turns as the variants do."""
    runs = {
        run.key: run for variant in variants for seed in seeds for run in [run_of(variant, seed)]
    }
    return list(runs.values())


def run_of(variant: Variant, seed: int) -> Run:
    """The training behind a variant."""
    return Run(base=variant.base, settings=variant.settings, examples=variant.examples, seed=seed)


_NOUN = {int: "whole numbers", float: "numbers"}


def _kinds() -> dict[str, type]:
    trained = {
        field.name: field.type
        for field in msgspec.structs.fields(Hyperparameters)
        if field.name != "seed"  # --repeats varies that
    }
    return {EXAMPLES: int, **trained, **_SAMPLED}


def _word(key: str) -> str:
    return key.replace("_", " ")
