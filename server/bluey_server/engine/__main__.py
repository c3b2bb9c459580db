"""`python -m bluey_server.engine`: one engine process, started by the HTTP process alone."""

import argparse
import logging
import queue
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from bluey_adapters.mlx_setup import prepare_mlx
from bluey_adapters.model_folder import read_facts
from bluey_adapters.store import LocalStore
from bluey_server.engine.engine import Engine, Inbound
from bluey_server.engine.link import EngineLink
from bluey_server.engine.loader import AdapterLoader
from bluey_server.logs import configure_logging
from bluey_server.messages import EngineStatus, Fatal, Ready

log = logging.getLogger("bluey.engine")

_STATUS_EVERY = 0.25  # seconds


def main() -> None:
    """Load a base, then serve it until told to end or the parent is gone."""
    arguments = _parse()
    configure_logging(arguments.log_level, arguments.log_format)
    # Ctrl-C reaches the whole terminal's group; the parent decides when engines end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=arguments.fd)
    inbox: queue.SimpleQueue[Inbound] = queue.SimpleQueue()
    status: list[EngineStatus | None] = [None]  # replaced whole, so another thread may read it
    link = EngineLink(connection, deliver=inbox.put, status=lambda: status[0])
    try:
        _serve(arguments, inbox, link, status)
    except Exception as error:
        log.exception("the engine can't go on")
        link.send(Fatal(f"{type(error).__name__}: {error}"))
        link.close()
        sys.exit(1)
    link.close()


def _serve(
    arguments: argparse.Namespace,
    inbox: "queue.SimpleQueue[Inbound]",
    link: EngineLink,
    status: list[EngineStatus | None],
) -> None:
    blas = prepare_mlx(arguments.cache)  # before anything imports MLX
    from bluey_server.engine.backend import MAX_ROWS, Backend
    from bluey_server.engine.compiler import GrammarCompiler
    from bluey_server.engine.grammar import Grammars

    facts = read_facts(arguments.model)
    grammars = Grammars(arguments.model / "tokenizer.json", facts.logits or 0, facts.eos_ids)
    # Beside the loading of weights, which lets go of the interpreter at times; this doesn't.
    preparing = threading.Thread(target=grammars.prepare, name="grammars", daemon=True)
    preparing.start()
    backend = Backend(arguments.model, memory=arguments.memory)
    preparing.join()
    grammars.fit(backend.vocabulary)
    grammars.prepare()
    loader = AdapterLoader(LocalStore(arguments.store), arguments.fingerprint, inbox.put)
    engine = Engine(
        backend,
        slots=arguments.slots,
        max_rows=MAX_ROWS,
        fetch=loader.fetch,
        compile=GrammarCompiler(grammars, inbox.put).compile,
        send=link.send,
    )
    link.send(
        Ready(device=backend.device, blas=blas.kind, load_seconds=round(backend.load_seconds, 3))
    )
    status[0] = engine.status()
    due = 0.0
    while not engine.closing:
        if engine.idle:
            engine.receive(inbox.get())
        while not inbox.empty():
            engine.receive(inbox.get())
        engine.step()
        if engine.idle or time.monotonic() >= due:  # it is sent once a second; no need to hurry
            status[0] = engine.status()
            due = time.monotonic() + _STATUS_EVERY
    backend.close()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bluey_server.engine")
    parser.add_argument("--fd", type=int, required=True, help="the inherited end of the socketpair")
    parser.add_argument("--model", type=Path, required=True, help="the base's folder")
    parser.add_argument("--fingerprint", required=True, help="of the base's weights and tokenizer")
    parser.add_argument("--store", type=Path, required=True, help="the store of adapters")
    parser.add_argument("--cache", type=Path, required=True, help="BLUEY_HOME/cache")
    parser.add_argument("--slots", type=int, required=True, help="adapters resident at once")
    parser.add_argument("--memory", type=int, required=True, help="bytes that MLX may use")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="text")
    return parser.parse_args()


if __name__ == "__main__":
    main()
