"""A job's events, shown as they come: a bar on a terminal, plain lines now and then elsewhere."""

import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from bluey_adapters.closing import Closing
from bluey_adapters.jobs import JobEvent
from bluey_admin.terminal import err

_SMOOTHING = 0.9  # of the loss shown: single batches jump about
_PLAIN_EVERY = 10.0  # seconds between lines where there is no terminal


class JobProgress(Closing):
    """Shows one job on stderr. Feed it every event; use it as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or err()
        self._figures = _Figures()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._last_line = 0.0

    def show(self, event: JobEvent) -> None:
        """Take in one event."""
        if event.type == "metrics":
            self._figures.take(event.data)
            self._draw(event.data)
        elif event.level != "info" or "folder" not in event.data:  # not every checkpoint
            self.say(event.message)

    def say(self, message: str) -> None:
        """A line of words, above the bar if there is one."""
        self._console.print(escape(message), soft_wrap=True)

    def _draw(self, data: dict[str, Any]) -> None:
        step, total = int(data["step"]), int(data["total_steps"])
        if self._console.is_terminal:
            if self._bar is None:
                self._bar, self._task = _make_bar(self._console, total)
            self._bar.update(self._task, completed=step, figures=self._figures.text())
            return
        now = time.monotonic()
        if "valid_loss" in data or step == total or now - self._last_line >= _PLAIN_EVERY:
            self._last_line = now
            self.say(f"step {step}/{total}  {self._figures.text()}")

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Figures:
    """What is said of a run besides its step."""

    def __init__(self) -> None:
        self._loss: float | None = None
        self._valid: float | None = None
        self._epoch = 0
        self._seconds = 0.0
        self._data: dict[str, Any] = {}

    def take(self, data: dict[str, Any]) -> None:
        self._data = data
        self._epoch = data.get("epoch", self._epoch)
        self._valid = data.get("valid_loss", self._valid)
        self._seconds += data.get("seconds", 0.0)
        loss = data.get("train_loss")
        if loss is not None:
            share = 0.0 if self._loss is None else _SMOOTHING
            self._loss = share * (self._loss or 0.0) + (1 - share) * loss

    def text(self) -> str:
        parts = []
        if self._epoch:
            parts.append(f"epoch {self._epoch}")
        if self._loss is not None:
            parts.append(f"loss {self._loss:.2f}")
        if self._valid is not None:
            parts.append(f"held-out {self._valid:.2f}")
        if self._seconds > 0:
            step, total = self._data["step"], self._data["total_steps"]
            parts.append(f"{self._data['trained_tokens'] / self._seconds:,.0f} tokens/s")
            parts.append(f"{duration(self._seconds / step * (total - step))} left")
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """`8 s`, `1 min 05 s`, `2 h 03 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _make_bar(console: Console, total: int) -> tuple[Progress, TaskID]:
    bar = Progress(
        BarColumn(bar_width=30),
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[figures]}", markup=False),
        console=console,
    )
    bar.start()
    return bar, bar.add_task("training", total=total, figures="")
