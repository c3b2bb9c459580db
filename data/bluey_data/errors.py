"""The root of every error that bluey raises on purpose, and those of reading data.

BlueyError                      one clear line: what was wrong, where, what to do
├── DataError                   a data file that can't be used, with every bad line
└── (bluey_adapters.errors)     home, registry, store, bases, adapters, jobs
"""

from dataclasses import dataclass


class BlueyError(Exception):
    """An error whose message is written for the user, and is complete without a traceback."""


@dataclass(frozen=True)
class BadLine:
    """One line of a data file that can't be used."""

    number: int  # counted from 1, as editors do
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


class DataError(BlueyError):
    """A data file that can't be used; `bad_lines` has every reason there is, not only the first."""

    def __init__(self, message: str, bad_lines: tuple[BadLine, ...] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {line}" for line in bad_lines)]))
        self.bad_lines = bad_lines
