"""The shapes of chat completions, whole and in chunks.

Keys that must be absent rather than null in some answers are UNSET there.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from bluey_server.http.answer.logprobs import ChatLogprobs, chat_logprobs
from bluey_server.http.answer.reply import Answer, Collected, written
from bluey_server.http.answer.text_events import CallArguments, CallBegun
from bluey_server.http.answer.told_tokens import ToldToken
from bluey_server.http.answer.usage import Usage, same_in_every_part, usage
from bluey_server.http.chat.request import ChatRequest
from bluey_server.http.names import Model


class Function(msgspec.Struct, frozen=True):
    """What is called; in streams, what is new of it."""

    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    type: str = "function"
    function: Function


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True):
    """What is new of a call. All but index and arguments stand in its first only: clients
    concatenate what they get."""

    index: int
    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    function: Function


class Message(msgspec.Struct, frozen=True, kw_only=True):
    role: str = "assistant"
    content: str | None
    refusal: None = None
    annotations: tuple[()] = ()
    tool_calls: tuple[ToolCall, ...] | UnsetType = UNSET
    function_call: Function | UnsetType = UNSET


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    index: int = 0
    message: Message
    logprobs: ChatLogprobs | None = None
    finish_reason: str


class Delta(msgspec.Struct, frozen=True):
    """What is new. `role` and `refusal` stand in the first of a choice only: clients
    concatenate what they get."""

    role: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: UnsetType | None = UNSET
    tool_calls: tuple[ToolCallDelta, ...] | UnsetType = UNSET
    function_call: Function | UnsetType = UNSET


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    index: int = 0
    delta: Delta
    logprobs: ChatLogprobs | None = None
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


class ChatAnswer(Answer):
    """Writes the answers to one request: id, time and model are the same in every part."""

    def __init__(self, request: ChatRequest, model: Model, prompt_tokens: int) -> None:
        self._same = same_in_every_part("chatcmpl", request, model)
        self._request = request
        self._vocabulary = model.base.vocabulary
        self._prompt_tokens = prompt_tokens

    async def whole(
        self, answers: Sequence[Collected], completion_tokens: int, cached_tokens: int
    ) -> ChatCompletion:
        """The answer in one piece."""
        return ChatCompletion(
            **self._same,
            choices=await written(self._choice, answers),
            usage=usage(self._prompt_tokens, completion_tokens, cached_tokens),
        )

    def opening(self) -> list[msgspec.Struct]:
        """The chunks that say who speaks, in the choices' order: clients make room for a choice
        at the end of those that they know."""
        delta = Delta(role="assistant", content="", refusal=None)
        return [
            self._chunk(ChunkChoice(index=index, delta=delta)) for index in range(self._request.n)
        ]

    def piece(self, index: int, text: str, told: Sequence[ToldToken]) -> list[msgspec.Struct]:
        """A chunk with text, if there is any, or tokens that make none."""
        if not (text or told):
            return []
        logprobs = self._logprobs(told) if told else None
        return [self._chunk(ChunkChoice(index=index, delta=Delta(content=text), logprobs=logprobs))]

    def call(self, index: int, event: CallBegun | CallArguments) -> list[msgspec.Struct]:
        """A chunk with the beginning of a call, or with more of its arguments."""
        match event:
            case CallBegun(call, id, name):
                function = Function(name, "")
                called = ToolCallDelta(index=call, id=id, type="function", function=function)
            case CallArguments(call, text):
                function = Function(arguments=text)
                called = ToolCallDelta(index=call, function=function)
        delta = (
            Delta(function_call=function) if self._request.legacy else Delta(tool_calls=(called,))
        )
        return [self._chunk(ChunkChoice(index=index, delta=delta))]

    def closing(self, index: int, finish_reason: str) -> list[msgspec.Struct]:
        """The chunk that says why a choice is over."""
        reason = self._reason(finish_reason)
        return [self._chunk(ChunkChoice(index=index, delta=Delta(), finish_reason=reason))]

    async def last(self, completion_tokens: int, cached_tokens: int) -> list[msgspec.Struct]:
        """The last chunk, where usage was asked for."""
        if not self._request.include_usage:
            return []
        return [self._chunk(usage=usage(self._prompt_tokens, completion_tokens, cached_tokens))]

    def _choice(self, index: int, one: Collected) -> Choice:
        return Choice(
            index=index,
            message=self._message(one),
            logprobs=None if self._request.logprobs is None else self._logprobs(one.told),
            finish_reason=self._reason(one.reason),
        )

    def _message(self, one: Collected) -> Message:
        if not one.calls:
            return Message(content=one.text)
        content = one.text or None
        if self._request.legacy:
            called = Function(one.calls[0].name, one.calls[0].arguments)
            return Message(content=content, function_call=called)
        calls = (
            ToolCall(id=call.id, function=Function(call.name, call.arguments)) for call in one.calls
        )
        return Message(content=content, tool_calls=tuple(calls))

    def _reason(self, reason: str) -> str:
        return "function_call" if self._request.legacy and reason == "tool_calls" else reason

    def _logprobs(self, told: Sequence[ToldToken]) -> ChatLogprobs:
        return chat_logprobs(told, self._vocabulary)

    def _chunk(self, *choices: ChunkChoice, usage: Usage | None = None) -> ChatChunk:
        return ChatChunk(
            **self._same,
            choices=choices,
            usage=usage if self._request.include_usage else UNSET,
        )
