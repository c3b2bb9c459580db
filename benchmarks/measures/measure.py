"""What a measure is."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.stage import Stage

EVERY = ("tiny", "60m", "gemma-3-1b")
ON_CPU = ("tiny", "60m")
TINY = ("tiny",)
WIDE = ("152k", "262k")


@dataclass(frozen=True)
class Measure:
    """One number of the table, and how it is come by."""

    id: str
    how: str  # a paragraph for the README
    shapes: tuple[str, ...]  # of the models that it is taken on
    take: Callable[[Stage], list[Figure]]
