"""Structured output and tools through OpenAI's own client, whatever model answers: what comes is
valid, if not wise."""

import json
from typing import Any, Literal

import jsonschema
import openai
import pydantic
import pytest
from openai import OpenAI

from bluey_adapters.tokenizer import Tokenizer
from bluey_data.catalog import embedded_model

ASK: Any = [{"role": "user", "content": "What is the weather in Rome? Be brief."}]

DOG = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "kind": {"enum": ["pup", "dog"]},
        "legs": {"type": "integer", "minimum": 0, "maximum": 9},
        "friends": {"type": "array", "items": {"type": "string", "maxLength": 6}, "maxItems": 2},
    },
    "required": ["name", "kind"],
}
CITY = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 12},
        "unit": {"enum": ["C", "F"]},
    },
    "required": ["city", "unit"],
}
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells it", "parameters": CITY},
}
TIME: Any = {"type": "function", "function": {"name": "time"}}
SCHEMAS: dict[str, Any] = {"weather": CITY, "time": {"type": "object", "maxProperties": 0}}


def form(schema: dict[str, Any], **others: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "dog", "schema": schema, **others}}


def check_call(call: Any) -> None:
    assert call.type == "function"
    assert call.id
    jsonschema.validate(json.loads(call.function.arguments), SCHEMAS[call.function.name])


@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.parametrize("model", ["it", "pt"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_schema(client: OpenAI, model: str, strict: bool, temperature: float) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=ASK,
        response_format=form(DOG, strict=strict),
        temperature=temperature,
        n=2,
        max_tokens=300,
    )
    for choice in answer.choices:
        assert choice.finish_reason == "stop"
        jsonschema.validate(json.loads(choice.message.content or ""), DOG)


def test_a_stream_of_json(client: OpenAI) -> None:
    asked: Any = {
        "model": "it",
        "messages": ASK,
        "response_format": form(DOG),
        "seed": 5,
        "max_tokens": 300,
    }
    whole = client.chat.completions.create(**asked).choices[0].message.content
    chunks = client.chat.completions.create(**asked, stream=True)
    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(pieces) == whole
    assert len(pieces) > 5


def test_a_model_of_pydantics(client: OpenAI) -> None:
    class Dog(pydantic.BaseModel):
        kind: Literal["pup", "dog"]
        legs: int = pydantic.Field(ge=0, le=9)
        good: bool | None

    answer = client.chat.completions.parse(model="it", messages=ASK, response_format=Dog)
    parsed = answer.choices[0].message.parsed
    assert isinstance(parsed, Dog)
    assert 0 <= parsed.legs <= 9


def test_any_object(client: OpenAI) -> None:
    """Never refused; how far a model gets with it is its own affair."""
    for seed in range(4):
        answer = client.chat.completions.create(
            model="it",
            messages=ASK,
            response_format={"type": "json_object"},
            seed=seed,
            max_tokens=60,
        )
        [choice] = answer.choices
        content = choice.message.content or ""
        assert content.startswith("{")
        assert choice.finish_reason in ("stop", "length")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(content), dict)


def test_json_that_is_cut_short(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it", messages=ASK, response_format=form(DOG), max_tokens=3
    )
    assert answer.choices[0].finish_reason == "length"


def test_stop_strings_stop_json_too(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it", messages=ASK, response_format=form(DOG), stop='","kind"', max_tokens=300
    )
    [choice] = answer.choices
    assert choice.finish_reason == "stop"
    content = choice.message.content or ""
    assert content.startswith('{"name":"')
    assert '"kind"' not in content


def test_logprobs_of_json(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it",
        messages=ASK,
        response_format=form({"type": "boolean"}),
        logprobs=True,
        top_logprobs=2,
        seed=1,
    )
    [choice] = answer.choices
    told = choice.logprobs.content if choice.logprobs else None
    assert told
    assert "".join(one.token for one in told) == choice.message.content
    assert all(one.logprob <= 0.001 for one in told)


@pytest.mark.parametrize("model", ["it", "pt"])
def test_calls_that_must_be(client: OpenAI, model: str) -> None:
    for seed in range(6):
        answer = client.chat.completions.create(
            model=model,
            messages=ASK,
            tools=[WEATHER, TIME],
            tool_choice="required",
            parallel_tool_calls=False,
            seed=seed,
        )
        [choice] = answer.choices
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content is None
        [call] = choice.message.tool_calls or []
        check_call(call)


def test_a_call_that_is_named(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it",
        messages=ASK,
        tools=[TIME, WEATHER],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        n=3,
    )
    for choice in answer.choices:
        [call] = choice.message.tool_calls or []
        assert call.type == "function"
        assert call.function.name == "weather"
        check_call(call)


def test_some_of_the_tools(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it",
        messages=ASK,
        tools=[TIME, WEATHER],
        parallel_tool_calls=False,
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "time"}}],
            },
        },
    )
    [call] = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("time", "{}")


def test_several_calls_or_one(client: OpenAI) -> None:
    """parallel_tool_calls, of a model that would rather go on than end."""
    [line_break] = Tokenizer.load(embedded_model("tiny-it")).encode("\n", special=False)

    def calls(parallel: bool) -> int:
        answer = client.chat.completions.create(
            model="it",
            messages=ASK,
            tools=[TIME],
            tool_choice="required",
            parallel_tool_calls=parallel,
            logit_bias={str(line_break): 100},
            max_tokens=1500,
        )
        [choice] = answer.choices
        assert choice.finish_reason == "tool_calls"
        return len(choice.message.tool_calls or [])

    assert calls(parallel=True) == 16  # the most: it would go on for ever
    assert calls(parallel=False) == 1


def test_free_to_call(client: OpenAI) -> None:
    """Whether it calls is the model's to say; a call is always a valid one."""
    for seed in range(4):
        answer = client.chat.completions.create(
            model="it",
            messages=ASK,
            tools=[WEATHER, TIME],
            seed=seed,
            max_tokens=60,
        )
        [choice] = answer.choices
        for call in choice.message.tool_calls or []:
            if choice.finish_reason == "tool_calls":
                check_call(call)
        assert choice.message.tool_calls or choice.message.content


def test_a_stream_of_calls(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="it",
        messages=ASK,
        tools=[WEATHER, TIME],
        tool_choice="required",
        parallel_tool_calls=False,
        n=2,
        stream_options={"include_usage": True},
    ) as stream:
        answer = stream.get_final_completion()
    assert answer.usage is not None
    for choice in answer.choices:
        assert choice.finish_reason == "tool_calls"
        [call] = choice.message.tool_calls or []
        check_call(call)


def test_a_conversation_with_a_tool(client: OpenAI) -> None:
    called = client.chat.completions.create(
        model="it",
        messages=ASK,
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "weather"}},
    ).choices[0]
    [call] = called.message.tool_calls or []
    answer = client.chat.completions.create(
        model="it",
        messages=[
            *ASK,
            called.message,
            {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 31}'},
        ],
        tools=[WEATHER],
        tool_choice="none",
        max_tokens=40,
    )
    [choice] = answer.choices
    assert choice.message.content
    assert choice.message.tool_calls is None
    # Another question of the same conversation, after a result that nobody asked for.
    again = client.chat.completions.create(
        model="it",
        messages=[
            *ASK,
            called.message,
            {"role": "tool", "tool_call_id": "call_of_another", "content": "?"},
            {"role": "user", "content": "So?"},
        ],
        tools=[WEATHER],
        max_tokens=10,
    )
    assert again.choices[0].finish_reason


def test_functions_of_old(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it",
        messages=ASK,
        functions=[WEATHER["function"]],
        function_call={"name": "weather"},
    )
    [choice] = answer.choices
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call
    jsonschema.validate(json.loads(choice.message.function_call.arguments), CITY)


def test_a_format_and_tools(client: OpenAI) -> None:
    for seed in range(6):
        answer = client.chat.completions.create(
            model="it",
            messages=ASK,
            tools=[WEATHER],
            parallel_tool_calls=False,
            response_format=form(DOG),
            seed=seed,
        )
        [choice] = answer.choices
        if choice.message.tool_calls:
            assert choice.finish_reason == "tool_calls"
            check_call(choice.message.tool_calls[0])
        else:
            jsonschema.validate(json.loads(choice.message.content or ""), DOG)


def test_what_can_not_be_enforced(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Unimplemented keys") as refused:
        client.chat.completions.create(
            model="it", messages=ASK, response_format=form({"not": {"type": "string"}})
        )
    assert refused.value.param == "response_format"


@pytest.mark.parametrize("bound", [{"response_format": {"type": "json_object"}}, {"tools": [TIME]}])
def test_what_is_bound_can_not_go_on_for_ever(client: OpenAI, bound: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model="it", messages=ASK, extra_body={"ignore_eos": True}, **bound
        )
    assert refused.value.param == "ignore_eos"
