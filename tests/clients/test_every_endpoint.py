"""Every answer and every chunk of every endpoint, held to the types of the `openai` package."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import Completion

from tests.clients.conftest import KEY
from tests.clients.programs.asked import Animal, Weather, animal_format, weather_tool
from tests.clients.strictly import strictly
from tests.e2e.running import PATIENCE, Bluey
from tests.http.rig import add_adapter

MESSAGES: list[Any] = [{"role": "user", "content": "Hello, who are you?"}]
USAGE = {"include_usage": True}


@pytest.fixture
def api(server: Bluey) -> Iterator[OpenAI]:
    """The client in this process, told not to hide failures by trying again."""
    with OpenAI(
        base_url=f"{server.url}/v1", api_key=KEY, max_retries=0, timeout=PATIENCE
    ) as client:
        yield client


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"n": 3, "temperature": 1, "seed": 1},
        {"logprobs": True, "top_logprobs": 2},
        {"stop": ["a", "e"]},
        {"service_tier": "auto"},
        {"response_format": {"type": "json_object"}},
        {"response_format": animal_format()},
        {"tools": [weather_tool()], "tool_choice": "required"},
        {"tools": [weather_tool()], "tool_choice": "required", "n": 2},
    ],
    ids=lambda wishes: "-".join(wishes) or "plain",
)
def test_chat(api: OpenAI, wishes: dict[str, Any]) -> None:
    given: dict[str, Any] = {"model": "it", "messages": MESSAGES, "max_tokens": 60, **wishes}
    whole = api.chat.completions.create(**given)
    strictly(whole)
    chunks = list(api.chat.completions.create(**given, stream=True, stream_options=USAGE))
    for chunk in chunks:
        strictly(chunk)
    assert chunks[-1].usage is not None
    for chunk in api.chat.completions.create(**given, stream=True):
        strictly(chunk)
        assert "usage" not in chunk.model_fields_set


def test_what_chats_are_parsed_into(api: OpenAI) -> None:
    """The client's own helpers, which take their types from classes."""
    given: dict[str, Any] = {"model": "it", "messages": MESSAGES, "temperature": 0}
    parsed = api.chat.completions.parse(**given, response_format=Animal)
    assert isinstance(parsed.choices[0].message.parsed, Animal)
    tool = openai.pydantic_function_tool(Weather, name="get_weather")
    called = api.chat.completions.parse(
        **given, tools=[tool], tool_choice="required", parallel_tool_calls=False
    )
    [call] = called.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Weather)


FLAT_TOOL = {"type": "function", "strict": False, **weather_tool()["function"]}
FLAT_FORMAT = {"type": "json_schema", **animal_format()["json_schema"]}


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"instructions": "Be brief.", "metadata": {"topic": "test"}, "store": False},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
        {"text": {"format": FLAT_FORMAT}},
        {"tools": [FLAT_TOOL], "tool_choice": "required"},
    ],
    ids=lambda wishes: "-".join(wishes) or "plain",
)
def test_responses(api: OpenAI, wishes: dict[str, Any]) -> None:
    given: dict[str, Any] = {"model": "it", "input": "Hello!", "max_output_tokens": 60, **wishes}
    whole = api.responses.create(**given)
    strictly(whole)
    for event in api.responses.create(**given, stream=True):
        strictly(event)
    if not wishes:
        strictly(api.responses.retrieve(whole.id))
        strictly(api.responses.input_items.list(whole.id))
        strictly(api.responses.create(**given, previous_response_id=whole.id))
        api.responses.delete(whole.id)
        with pytest.raises(openai.NotFoundError):
            api.responses.retrieve(whole.id)


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"prompt": ["Once", "The sea"], "n": 2, "temperature": 1},
        {"logprobs": 3, "echo": True},
        {"prompt": [[20, 30, 40]], "logprobs": 1, "echo": True, "max_tokens": 0},
    ],
    ids=lambda wishes: "-".join(wishes) or "plain",
)
def test_completions(api: OpenAI, wishes: dict[str, Any]) -> None:
    given: dict[str, Any] = {"model": "pt", "prompt": "Once upon a time", **wishes}
    strictly(_with_first_logprobs(api.completions.create(**given)))
    for chunk in api.completions.create(**given, stream=True, stream_options=USAGE):
        strictly(_with_first_logprobs(_as_a_whole(chunk)))


def _as_a_whole(part: Completion) -> Completion:
    """The type is that of whole answers; in OpenAI's own parts the reason is null but for the
    last."""
    for choice in part.choices:
        if choice.finish_reason is None:
            choice.finish_reason = "stop"
    return part


def _with_first_logprobs(answer: Completion) -> Completion:
    """Nothing comes before a prompt's first token: in OpenAI's own answers its log probability is
    null, which the types don't have."""
    for told in (choice.logprobs for choice in answer.choices):
        if told is not None and told.token_logprobs and told.token_logprobs[0] is None:
            assert told.top_logprobs and told.top_logprobs[0] is None
            told.token_logprobs[0], told.top_logprobs[0] = 0.0, {}
    return answer


def test_models(api: OpenAI, server: Bluey) -> None:
    add_adapter(server.home, "pup")
    listed = api.models.list()
    strictly(listed)
    assert {"it", "pt", "pup", "pup@1"} <= {model.id for model in listed}
    for name in ("it", "pup", "pup@1"):
        strictly(api.models.retrieve(name))
    strictly(api.models.delete("pup"))
    with pytest.raises(openai.NotFoundError):
        api.models.retrieve("pup")
