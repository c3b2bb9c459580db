"""Base models: registered names for weights, and what is needed to talk with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from bluey_adapters import hub
from bluey_adapters.chat_template import ChatMessage, render_chat
from bluey_adapters.errors import BaseError, NoChatTemplate
from bluey_adapters.model_folder import (
    ModelFacts,
    end_of_turn_tokens,
    read_facts,
)
from bluey_adapters.tokenizer import Tokenizer
from bluey_adapters.vocabulary import Vocabulary
from bluey_data.catalog import embedded_model, gemma_chat_template


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A registered base. `source` is `embedded:NAME`, `hub:OWNER/REPO` or `path:/FOLDER`."""

    name: str
    source: str
    chat_template: str | None = None  # for a base whose own files carry none, or another one
    fingerprint: str | None = None  # known once the weights have been read
    signature: str | None = None  # of the files that the fingerprint was taken from
    created_at: float = 0.0

    def locate(self) -> Path:
        """The folder of its files. Raises BaseError, saying how to get them, if there is none."""
        kind, _, where = self.source.partition(":")
        match kind:
            case "embedded":
                folder = embedded_model(where)
                if not folder.is_dir():
                    raise BaseError(
                        f"the embedded model {where} is not there; `make models` makes it"
                    )
                return folder
            case "hub":
                found = hub.find(where)
                if found is None:
                    raise BaseError(
                        f"the base {self.name} ({where}) is not on this machine yet; "
                        f"`bluey-admin bases pull {self.name}` fetches it"
                    )
                return found
            case "path":
                return Path(where)
            case _:
                raise BaseError(
                    f"the base {self.name} has a source of no known kind: {self.source}"
                )


@dataclass(frozen=True)
class OpenBase:
    """A base whose files have been read: all that turning messages into ids and back needs."""

    base: Base
    facts: ModelFacts
    vocabulary: Vocabulary
    fingerprint: str

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, in this process. Loading a large one holds the interpreter's lock for a
        second or more, so the server has others load it (bluey_server/tokenizing)."""
        return Tokenizer.load(self.facts.folder)

    @property
    def chat_template(self) -> str | None:
        """The record's template, or else the files' own."""
        return self.base.chat_template or self.facts.chat_template

    @property
    def vocabulary_size(self) -> int:
        """Ids that the model knows, from 0 on. A tokenizer may know more (an image's, say) or
        fewer (the model's width is padded): one beyond the model's is read from beside its arrays.
        """
        return self.facts.logits or self.vocabulary.size

    def require_template(self) -> str:
        """The chat template. Raises NoChatTemplate, naming the flag, if there is none."""
        if self.chat_template is None:
            raise NoChatTemplate(
                f"the base {self.base.name} has no chat template, so it can't take messages; give "
                f"it one with `bluey-admin bases add {self.base.name} --chat-template FILE`"
            )
        return self.chat_template

    def end_ids(self, template: str | None) -> tuple[int, ...]:
        """Ids that end a turn: the model's own, and those by which `template` ends turns."""
        written = (self.vocabulary.token_id(token) for token in end_of_turn_tokens(template or ""))
        return tuple(dict.fromkeys([*self.facts.eos_ids, *(i for i in written if i is not None)]))

    def encode_chat(
        self,
        messages: Sequence[ChatMessage],
        *,
        template: str | None = None,
        add_generation_prompt: bool = True,
        extra: dict[str, object] | None = None,
    ) -> list[int]:
        """Token ids of a conversation, written down by `template` or else the base's own.

        Raises NoChatTemplate, or TemplateRefused with the template's words.
        """
        text = self.write_chat(
            messages, template=template, add_generation_prompt=add_generation_prompt, extra=extra
        )
        return self.tokenizer.encode(text, special=False)

    def write_chat(
        self,
        messages: Sequence[ChatMessage],
        *,
        template: str | None = None,
        add_generation_prompt: bool = True,
        extra: dict[str, object] | None = None,
    ) -> str:
        """The text that `encode_chat` encodes, special tokens in it. Raises like it."""
        return render_chat(
            template or self.require_template(),
            messages,
            special_tokens=self.facts.special_tokens,
            add_generation_prompt=add_generation_prompt,
            extra=extra,
        )


def open_base(base: Base, fingerprint: str, vocabulary: Vocabulary | None = None) -> OpenBase:
    """Read a base's small files. Without its `vocabulary`, that is read from the tokenizer, which
    is then loaded (seconds for one as large as Gemma's)."""
    facts = read_facts(base.locate())
    if vocabulary is not None:
        return OpenBase(base, facts, vocabulary, fingerprint)
    tokenizer = Tokenizer.load(facts.folder)
    opened = OpenBase(base, facts, tokenizer.vocabulary(), fingerprint)
    opened.__dict__["tokenizer"] = tokenizer
    return opened


def known_bases() -> list[Base]:
    """The bases that a new home knows: the embedded pair, and the pair the project grew from."""
    gemma = gemma_chat_template()
    return [
        Base(name="tiny-it", source="embedded:tiny-it"),
        Base(name="tiny-pt", source="embedded:tiny-pt", chat_template=gemma),
        Base(name="gemma-3-1b-it", source="hub:google/gemma-3-1b-it"),
        Base(name="gemma-3-1b-pt", source="hub:google/gemma-3-1b-pt", chat_template=gemma),
    ]
