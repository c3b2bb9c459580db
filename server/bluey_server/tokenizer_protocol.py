"""The one thing that the HTTP layer knows of tokenizers: this Protocol.

`TokenizerProcesses` answers it with processes; tests answer it in their own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from bluey_adapters.bases import OpenBase
from bluey_adapters.vocabulary import Vocabulary
from bluey_data.errors import BlueyError
from bluey_server.tokenizing.messages import Encoded


class TokenizerDied(BlueyError):
    """The process that was to encode a text is gone, and so was the one after it."""


class UnencodableText(BlueyError):
    """A text holds what no tokenizer can encode: half of a surrogate pair."""


class TokenizerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One tokenizer, as /admin/status shows it."""

    tokenizer: str  # sha256, hex, of its tokenizer.json
    pid: int | None  # None: it is loading
    waiting: int  # texts that are being encoded, or wait for their turn


class TokenizerProtocol(Protocol):
    """Text to token ids, for every base."""

    async def vocabulary(self, folder: Path) -> Vocabulary:
        """What the ids of the tokenizer in a model folder stand for. Raises BaseError."""
        ...

    async def preload(self, base: OpenBase) -> None:
        """Load the tokenizer of a base, so that the first text need not wait for it. Raises
        BaseError, TokenizerDied."""
        ...

    async def encode(
        self,
        base: OpenBase,
        text: str,
        *,
        special: bool = False,
        borders: Sequence[int] = (),
        starts: bool = False,
    ) -> Encoded:
        """Token ids of a text, of which the tokenizer knows the special tokens. `special` adds what
        it puts around a text (a <bos>). For each of `borders`, places in the text in characters,
        the tokens before it are counted; `starts` asks for the place of every token.

        Raises BaseError, UnencodableText, TokenizerDied.
        """
        ...

    def status(self) -> list[TokenizerStatus]:
        """Every tokenizer that is loaded or being loaded."""
        ...

    async def close(self) -> None:
        """Let all of them go."""
        ...
