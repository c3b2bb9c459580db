"""`bluey-server`: the command line of the HTTP process.

Heavy imports wait until the flags are known to be right and the port to be free.
"""

import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from bluey_adapters.admin_key import servers_admin_key
from bluey_adapters.errors import UnknownName
from bluey_adapters.home import find_home
from bluey_adapters.lifeline import on_parent_gone
from bluey_adapters.server_file import (
    ServerFile,
    only_server,
    refuse_second,
    remove_server_file,
    write_server_file,
)
from bluey_adapters.settings import DEFAULT_HOST, DEFAULT_PORT, read_config
from bluey_data.errors import BlueyError
from bluey_server.http.access import is_loopback
from bluey_server.http.listening import bind, url_of
from bluey_server.http.version import version
from bluey_server.logs import FORMATS, LEVELS, configure_logging

if TYPE_CHECKING:
    from bluey_server.http.registry_thread import RegistryThread

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """Errors written for the user go to them as they are, without a traceback."""
    try:
        yield
    except BlueyError as error:
        raise click.ClickException(str(error)) from None


class _Configured(click.Command):
    """A command whose defaults come from BLUEY_HOME/config.toml, and whose errors are one line."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with _one_line():
            extra.setdefault("default_map", read_config(find_home()))
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line():
            return super().invoke(ctx)


@click.command(cls=_Configured, context_settings={"show_default": True})
@click.option("--host", default=DEFAULT_HOST, envvar="BLUEY_HOST", help="Address to listen on.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    envvar="BLUEY_PORT",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--api-key",
    envvar="BLUEY_API_KEY",
    help="Answer only requests that show this key, or one that `bluey-admin keys` has made.",
)
@click.option(
    "--admin-key",
    envvar="BLUEY_ADMIN_KEY",
    help="What /admin asks for.  [default: made on the first start, in BLUEY_HOME/admin.key]",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Do without a key, though others than this machine can reach --host.",
)
@click.option(
    "--preload",
    multiple=True,
    metavar="NAME",
    help="Load this model at the start. May be given several times.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="HOST",
    help="Another name by which clients may call this server; * for any.",
)
@click.option(
    "--allow-origin",
    multiple=True,
    metavar="ORIGIN",
    help="A web page's origin that may use this server, beside this machine's; * for any.",
)
@click.option(
    "--slots",
    default=32,
    type=click.IntRange(1, 4096),
    metavar="N",
    help="Adapters that each base keeps in memory at once.",
)
@click.option(
    "--memory",
    type=click.FloatRange(0.001, 1e6),
    metavar="GB",
    help="Memory for all bases together, in 10^9 bytes.  [default: 60 % of the machine's]",
)
@click.option(
    "--idle-timeout",
    default=30.0,
    type=click.FloatRange(0),
    metavar="MINUTES",
    help="Unload a base that nobody has asked for so long; 0: never.",
)
@click.option(
    "--max-waiting",
    default=256,
    type=click.IntRange(1),
    metavar="N",
    help="Requests for each base that may wait; the next one is told to come back (429).",
)
@click.option(
    "--request-timeout",
    default=3600.0,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="End a request that takes longer in all; 0: none does.",
)
@click.option("--log-level", default="info", type=click.Choice(LEVELS), help="How much to log.")
@click.option("--log-format", default="text", type=click.Choice(FORMATS), help="How to log.")
@click.option("--lifeline", type=int, hidden=True, help="End when this descriptor does.")
@click.version_option(package_name="bluey", message="%(version)s")
def main(
    host: str,
    port: int,
    api_key: str | None,
    admin_key: str | None,
    insecure: bool,
    preload: tuple[str, ...],
    allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...],
    slots: int,
    memory: float | None,
    idle_timeout: float,
    max_waiting: int,
    request_timeout: float,
    log_level: str,
    log_format: str,
    lifeline: int | None,
) -> None:
    """Serve OpenAI's API; every `model` is a base or a trained adapter."""
    configure_logging(log_level, log_format)
    if api_key is not None and not api_key.strip():
        raise click.ClickException("the API key is empty; leave it out to serve without one")
    if lifeline is not None:
        on_parent_gone(lifeline, lambda: os.kill(os.getpid(), signal.SIGTERM))
    home = find_home()
    refuse_second(home)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(bind(host, port))
        stack.enter_context(only_server(home))

        # Now that the flags are right and the port is ours: what takes half a second to import.
        from bluey_server.engine_pool import EnginePool, PoolSettings
        from bluey_server.http.access import Access
        from bluey_server.http.app import create_app
        from bluey_server.http.registry_thread import RegistryThread
        from bluey_server.http.service import Service, Timings
        from bluey_server.http.serving import Serving
        from bluey_server.tokenizer_processes import TokenizerProcesses

        registry = RegistryThread(home)
        stack.callback(registry.close)
        bound, url = listener.getsockname()[0], url_of(listener)
        has_keys = api_key is not None or bool(registry.call_blocking(lambda own: own.keys.all()))
        if not (has_keys or insecure or is_loopback(bound)):
            raise click.ClickException(_open_to_all(bound))
        access = Access.of(
            api_key=api_key,
            admin_key=servers_admin_key(home, admin_key),
            insecure=insecure,
            bound=bound,
            hosts=allow_host,
            origins=allow_origin,
        )
        _check_names(registry, preload)
        settings = PoolSettings(
            slots=slots,
            max_waiting=max_waiting,
            idle_stop=idle_timeout * 60,
            memory=None if memory is None else int(memory * 1e9),
        )
        engine = EnginePool(home, settings, log_level=log_level, log_format=log_format)
        timings = Timings(request=request_timeout)
        tokenizers = TokenizerProcesses(home, log_level=log_level, log_format=log_format)
        service = Service(engine, tokenizers, registry, timings=timings, preload=preload)

        def announce() -> None:
            write_server_file(home, ServerFile(url, os.getpid(), version()))
            stack.callback(remove_server_file, home)
            click.echo(f"bluey is listening on {url}/v1 (home: {home.root})")
            if not (has_keys or is_loopback(bound)):
                log.warning("no API key: whoever can reach %s may use this server", bound)

        serving = Serving(create_app(service, access), service, announce)
        serving.run([listener])
        if serving.force_exit:
            stack.close()
            os._exit(1)  # threads may still be busy; nobody wants to wait for them


def _open_to_all(bound: str) -> str:
    return (
        f"others than this machine can reach {bound}, and there is no API key; make one with "
        "`bluey-admin keys add NAME` or give one with --api-key, listen on --host 127.0.0.1, "
        "or serve everybody with --insecure"
    )


def _check_names(registry: "RegistryThread", names: tuple[str, ...]) -> None:
    """Refuse to start for a name that means nothing: nobody would ever see it load."""
    catalog = registry.call_blocking(lambda own: own.catalog())
    for name in names:
        try:
            catalog.resolve(name)
        except UnknownName:
            raise click.ClickException(
                f"--preload {name}: there is no model of that name"
            ) from None


if __name__ == "__main__":
    main()
