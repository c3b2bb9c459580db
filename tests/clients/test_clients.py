"""What people's clients get from a real server, by their own ways of asking."""

from collections.abc import Callable

import pytest

from tests.clients.conftest import CLIENTS, clients
from tests.clients.program import Program, Raised
from tests.clients.programs.asked import TOOL, Animal, Weather
from tests.clients.programs.telling import Ask

Asking = Callable[..., Ask]

ALL = pytest.mark.parametrize("client", clients(*CLIENTS), indirect=True)
TALKERS = pytest.mark.parametrize("client", clients(*CLIENTS[:-1]), indirect=True)
INSTRUCTOR = pytest.mark.parametrize("client", clients(CLIENTS[-1]), indirect=True)
"""The one that only fills in objects: it names the tool itself, and answers nothing."""


@ALL
def test_chat(client: Program, ask: Asking) -> None:
    told = client.ask(ask("chat"))
    assert told["text"]
    assert told["finish_reason"] in ("stop", "length")
    assert min(told["usage"]) > 0


@ALL
def test_a_stream_says_the_same(client: Program, ask: Asking) -> None:
    whole = client.ask(ask("chat"))
    client.begin(ask("stream"))
    pieces = list(client.pieces())
    assert len(pieces) > 1
    assert "".join(pieces) == whole["text"]
    assert client.result == {key: whole[key] for key in ("finish_reason", "usage")}


def assert_called(told: dict[str, object]) -> None:
    """One call of the tool that there is, with arguments that its schema allows."""
    assert told["finish_reason"] == "tool_calls"
    [call] = told["calls"]
    assert call["name"] == TOOL
    Weather.model_validate(call["arguments"], strict=True)


@TALKERS
@pytest.mark.parametrize("do", ["call", "stream_call"])
@pytest.mark.parametrize("choice", ["required", TOOL])
def test_a_tool_is_called(client: Program, ask: Asking, do: str, choice: str) -> None:
    assert_called(client.ask(ask(do, choice=choice)))


@INSTRUCTOR
def test_instructor_calls_a_tool(client: Program, ask: Asking) -> None:
    assert_called(client.ask(ask("call", choice=TOOL)))


@TALKERS
def test_a_call_is_answered(client: Program, ask: Asking) -> None:
    assert client.ask(ask("answer_call"))["text"]


@ALL
@pytest.mark.parametrize("do", ["fill_in", "stream_fill_in"])
def test_an_object_is_filled_in(client: Program, ask: Asking, do: str) -> None:
    Animal.model_validate(client.ask(ask(do)), strict=True)


@pytest.mark.clients
@pytest.mark.parametrize(
    ("client", "do"),
    [
        ("pydantic-ai", "fill_in_tool"),
        ("instructor", "fill_in_tool"),
        ("instructor", "stream_fill_in_tool"),
    ],
    indirect=["client"],
)
def test_an_object_is_filled_in_by_a_tool(client: Program, ask: Asking, do: str) -> None:
    Animal.model_validate(client.ask(ask(do)), strict=True)


UNKNOWN = {
    "openai": "openai.NotFoundError",
    "openai-node": "openai.NotFoundError",
    "langchain-openai": "langchain_openai.chat_models.base.OpenAIModelNotFoundError",
    "litellm": "litellm.exceptions.NotFoundError",
    "pydantic-ai": "pydantic_ai.exceptions.ModelNotFoundError",
    "instructor": "openai.NotFoundError",
}
TOO_LONG = {
    "openai": "openai.BadRequestError",
    "openai-node": "openai.BadRequestError",
    "langchain-openai": "langchain_openai.chat_models.base.OpenAIContextOverflowError",
    "litellm": "litellm.exceptions.ContextWindowExceededError",
    "pydantic-ai": "pydantic_ai.exceptions.ModelContextWindowExceededError",
    "instructor": "openai.BadRequestError",
}
WRONG_KEY = {
    "openai": "openai.AuthenticationError",
    "openai-node": "openai.AuthenticationError",
    "langchain-openai": "langchain_openai.chat_models.base.OpenAIAuthenticationError",
    "litellm": "litellm.exceptions.AuthenticationError",
    "pydantic-ai": "pydantic_ai.exceptions.ModelAuthenticationError",
    "instructor": "openai.AuthenticationError",
}


@ALL
@pytest.mark.parametrize("do", ["chat", "stream"])
@pytest.mark.parametrize(
    ("wrong", "kinds"),
    [
        ({"model": "nope"}, UNKNOWN),
        ({"text": "far too long " * 10_000}, TOO_LONG),
        ({"key": "wrong"}, WRONG_KEY),
    ],
    ids=["unknown model", "too long", "wrong key"],
)
def test_an_error_is_known_for_what_it_is(
    client: Program, ask: Asking, do: str, wrong: dict[str, str], kinds: dict[str, str]
) -> None:
    with pytest.raises(Raised) as caught:
        client.ask(ask(do, **wrong))
    assert kinds[client.name] in caught.value.classes


@INSTRUCTOR
def test_instructor_says_what_was_wrong(client: Program, ask: Asking) -> None:
    """It wraps everything that may happen while an object is filled in into one error."""
    with pytest.raises(Raised, match="`nope`") as caught:
        client.ask(ask("fill_in", model="nope"))
    assert "instructor.v2.core.errors.InstructorRetryException" in caught.value.classes
    assert caught.value.cause is not None
