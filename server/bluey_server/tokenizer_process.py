"""One tokenizer's process, seen from the HTTP process: started when a text is to be encoded, and
again when it has died."""

import asyncio
import itertools
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from bluey_adapters.errors import BaseError
from bluey_adapters.vocabulary import Vocabulary
from bluey_server.child_process import ChildProcess, python_module
from bluey_server.child_watch import ChildWatch, Verdict, WatchLimits
from bluey_server.tokenizer_protocol import TokenizerDied, TokenizerStatus, UnencodableText
from bluey_server.tokenizing.messages import (
    Encode,
    Encoded,
    EncodeFailed,
    FromTokenizer,
    Loaded,
    LoadFailed,
    read_from_tokenizer,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenizerSpec:
    """All that a tokenizer process is told when it starts."""

    digest: str  # of the tokenizer.json
    folder: Path  # which holds it
    cache: Path
    log_level: str
    log_format: str

    def command(self, descriptor: int) -> list[str]:
        """The command line of a process whose end of the link is `descriptor`."""
        return python_module(
            "bluey_server.tokenizing",
            {
                "fd": descriptor,
                "folder": self.folder,
                "digest": self.digest,
                "cache": self.cache,
                "log-level": self.log_level,
                "log-format": self.log_format,
            },
        )


class TokenizerProcess:
    """The process of one tokenizer, or the next one."""

    def __init__(self, spec: TokenizerSpec, limits: WatchLimits) -> None:
        """Starts nothing. `limits` say when a process that says nothing is ended."""
        self._spec = spec
        self._limits = limits
        self._watch = ChildWatch(limits, time.monotonic())
        self._ended: str | None = None  # why the watch has ended the process, if it did
        self._numbers = itertools.count(1)
        self._process: ChildProcess[FromTokenizer] | None = None
        self._loading: asyncio.Future[Vocabulary | None] | None = None
        self._waiting: dict[int, asyncio.Future[Encoded]] = {}
        self._closed = False
        self.last_used = time.monotonic()

    @property
    def live(self) -> bool:
        """Whether there is a process, or will presently be one."""
        return self._loading is not None

    @property
    def busy(self) -> bool:
        """Whether anybody waits for it."""
        return bool(self._waiting) or (self._loading is not None and not self._loading.done())

    async def load(self) -> Vocabulary | None:
        """Start it if need be, and wait until it has loaded; its vocabulary, unless that was kept
        in the cache before. Raises BaseError when the tokenizer can't be loaded."""
        self.last_used = time.monotonic()
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_future()
            self._loading.add_done_callback(_heard)
            await self._start(self._loading)
        # Shielded: others wait for the same process when this client hangs up.
        return await asyncio.shield(self._loading)

    async def encode(
        self, text: str, *, special: bool, borders: list[int], starts: bool
    ) -> Encoded:
        """See TokenizerProtocol.encode. A process that dies is tried once more: it may not have
        been this text's fault."""
        for last_try in (False, True):
            try:
                await self.load()
                return await self._encode(text, special=special, borders=borders, starts=starts)
            except TokenizerDied:
                if last_try:
                    raise
        raise AssertionError("the last try returns or raises")

    def look(self) -> None:
        """Look at the process from outside, and end one that hangs. Called every `limits.every`
        seconds."""
        now = time.monotonic()
        if self._process is None or not self.busy:
            self._watch.heard(now, ready=True)  # nobody waits for a word of it
            return
        verdict = self._watch.look(now, self._process.activity())
        if verdict in (Verdict.HUNG, Verdict.LOOPS):
            silence = self._watch.silence(now)
            self._ended = f"was ended: it {verdict} ({silence:.0f} s without a word)"
            self._process.kill()

    async def stop(self) -> None:
        """End the process; the next text starts another."""
        process = self._process
        self._reset("it was stopped")
        if process is not None:
            await process.stop()

    def status(self) -> TokenizerStatus:
        """What /admin/status shows."""
        pid = None if self._process is None else self._process.pid
        return TokenizerStatus(tokenizer=self._spec.digest, pid=pid, waiting=len(self._waiting))

    async def _start(self, loading: asyncio.Future[Vocabulary | None]) -> None:
        started: list[ChildProcess[FromTokenizer]] = []

        def gone(how: str) -> None:
            if self._process is started[0]:  # else it was stopped, or never got so far
                why, self._ended = self._ended or how, None
                log.error("the tokenizer process of %s %s", self._spec.folder.name, why)
                self._reset(why)

        try:
            process = await ChildProcess.launch(
                self._spec.command,
                read=read_from_tokenizer,
                receive=self._receive,
                gone=gone,
                # Its parallelism is ours to choose: one thread a text.
                environment={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
            )
        except OSError as error:
            self._loading = None
            loading.set_exception(TokenizerDied(f"no process could be started: {error}"))
            return
        started.append(process)
        if self._loading is loading:
            self._process = process
            self._watch = ChildWatch(self._limits, time.monotonic())
        else:
            await process.stop()  # stopped while it was being started

    async def _encode(
        self, text: str, *, special: bool, borders: list[int], starts: bool
    ) -> Encoded:
        if self._process is None:
            raise TokenizerDied("the tokenizer process has ended")
        number = next(self._numbers)
        answer: asyncio.Future[Encoded] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._process.send(
                Encode(id=number, text=text, special=special, borders=borders, starts=starts)
            )
            return await answer
        except UnicodeEncodeError:
            raise UnencodableText(
                "a text holds half of a surrogate pair, which is no character"
            ) from None
        finally:
            self._waiting.pop(number, None)
            self.last_used = time.monotonic()

    def _receive(self, message: FromTokenizer) -> None:
        self._watch.heard(time.monotonic(), ready=True)
        match message:
            case Loaded(vocabulary=vocabulary):
                if self._loading is not None and not self._loading.done():
                    self._loading.set_result(vocabulary)
            case LoadFailed(message=why):
                if self._loading is not None and not self._loading.done():
                    self._loading.set_exception(BaseError(why))
                self._loading = self._process = None
            case Encoded(id=number):
                if (answer := self._waiting.get(number)) is not None and not answer.done():
                    answer.set_result(message)
            case EncodeFailed(id=number, message=why):
                if (answer := self._waiting.get(number)) is not None and not answer.done():
                    answer.set_exception(TokenizerDied(f"a text could not be encoded: {why}"))
            case _:
                assert_never(message)

    def _reset(self, how: str) -> None:
        """There is no process any more: tell those who wait."""
        died = TokenizerDied(f"the tokenizer process has ended: {how}")
        loading, self._loading, self._process = self._loading, None, None
        if loading is not None and not loading.done():
            loading.set_exception(died)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(died)


def _heard(loading: asyncio.Future[Vocabulary | None]) -> None:
    """Let asyncio know that a failure to load was heard of, even when all who waited hung up."""
    if not loading.cancelled():
        loading.exception()
