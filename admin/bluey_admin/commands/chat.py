"""`bluey-admin chat`: a conversation in the terminal, or through a pipe."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from bluey_adapters.home import Home, find_home
from bluey_adapters.registry import Registry
from bluey_adapters.server_file import find_running_server
from bluey_admin.client import Client
from bluey_admin.connection import server_of
from bluey_admin.conversation import Conversation
from bluey_admin.failures import Failure
from bluey_admin.terminal import say

_HELP = """\
/model NAME   let another model answer, in the same conversation
/reset        forget what was said
/quit         end (as Ctrl-D does); Ctrl-C stops an answer"""


@click.command()
@click.argument("model")
@click.option("--system", metavar="TEXT", help="A system message to begin with.")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="X", help="0 is greedy.")
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="An answer's length.")
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same answer.")
@click.option("--api-key", envvar="BLUEY_API_KEY", metavar="KEY", help="The server's key, if any.")
def command(
    model: str,
    system: str | None,
    temperature: float | None,
    max_tokens: int | None,
    seed: int | None,
    api_key: str | None,
) -> None:
    """Talk with a model in the terminal.

    MODEL is `it`, `pt`, another base, an adapter's name, or one version of it (NAME@2). A running
    server of this home answers; without one, one is started for the time of the chat. Type /help
    for what can be said besides. With its input from a pipe, each line is a turn.
    """
    with _connection(find_home(), model, api_key) as client:
        client.check_model(model)
        conversation = Conversation(
            client,
            model,
            system=system,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
        )
        if sys.stdin.isatty():
            _talk(conversation)
        else:
            _work_off(conversation)


def _talk(conversation: Conversation) -> None:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  gives input() its editing keys
    say(f"Talking with {conversation.model}. /help for commands, Ctrl-D to end.")
    while True:
        try:
            line = input(f"\nyou → {conversation.model}: ")
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            say("\nCtrl-D or /quit ends")
            continue
        try:
            if not _turn(conversation, line):
                return
        except Failure as failure:
            failure.show()


def _work_off(conversation: Conversation) -> None:
    """Each line of standard input is a turn; exits 1 at the end if one of them failed."""
    failed = 0
    for line in sys.stdin:
        try:
            if not _turn(conversation, line):
                break
        except Failure as failure:
            failed += 1
            failure.show()
    if failed:
        sys.exit(1)


def _turn(conversation: Conversation, line: str) -> bool:
    """Do what a line says; False ends the chat. Raises Failure."""
    command, _, argument = line.strip().partition(" ")
    match command:
        case "":
            pass
        case "/quit" | "/exit":
            return False
        case "/help":
            say(_HELP)
        case "/reset":
            conversation.reset()
            say("everything said is forgotten")
        case "/model":
            if not argument.strip():
                raise Failure("say which: /model NAME")
            conversation.swap(argument.strip())
            say(f"{conversation.model} answers from now on")
        case _ if command.startswith("/"):
            raise Failure(f"there is no command {command}; /help lists them")
        case _:
            _answer(conversation, line.strip())
    return True


def _answer(conversation: Conversation, text: str) -> None:
    wrote = False
    try:
        with closing(conversation.ask(text)) as pieces:
            for piece in pieces:
                click.echo(piece, nl=False)
                wrote = True
    except KeyboardInterrupt:
        if not sys.stdin.isatty():
            raise
        click.echo(" …", nl=False)
        wrote = True
    finally:
        if wrote:
            click.echo()


@contextmanager
def _connection(home: Home, model: str, api_key: str | None) -> Iterator[Client]:
    if find_running_server(home) is None:
        with Registry(home) as registry:
            registry.catalog().resolve(model)  # rather now than after the seconds of a start
    with (
        server_of(home, api_key, meanwhile="this chat") as server,
        Client(server.url, server.key) as client,
    ):
        yield client
