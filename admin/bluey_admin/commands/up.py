"""`bluey-admin up`: the whole of bluey in one terminal, and gone when it closes."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bluey_adapters.admin_key import find_admin_key
from bluey_adapters.home import Home, find_home
from bluey_adapters.registry import Registry
from bluey_adapters.server_file import ServerFile, find_running_server
from bluey_adapters.settings import DEFAULT_HOST, DEFAULT_PORT
from bluey_admin.client import Client
from bluey_admin.failures import Failure
from bluey_admin.first_character import ADAPTER, BASE, FirstCharacter, is_missing
from bluey_admin.server_process import REFUSAL, ServerProcess
from bluey_admin.terminal import err, out

_QUESTION = "What should we play today?"
_SAMPLING = {"temperature": 0.7, "top_p": 0.95, "max_tokens": 120, "seed": 7}
_LOOK = 0.2  # seconds between looks at the server
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--host", default=DEFAULT_HOST, envvar="BLUEY_HOST", show_default=True)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    envvar="BLUEY_PORT",
    show_default=True,
    help="0 takes any that is free.",
)
@click.option("--api-key", envvar="BLUEY_API_KEY", metavar="KEY", help="Ask this of every client.")
@click.option("--insecure", is_flag=True, help="Let others than this machine in without a key.")
@click.option(
    "--preload",
    multiple=True,
    default=(BASE,),
    show_default=True,
    metavar="NAME",
    help="Load this model at the start. May be given several times.",
)
@click.option("--log-level", metavar="LEVEL", help="How much the server writes: info, warning, …")
def command(
    host: str,
    port: int,
    api_key: str | None,
    insecure: bool,
    preload: tuple[str, ...],
    log_level: str | None,
) -> None:
    """Start the server and, in a new home, train a first character.

    Serves until Ctrl-C. Other settings of `bluey-server` can be made in BLUEY_HOME/config.toml.
    """
    home = find_home().make()
    if (running := find_running_server(home)) is not None:
        raise Failure(
            f"a server for this home runs already, at {running.url} (process {running.pid}); "
            "stop that one first, or point BLUEY_HOME at another folder"
        )
    arguments = ["--host", host, "--port", str(port)]
    if insecure:
        arguments.append("--insecure")
    for name in preload:
        arguments += ["--preload", name]
    if log_level is not None:
        arguments += ["--log-level", log_level]
    with _signals_heeded():
        _serve(home, arguments, api_key)


def _serve(home: Home, arguments: Sequence[str], api_key: str | None) -> None:
    console = err()
    server = ServerProcess(home, arguments, api_key, lambda line: _relay(console, line))
    character: FirstCharacter | None = None
    try:
        where = server.wait_until_up()
        _welcome(console, where, needs_key=bool(api_key) or _has_keys(home))
        if is_missing(home):
            console.print(f"\nThis home has no {ADAPTER} yet: training it on the base `{BASE}`.")
            character = FirstCharacter(home, console)
            _watch(server, character)
            _introduce(console, where, api_key or find_admin_key(home), character)
        console.print(f"\nserving at {where.url} … Ctrl-C to stop", soft_wrap=True)
        _watch(server)
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        # We are ending already; an impatient Ctrl-C must not leave a process behind.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if character is not None:
            character.stop()
        server.stop()


def _watch(server: ServerProcess, character: FirstCharacter | None = None) -> None:
    """Return once the character's training is over; without one, never.

    Raises Failure when the server ends, which it should not.
    """
    while not server.ended(_LOOK):
        if character is not None and character.over.is_set():
            return
    raise Failure(f"the server ended by itself: {server.last_words()}")


def _has_keys(home: Home) -> bool:
    with Registry(home) as registry:
        return bool(registry.keys.all())


def _welcome(console: Console, where: ServerFile, *, needs_key: bool) -> None:
    key = 'os.environ["BLUEY_API_KEY"]' if needs_key else '"any"'
    message = '{"role": "user", "content": "Hello!"}'
    console.print(f"bluey answers at {where.url}/v1, for any OpenAI client:\n", soft_wrap=True)
    for line in (
        "from openai import OpenAI",
        f'client = OpenAI(base_url="{where.url}/v1", api_key={key})',
        f'print(client.chat.completions.create(model="{BASE}", messages=[{message}])'
        ".choices[0].message.content)",
    ):
        console.print(f"    {line}", markup=False, soft_wrap=True)


def _introduce(
    console: Console, where: ServerFile, key: str | None, character: FirstCharacter
) -> None:
    """The same question, answered by the base and by the character."""
    if character.failure is not None:
        console.print(
            f"{ADAPTER} could not be trained: {escape(character.failure)}\n"
            f"`bluey-admin train {BASE}` tries again; the server serves on",
            soft_wrap=True,
        )
        return
    models = (BASE, ADAPTER)
    try:
        with Client(where.url, key) as client:
            answers = [_ask(client, model) for model in models]
    except Failure as failure:
        console.print(f"{ADAPTER} is trained, but did not answer: {escape(str(failure))}")
        return
    _side_by_side(out(), models, answers)
    console.print(f'\nThe model name is all that differs: model="{BASE}", model="{ADAPTER}"')


def _ask(client: Client, model: str) -> str:
    turn = [{"role": "user", "content": _QUESTION}]
    return " ".join("".join(client.chat(model, turn, **_SAMPLING)).split())


def _side_by_side(console: Console, models: Sequence[str], answers: Sequence[str]) -> None:
    console.print(f"\n{_QUESTION}\n")
    if not console.is_terminal:
        for model, answer in zip(models, answers, strict=True):
            console.print(f"{model}: {escape(answer)}", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for model in models:
        table.add_column(model, ratio=1, header_style="bold")
    table.add_row(*map(escape, answers))
    console.print(table)


def _relay(console: Console, line: str) -> None:
    # A refusal to start is told by us, as the failure it is.
    if not line.startswith(REFUSAL):
        console.print(line, markup=False, style="dim", soft_wrap=True)


@contextmanager
def _signals_heeded() -> Iterator[None]:
    """End alike whether by Ctrl-C, `kill` or a closed terminal."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
