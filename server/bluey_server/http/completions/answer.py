"""The shapes of completions: a chunk of a stream is a small completion of its own."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from bluey_server.http.answer.logprobs import CompletionLogprobs, completion_logprobs
from bluey_server.http.answer.reply import Answer, Collected, written
from bluey_server.http.answer.text_events import CallArguments, CallBegun
from bluey_server.http.answer.told_tokens import ToldToken
from bluey_server.http.answer.usage import Usage, same_in_every_part, usage
from bluey_server.http.completions.request import CompletionRequest
from bluey_server.http.names import Model


class CompletionChoice(msgspec.Struct, frozen=True):
    """`index` is the prompt's place times n, plus the answer's."""

    text: str
    index: int
    logprobs: CompletionLogprobs | None
    finish_reason: str | None


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, or a part of a streamed one."""

    id: str
    object: str = "text_completion"
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[CompletionChoice, ...]
    usage: Usage | UnsetType | None = UNSET  # in streams null until the last, when asked for
    service_tier: str | UnsetType = UNSET


class CompletionAnswer(Answer):
    """Writes the answers to one request: id, time and model are the same in every part."""

    def __init__(self, request: CompletionRequest, model: Model, prompt_tokens: int) -> None:
        self._same = same_in_every_part("cmpl", request, model)
        self._request = request
        self._vocabulary = model.base.vocabulary
        self._prompt_tokens = prompt_tokens

    async def whole(
        self, answers: Sequence[Collected], completion_tokens: int, cached_tokens: int
    ) -> Completion:
        """The answer in one piece."""
        choices = await written(self._choice, answers)
        told = usage(self._prompt_tokens, completion_tokens, cached_tokens)
        return self._part(*choices, usage=told)

    def opening(self) -> list[msgspec.Struct]:
        """Nothing: each part stands for itself."""
        return []

    def piece(self, index: int, text: str, told: Sequence[ToldToken]) -> list[msgspec.Struct]:
        """A part with text, if there is any, or tokens that make none."""
        if not (text or told):
            return []
        logprobs = self._logprobs(told) if told else None
        return [self._chunk(CompletionChoice(text, index, logprobs, None))]

    def call(self, index: int, event: CallBegun | CallArguments) -> list[msgspec.Struct]:
        """Never: bare prompts come without tools."""
        raise AssertionError(f"a call in answer {index}: {event}")

    def closing(self, index: int, finish_reason: str) -> list[msgspec.Struct]:
        """The part that says why a choice is over."""
        return [self._chunk(CompletionChoice("", index, None, finish_reason))]

    async def last(self, completion_tokens: int, cached_tokens: int) -> list[msgspec.Struct]:
        """The last part, where usage was asked for."""
        if not self._request.include_usage:
            return []
        return [self._part(usage=usage(self._prompt_tokens, completion_tokens, cached_tokens))]

    def _choice(self, index: int, one: Collected) -> CompletionChoice:
        return CompletionChoice(one.text, index, self._logprobs(one.told), one.reason)

    def _logprobs(self, told: Sequence[ToldToken]) -> CompletionLogprobs | None:
        if self._request.logprobs is None:
            return None
        return completion_logprobs(told, self._vocabulary)

    def _chunk(self, choice: CompletionChoice) -> Completion:
        return self._part(choice, usage=None if self._request.include_usage else UNSET)

    def _part(self, *choices: CompletionChoice, usage: Usage | UnsetType | None) -> Completion:
        return Completion(
            **self._same,
            choices=choices,
            usage=usage,
        )
