"""Real tokenizers in the test's own process, behind TokenizerProtocol: no process to start."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bluey_adapters.bases import OpenBase
from bluey_adapters.tokenizer import Tokenizer
from bluey_adapters.vocabulary import Vocabulary
from bluey_server.tokenizer_protocol import TokenizerStatus
from bluey_server.tokenizing.encoder import Encoder
from bluey_server.tokenizing.messages import Encode, Encoded


class LocalTokenizers:
    """Encodes in threads."""

    async def vocabulary(self, folder: Path) -> Vocabulary:
        return await asyncio.to_thread(lambda: Tokenizer.load(folder).vocabulary())

    async def preload(self, base: OpenBase) -> None:
        assert await asyncio.to_thread(lambda: base.tokenizer)

    async def encode(
        self,
        base: OpenBase,
        text: str,
        *,
        special: bool = False,
        borders: Sequence[int] = (),
        starts: bool = False,
    ) -> Encoded:
        asked = Encode(id=0, text=text, special=special, borders=list(borders), starts=starts)
        return await asyncio.to_thread(lambda: Encoder(base.tokenizer).encode(asked))

    def status(self) -> list[TokenizerStatus]:
        return []

    async def close(self) -> None:
        pass
