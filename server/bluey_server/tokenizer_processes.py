"""All tokenizers on this machine: a process for each that is in use, shared by the bases that have
the same one, and let go when nobody has used it for long."""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from bluey_adapters.bases import OpenBase
from bluey_adapters.errors import BaseError
from bluey_adapters.home import Home
from bluey_adapters.vocabulary import Vocabulary, kept_vocabulary, tokenizer_digest
from bluey_server.child_watch import WatchLimits
from bluey_server.tokenizer_process import TokenizerProcess, TokenizerSpec
from bluey_server.tokenizer_protocol import TokenizerStatus
from bluey_server.tokenizing.messages import Encoded

log = logging.getLogger(__name__)

_MOST = 4  # processes that stay though nobody waits for them; a large one takes 350 MB
_IDLE = 30 * 60.0  # seconds without a text, after which a process ends; as engines do


class TokenizerProcesses:
    """The TokenizerProtocol, answered by processes."""

    def __init__(
        self,
        home: Home,
        *,
        log_level: str = "info",
        log_format: str = "text",
        most: int = _MOST,
        idle: float = _IDLE,
        limits: WatchLimits | None = None,
    ) -> None:
        """Starts nothing. `most` and `idle` say which unused processes end, `limits` which of those
        that should speak and don't."""
        self._cache = home.cache
        self._log_level = log_level
        self._log_format = log_format
        self._most = most
        self._idle = idle
        self._limits = limits or WatchLimits()
        self._processes: dict[str, TokenizerProcess] = {}  # by the digest of the tokenizer.json
        self._vocabularies: WeakValueDictionary[str, Vocabulary] = WeakValueDictionary()
        self._watching: asyncio.Task[None] | None = None

    async def vocabulary(self, folder: Path) -> Vocabulary:
        """See TokenizerProtocol."""
        digest = await asyncio.to_thread(tokenizer_digest, folder)
        found = self._vocabularies.get(digest) or await self._kept(digest)
        if found is None:
            # The process was asked when nothing was kept: it keeps what it makes, or sends it.
            found = await self._process(digest, folder).load() or await self._kept(digest)
        if found is None:
            raise BaseError(f"the vocabulary of {folder} could not be read from {self._cache}")
        return self._vocabularies.setdefault(digest, found)

    async def preload(self, base: OpenBase) -> None:
        """See TokenizerProtocol."""
        await self._process(base.vocabulary.digest, base.facts.folder).load()

    async def encode(
        self,
        base: OpenBase,
        text: str,
        *,
        special: bool = False,
        borders: Sequence[int] = (),
        starts: bool = False,
    ) -> Encoded:
        """See TokenizerProtocol."""
        process = self._process(base.vocabulary.digest, base.facts.folder)
        return await process.encode(text, special=special, borders=list(borders), starts=starts)

    def status(self) -> list[TokenizerStatus]:
        """See TokenizerProtocol."""
        return [process.status() for process in self._processes.values() if process.live]

    async def close(self) -> None:
        """See TokenizerProtocol."""
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(process.stop() for process in self._processes.values()))

    def _process(self, digest: str, folder: Path) -> TokenizerProcess:
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        process = self._processes.get(digest)
        if process is None:
            spec = TokenizerSpec(digest, folder, self._cache, self._log_level, self._log_format)
            process = self._processes[digest] = TokenizerProcess(spec, self._limits)
        return process

    async def _kept(self, digest: str) -> Vocabulary | None:
        return await asyncio.to_thread(kept_vocabulary, self._cache, digest)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._limits.every)
            for process in self._processes.values():
                process.look()
            for digest in self._unused():
                if not self._processes[digest].busy:  # it may be by now
                    log.info("the tokenizer %s is let go", digest[:12])
                    await self._processes.pop(digest).stop()

    def _unused(self) -> list[str]:
        """Digests of the processes that should end."""
        idle = sorted(
            (process.last_used, digest)
            for digest, process in self._processes.items()
            if not process.busy
        )
        surplus = max(len(self._processes) - self._most, 0)
        now = time.monotonic()
        return [
            digest
            for place, (last_used, digest) in enumerate(idle)
            if place < surplus or now - last_used > self._idle
        ]
