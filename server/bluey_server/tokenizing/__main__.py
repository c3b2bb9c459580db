"""`python -m bluey_server.tokenizing`: one tokenizer process, started by the HTTP process alone."""

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from bluey_adapters.errors import BaseError
from bluey_adapters.tokenizer import Tokenizer
from bluey_adapters.vocabulary import Vocabulary, keep_vocabulary, kept_vocabulary
from bluey_server.logs import configure_logging
from bluey_server.tokenizing.encoder import Encoder
from bluey_server.tokenizing.messages import (
    Encode,
    EncodeFailed,
    Loaded,
    LoadFailed,
    read_encode,
)
from bluey_server.wire import LENGTH_BYTES, body_length, frame

log = logging.getLogger("bluey.tokenizer")

_LONG = 200_000  # characters; longer texts have a thread of their own, so that short ones pass them


def main() -> None:
    """Load a tokenizer, then encode until the parent is gone."""
    arguments = _parse()
    configure_logging(arguments.log_level, arguments.log_format)
    # Ctrl-C reaches the whole terminal's group; the parent decides when its children end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link = _Link(socket.socket(fileno=arguments.fd))
    try:
        tokenizer = Tokenizer.load(arguments.folder)
        link.send(Loaded(_vocabulary(tokenizer, arguments.cache, arguments.digest)))
    except BaseError as error:
        link.send(LoadFailed(str(error)))
        sys.exit(1)
    encoder = Encoder(tokenizer)
    short, long = ThreadPoolExecutor(2), ThreadPoolExecutor(1)
    while (asked := link.read()) is not None:
        lane = long if len(asked.text) > _LONG else short
        lane.submit(_answer, link, encoder, asked)
    os._exit(0)  # the parent is gone: nobody is left to hear of what is still being encoded


class _Link:
    """This end of the socketpair."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._sending = threading.Lock()

    def read(self) -> Encode | None:
        """The next message; None at the end."""
        try:
            head = self._stream.read(LENGTH_BYTES)
            if len(head) < LENGTH_BYTES:
                return None
            return read_encode(self._stream.read(body_length(head)))
        except (OSError, msgspec.MsgspecError):
            return None

    def send(self, message: msgspec.Struct) -> None:
        """Send a message, from any thread. No-op once the parent is gone."""
        # What `send` is told of the end, `read` is told too, and ends the process.
        with self._sending, contextlib.suppress(OSError):
            self._connection.sendall(frame(message))


def _answer(link: _Link, encoder: Encoder, asked: Encode) -> None:
    try:
        link.send(encoder.encode(asked))
    except Exception as error:
        log.exception("a text of %d characters could not be encoded", len(asked.text))
        link.send(EncodeFailed(asked.id, f"{type(error).__name__}: {error}"))


def _vocabulary(tokenizer: Tokenizer, cache: Path, digest: str) -> Vocabulary | None:
    """The vocabulary for the parent, which has it where it was kept; else it is from now on."""
    if kept_vocabulary(cache, digest) is not None:
        return None
    vocabulary = tokenizer.vocabulary()
    try:
        keep_vocabulary(cache, vocabulary)
    except OSError as error:
        log.warning("the vocabulary can't be kept in %s: %s", cache, error)
    return vocabulary


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bluey_server.tokenizing")
    parser.add_argument("--fd", type=int, required=True, help="the inherited end of the socketpair")
    parser.add_argument("--folder", type=Path, required=True, help="with tokenizer.json")
    parser.add_argument("--digest", required=True, help="sha256 of the tokenizer.json")
    parser.add_argument("--cache", type=Path, required=True, help="BLUEY_HOME/cache")
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="text")
    return parser.parse_args()


if __name__ == "__main__":
    main()
