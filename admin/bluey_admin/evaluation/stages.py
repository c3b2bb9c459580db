"""How far a comparison is, on stderr: a bar on a terminal, now and then a line elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft

from bluey_admin.terminal import err, say

_PLAIN_EVERY = 10.0  # seconds between lines where there is no terminal


class Stages:
    """One bar a stage. Use it as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or err()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeLeft(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._last_line = 0.0

    def tell(self, stage: str, done: int, whole: int) -> None:
        """So much of a stage is done; the first call of a stage begins it."""
        if self._console.is_terminal:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=whole)
            self._bars.update(self._tasks[stage], completed=done, total=whole)
            return
        now = time.monotonic()
        if done == whole or now - self._last_line >= _PLAIN_EVERY:
            self._last_line = now
            say(f"{stage}: {done} of {whole}")

    def say(self, message: str) -> None:
        """A line of words, above the bars."""
        self._console.print(message, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()
