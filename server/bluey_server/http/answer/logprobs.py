"""The shapes of log probabilities: those of chat completions and responses, which differ little,
and the older ones of completions."""

from collections.abc import Sequence

import msgspec

from bluey_adapters.token_bytes import show
from bluey_adapters.vocabulary import Vocabulary
from bluey_server.http.answer.told_tokens import ToldToken

_IMPOSSIBLE = -9999.0
"""OpenAI's word for a probability of 0, whose logarithm JSON has no number for."""


class TopLogprob(msgspec.Struct, frozen=True):
    token: str
    logprob: float
    bytes: list[int] | None


class ChatTokenLogprob(msgspec.Struct, frozen=True):
    token: str
    logprob: float
    bytes: list[int] | None  # a character may take several tokens
    top_logprobs: list[TopLogprob]


class ChatLogprobs(msgspec.Struct, frozen=True):
    """Of a chat completion's choice, or of a chunk of it."""

    content: list[ChatTokenLogprob]
    refusal: None = None


class CompletionLogprobs(msgspec.Struct, frozen=True):
    """Of a completion's choice, or of a chunk of it. The first token of an echoed prompt has none;
    the chosen token is always among `top_logprobs`."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]  # in the choice's text, characters


class ResponseTopLogprob(msgspec.Struct, frozen=True):
    token: str
    logprob: float
    bytes: list[int]


class ResponseTokenLogprob(msgspec.Struct, frozen=True):
    """Of a token of a response's text."""

    token: str
    logprob: float
    bytes: list[int]  # empty for a token that stands for none
    top_logprobs: list[ResponseTopLogprob]


def chat_logprobs(told: Sequence[ToldToken], vocabulary: Vocabulary) -> ChatLogprobs:
    """Of tokens that all have log probabilities."""
    content = []
    for token in told:
        assert token.logprobs is not None
        columns = zip(token.logprobs.ids, token.logprobs.logprobs, strict=True)
        top = [TopLogprob(*_told(vocabulary, *column)) for column in columns]
        own = _told(vocabulary, token.id, token.logprobs.chosen)
        content.append(ChatTokenLogprob(*own, top))
    return ChatLogprobs(content)


def response_logprobs(
    told: Sequence[ToldToken], vocabulary: Vocabulary
) -> tuple[ResponseTokenLogprob, ...]:
    """The same, in the shape that responses have."""
    return tuple(
        ResponseTokenLogprob(
            one.token,
            one.logprob,
            one.bytes or [],
            [
                ResponseTopLogprob(top.token, top.logprob, top.bytes or [])
                for top in one.top_logprobs
            ],
        )
        for one in chat_logprobs(told, vocabulary).content
    )


def completion_logprobs(told: Sequence[ToldToken], vocabulary: Vocabulary) -> CompletionLogprobs:
    """Of tokens; with no alternatives asked for, each is its own only one."""
    names = [show(vocabulary.bytes_of(token.id)) for token in told]
    values: list[float | None] = []
    top: list[dict[str, float] | None] = []
    for name, token in zip(names, told, strict=True):
        if token.logprobs is None:
            values.append(None)
            top.append(None)
            continue
        values.append(_finite(token.logprobs.chosen))
        alternatives: dict[str, float] = {}
        for other, logprob in zip(token.logprobs.ids, token.logprobs.logprobs, strict=True):
            # Tokens that are written alike can't stand apart here; the likeliest comes first.
            alternatives.setdefault(show(vocabulary.bytes_of(other)), _finite(logprob))
        alternatives.setdefault(name, _finite(token.logprobs.chosen))
        top.append(alternatives)
    return CompletionLogprobs(names, values, top, [token.offset for token in told])


def _told(
    vocabulary: Vocabulary, token: int, logprob: float
) -> tuple[str, float, list[int] | None]:
    data = vocabulary.bytes_of(token)
    return show(data), _finite(logprob), list(data) or None


def _finite(logprob: float) -> float:
    return max(logprob, _IMPOSSIBLE)
