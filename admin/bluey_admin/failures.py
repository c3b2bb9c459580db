"""What a failed command says: `error: …` on stderr, and nothing of Python."""

from typing import IO, Any

import click

from bluey_data.errors import BlueyError


class Failure(click.ClickException):
    """An error in words for the user."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.message}", file=file, err=file is None)


class Misuse(Failure):
    """The command line itself was wrong."""

    exit_code = 2


def of(error: Exception) -> Failure | None:
    """The failure to show for `error`, or None for one that nobody foresaw."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BlueyError):
        return Failure(str(error))
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return None  # click shows the help
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "bluey-admin"
        message = error.format_message().replace("\n", " ").rstrip(".")
        return Misuse(f"{message}; see `{path} --help`")
    if isinstance(error, click.ClickException):
        return Failure(error.format_message())
    return None
