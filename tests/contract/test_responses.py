"""Responses, through OpenAI's own client: only things that hold for any server, wherever it is."""

import json
from typing import Annotated, Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import FunctionToolParam, Response
from pydantic import BaseModel, Field

from tests.openai_types import strict_event, strict_response

QUESTIONS = ("Hello, who are you?", "What do you like?", "And why?")


def ask(client: OpenAI, given: Any = QUESTIONS[0], **fields: Any) -> Response:
    """A greedy response, strictly checked."""
    options = {"model": "it", "temperature": 0, "max_output_tokens": 24, **fields}
    response: Response = client.responses.create(input=given, **options)
    strict_response(response.to_dict(mode="json"))
    return response


def tokens_in(response: Response) -> int:
    """How long its prompt was."""
    assert response.usage is not None
    return response.usage.input_tokens


def test_a_response(client: OpenAI) -> None:
    response = ask(client)
    assert response.output_text
    assert response.status in ("completed", "incomplete")
    assert response.usage is not None
    assert 0 < response.usage.output_tokens <= 24
    chat = client.chat.completions.create(
        model="it",
        messages=[{"role": "user", "content": QUESTIONS[0]}],
        temperature=0,
        max_tokens=24,
    )
    assert chat.choices[0].message.content == response.output_text
    assert chat.usage is not None
    assert chat.usage.prompt_tokens == response.usage.input_tokens


def test_a_stream_says_the_same(client: OpenAI) -> None:
    whole = ask(client)
    text, last = "", None
    for number, event in enumerate(
        client.responses.create(
            model="it", input=QUESTIONS[0], temperature=0, max_output_tokens=24, stream=True
        )
    ):
        strict_event(event.to_dict(mode="json"))
        assert event.sequence_number == number
        if event.type == "response.output_text.delta":
            text += event.delta
        last = event
    assert text == whole.output_text
    assert last is not None and last.type in ("response.completed", "response.incomplete")
    assert last.response.output_text == text


def test_the_client_s_stream_helper(client: OpenAI) -> None:
    with client.responses.stream(model="it", input=QUESTIONS[0], temperature=0) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert final.output_text == "".join(pieces)
    assert client.responses.retrieve(final.id).output_text == final.output_text


def test_turns_are_the_conversation_given_whole(client: OpenAI) -> None:
    whole: list[Any] = []
    previous: str | None = None
    for question in QUESTIONS:
        turn = ask(client, question, previous_response_id=previous)
        whole.append({"role": "user", "content": question})
        same = ask(client, whole, store=False)
        assert (same.output_text, tokens_in(same)) == (turn.output_text, tokens_in(turn))
        assert turn.previous_response_id == previous
        whole += turn.to_dict(mode="json")["output"]  # type: ignore[operator]
        previous = turn.id


def test_what_is_kept_can_be_had_listed_and_deleted(client: OpenAI) -> None:
    first = ask(client, metadata={"topic": "names"})
    second = ask(client, QUESTIONS[1], previous_response_id=first.id)
    assert client.responses.retrieve(first.id) == first
    [item] = client.responses.input_items.list(second.id)
    assert item.type == "message"
    assert client.responses.input_tokens.count(
        model="it", input=QUESTIONS[1], previous_response_id=first.id
    ).input_tokens == tokens_in(second)
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError, match=first.id):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError, match=first.id) as caught:
        ask(client, QUESTIONS[2], previous_response_id=second.id)
    assert caught.value.code == "previous_response_not_found"


def test_one_that_is_not_kept_is_not_there(client: OpenAI) -> None:
    response = ask(client, store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_log_probabilities(client: OpenAI) -> None:
    response = ask(client, include=["message.output_text.logprobs"], top_logprobs=2)
    [message] = response.output
    assert message.type == "message"
    [part] = message.content
    assert part.type == "output_text" and part.logprobs
    data = bytes(byte for entry in part.logprobs for byte in entry.bytes)
    assert data.decode(errors="replace") == part.text
    assert {len(entry.top_logprobs) for entry in part.logprobs} == {2}


WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "description": "How it is outside.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class Person(BaseModel):
    """What a model of any size can fill in."""

    name: Annotated[str, Field(max_length=12)]
    age: Annotated[int, Field(ge=0, le=120)]


def test_a_call_and_what_came_of_it(client: OpenAI) -> None:
    asked: dict[str, Any] = {"tools": [WEATHER], "temperature": 1, "max_output_tokens": 80}
    first = ask(client, "How is it in Rome?", tool_choice="required", **asked)
    [call, *_] = first.output
    assert call.type == "function_call"
    assert set(json.loads(call.arguments)) == {"city"}
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        for call in first.output
        if call.type == "function_call"
    ]
    second = ask(client, results, previous_response_id=first.id, tool_choice="none", **asked)
    assert [item.type for item in second.output] == ["message"]


def test_a_streamed_call(client: OpenAI) -> None:
    with client.responses.stream(
        model="it",
        input="How is it in Rome?",
        tools=[WEATHER],
        tool_choice={"type": "function", "name": "weather"},
        max_output_tokens=80,
    ) as stream:
        deltas = [
            event.delta
            for event in stream
            if event.type == "response.function_call_arguments.delta"
        ]
        [call] = stream.get_final_response().output
    assert call.type == "function_call"
    assert "".join(deltas) == call.arguments
    assert isinstance(json.loads(call.arguments)["city"], str)


def test_what_the_client_parses(client: OpenAI) -> None:
    for seed in range(3):
        response = client.responses.parse(
            model="it",
            input="Make somebody up.",
            text_format=Person,
            temperature=1,
            extra_body={"seed": seed},
        )
        assert isinstance(response.output_parsed, Person)
