"""`bluey-admin`: the root of the command line.

Commands are imported when they are called, so that `bluey-admin --help` costs what click costs.
That is why the summaries stand here; a test holds them to the commands' own.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bluey_admin import failures

COMMANDS = {
    "up": "Start the server and, in a new home, train a first character.",
    "train": "Train an adapter on a base.",
    "chat": "Talk with a model in the terminal.",
    "compare": "Compare models: who keeps the character, stays on topic, and recites.",
    "experiment": "Train on several bases, or in several ways, and compare what came of it.",
    "adapters": "List, show, promote, roll back, remove and verify adapters.",
    "bases": "List, add, choose and download base models.",
    "data": "List, check and show training data.",
    "jobs": "List, show, follow and cancel training jobs.",
    "keys": "Make, list and remove API keys.",
    "doctor": "Check this machine, with the cure for what is wrong.",
}

FROM_CONFIG = ("up", "chat")
"""Commands whose options config.toml may set."""


class CommandLine(click.Group):
    """A group that imports its commands when asked for, and states every failure in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"bluey_admin.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with _one_line():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line():
            return super().invoke(ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn whatever ends a command into what click then shows, and the exit code."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
    except (click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        failure = failures.of(error)
        if failure is None:
            raise
        raise failure from None


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        click.echo(f"bluey-admin {metadata.version('bluey')}")
        ctx.exit()


@click.group(
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Train characters as LoRA adapters and serve them by name.

    Everything is kept in BLUEY_HOME (default ~/.bluey).
    """
    if ctx.invoked_subcommand in FROM_CONFIG:
        from bluey_adapters.home import find_home
        from bluey_adapters.settings import read_config

        ctx.default_map = {ctx.invoked_subcommand: read_config(find_home())}


def main() -> None:
    """The entry point of the program `bluey-admin`."""
    cli.main(prog_name="bluey-admin")


if __name__ == "__main__":
    main()
