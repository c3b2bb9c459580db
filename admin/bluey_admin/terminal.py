"""What a command shows: results on stdout, everything else on stderr."""

import time
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Don't ask.")


def out() -> Console:
    """For results."""
    return Console(highlight=False)


def err() -> Console:
    """For messages and progress."""
    return Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """One message, on stderr."""
    err().print(escape(message), soft_wrap=True)


def print_json(value: Any) -> None:
    """Write Structs, dicts and lists to stdout as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings on stdout. Never cut to a width when nobody looks: a pipe gets it all."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    _print(table)


def print_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Names and values on stdout, one pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, escape(str(value)))
    _print(table)


def when(seconds: float) -> str:
    """A time of the database's, as the user's clock shows it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def size(count: float) -> str:
    """Bytes, for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def plural(count: int, noun: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _print(table: Table) -> None:
    console = out()
    if console.is_terminal:
        console.print(table)
        return
    console.width = 1000
    with console.capture() as text:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in text.get().splitlines()))
