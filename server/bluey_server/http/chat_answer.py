"""The shapes of chat completions, whole and in chunks.

Keys that must be absent rather than null in some answers are UNSET there.
"""

import hashlib
import time
import uuid

import msgspec
from msgspec import UNSET, UnsetType

from bluey_server.http.chat_request import ChatRequest
from bluey_server.http.prompt import Prompt
from bluey_server.http.version import version


class PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int = 0
    audio_tokens: int = 0


class CompletionDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    """Tokens in and out."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails = PromptDetails()
    completion_tokens_details: CompletionDetails = CompletionDetails()


class Message(msgspec.Struct, frozen=True, kw_only=True):
    role: str = "assistant"
    content: str
    refusal: None = None
    annotations: tuple[()] = ()


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    index: int = 0
    message: Message
    logprobs: None = None
    finish_reason: str


class Delta(msgspec.Struct, frozen=True):
    """What is new. `role` and `refusal` stand in the first of a choice only: clients
    concatenate what they get."""

    role: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: UnsetType | None = UNSET


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    index: int = 0
    delta: Delta
    logprobs: None = None
    finish_reason: str | None = None


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[Choice, ...]
    usage: Usage
    service_tier: str | UnsetType = UNSET


class ChatChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a streamed answer."""

    id: str
    object: str = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[ChunkChoice, ...]
    usage: Usage | UnsetType | None = UNSET  # null until the last, and only when asked for
    service_tier: str | UnsetType = UNSET


class ChatAnswer:
    """Writes the answer to one request: id, time and model are the same in every part."""

    def __init__(self, request: ChatRequest, prompt: Prompt) -> None:
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._model = request.model
        self._fingerprint = system_fingerprint(prompt)
        # Whatever tier was asked for, this is the one there is.
        self._tier: str | UnsetType = UNSET if request.service_tier is None else "default"
        self._prompt_tokens = len(prompt.generation.prompt)
        self._include_usage = request.include_usage
        self.cached_tokens = 0
        """Of the prompt; known once the request has left the queue."""

    def whole(self, text: str, finish_reason: str, completion_tokens: int) -> ChatCompletion:
        """The answer in one piece."""
        return ChatCompletion(
            id=self._id,
            created=self._created,
            model=self._model,
            system_fingerprint=self._fingerprint,
            choices=(Choice(message=Message(content=text), finish_reason=finish_reason),),
            usage=self._usage(completion_tokens),
            service_tier=self._tier,
        )

    def opening(self) -> ChatChunk:
        """The chunk that says who speaks."""
        return self._chunk(ChunkChoice(delta=Delta(role="assistant", content="", refusal=None)))

    def piece(self, text: str) -> ChatChunk:
        """A chunk with text."""
        return self._chunk(ChunkChoice(delta=Delta(content=text)))

    def closing(self, finish_reason: str) -> ChatChunk:
        """The chunk that says why the answer is over."""
        return self._chunk(ChunkChoice(delta=Delta(), finish_reason=finish_reason))

    def usage(self, completion_tokens: int) -> ChatChunk:
        """The last chunk, where usage was asked for."""
        return self._chunk(usage=self._usage(completion_tokens))

    def _chunk(self, *choices: ChunkChoice, usage: Usage | None = None) -> ChatChunk:
        return ChatChunk(
            id=self._id,
            created=self._created,
            model=self._model,
            system_fingerprint=self._fingerprint,
            choices=choices,
            usage=usage if self._include_usage else UNSET,
            service_tier=self._tier,
        )

    def _usage(self, completion_tokens: int) -> Usage:
        return Usage(
            self._prompt_tokens,
            completion_tokens,
            self._prompt_tokens + completion_tokens,
            PromptDetails(self.cached_tokens),
        )


def system_fingerprint(prompt: Prompt) -> str:
    """What equal seeds give equal answers under: weights, adapter and engine."""
    parts = (prompt.model.base.fingerprint, prompt.model.digest or "-", version())
    return "fp_" + hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
