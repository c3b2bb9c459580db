"""A client's end of the talk with the tests: a JSON line asks, JSON lines answer.

    asked     {"do": "stream", "url": …, "key": …, …}
    answered  {"piece": …} any number of times, then {"did": …} or {"raised": {…}}

Programs run in environments of their own, so this is all that they share with the tests; it imports
nothing that they don't all have.
"""

import json
import os
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

Pieces = Generator[str, None, Any]
"""Tells what comes as it comes, and returns what is to be told at the end."""


@dataclass(frozen=True)
class Ask:
    """What a test wants to be asked, ready to be handed to a client."""

    do: str
    url: str
    key: str
    model: str
    text: str
    messages: list[dict[str, str]]
    max_tokens: int
    extra_body: dict[str, Any]  # what goes beyond OpenAI's fields
    choice: str  # "required", or the name of a tool
    tool_choice: Any  # the same as OpenAI's clients write it
    weather_tool: dict[str, Any]
    tool_result: str
    animal_format: dict[str, Any]
    tale_schema: dict[str, Any]


def whole(answer: Any) -> dict[str, Any]:
    """A chat completion, as the clients that follow OpenAI's types hand it out."""
    [choice] = answer.choices
    return {
        "text": choice.message.content,
        "finish_reason": choice.finish_reason,
        "usage": [answer.usage.prompt_tokens, answer.usage.completion_tokens],
    }


def called(choice: Any) -> dict[str, Any]:
    """The calls in a choice of theirs."""
    calls = [
        {"name": call.function.name, "arguments": json.loads(call.function.arguments)}
        for call in choice.message.tool_calls
    ]
    return {"calls": calls, "finish_reason": choice.finish_reason}


def serve(functions: Mapping[str, Callable[[Ask], Any]]) -> None:
    """Do what is asked until nothing more is. A generator's pieces are told as they come."""
    # Libraries print to stdout as well; from now on that is stderr, and ours is a copy.
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def tell(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")

    for line in sys.stdin:
        ask = Ask(**json.loads(line))
        try:
            found = functions[ask.do](ask)
            if isinstance(found, Generator):
                found = _told(found, tell)
            tell(did=found)
        except Exception as error:
            tell(raised=_described(error))


def _told(pieces: Pieces, tell: Callable[..., None]) -> Any:
    while True:
        try:
            tell(piece=next(pieces))
        except StopIteration as end:
            return end.value


def _described(error: BaseException) -> dict[str, Any]:
    """Its classes, by their full names, the most special first, and what it says."""
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    cause = error.__cause__
    return {
        "classes": kinds,
        "message": str(error),
        "status": getattr(error, "status_code", None),
        "cause": None if cause is None else _described(cause),
    }
