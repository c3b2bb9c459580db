"""Many questions to a model of any OpenAI-compatible server, several at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bluey_admin.evaluation.completions import complete, connect
from bluey_admin.evaluation.side_by_side import side_by_side


class Question(msgspec.Struct, frozen=True):
    """A conversation that waits for its next turn."""

    id: str
    messages: list[dict[str, str]]


class Sampling(msgspec.Struct, frozen=True):
    """How answers are drawn."""

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 200
    min_tokens: int = 0
    repetition_penalty: float = 1.0

    def body(self) -> dict[str, Any]:
        """What a request says of it; the last two, which not every server knows, when they do
        something."""
        body: dict[str, Any] = msgspec.to_builtins(self)
        return {k: v for k, v in body.items() if k not in _IDLE or v != _IDLE[k]}


_IDLE = {"min_tokens": 0, "repetition_penalty": 1.0}


class Ask(msgspec.Struct, frozen=True):
    """One question to one model, with one seed."""

    model: str
    question: Question
    seed: int
    sampling: Sampling


class Answer(msgspec.Struct, frozen=True):
    """What a model said to a question with one seed, and how it ended."""

    model: str
    question: str
    seed: int
    text: str
    finish_reason: str


def ask_all(
    url: str,
    model: str,
    questions: Sequence[Question],
    seeds: Sequence[int],
    sampling: Sampling,
    *,
    at_once: int = 16,
    api_key: str | None = None,
    heard: Callable[[Answer], None] = lambda _: None,
) -> list[Answer]:
    """Every question with every seed, in that order; `heard` is told of each as it comes.

    `url` ends in `/v1`. The first request that fails stops the rest and raises Failure with the
    server's words; `heard` is told of the answers that were under way, and is never called twice
    at once.
    """
    asks = [Ask(model, question, seed, sampling) for question in questions for seed in seeds]
    return ask_each(url, asks, at_once=at_once, api_key=api_key, heard=heard)


def ask_each(
    url: str,
    asks: Sequence[Ask],
    *,
    at_once: int = 16,
    api_key: str | None = None,
    heard: Callable[[Answer], None] = lambda _: None,
) -> list[Answer]:
    """As `ask_all`, whatever is asked of whichever models of one server."""
    with connect(url, api_key) as http:

        def put(ask: Ask) -> Answer:
            body = {"model": ask.model, "messages": ask.question.messages, "seed": ask.seed}
            said = complete(http, url, body | ask.sampling.body())
            return Answer(ask.model, ask.question.id, ask.seed, said.text, said.finish_reason)

        return side_by_side(put, asks, at_once, heard)
