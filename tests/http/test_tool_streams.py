"""The shapes of answers that call functions, whole and in chunks."""

import json
from typing import Any

import pytest

from tests.fakes.scripted_engine import Fail, Finish, Say
from tests.http.rig import Rig
from tests.http.test_stream import events

F = {"type": "function", "function": {"name": "f"}}
G = {"type": "function", "function": {"name": "g"}}
TOOLS = [F, G]
ONE = '<tool_call>{"name":"f","arguments":{"a":"b c"}}</tool_call>'
TWO = f'{ONE}\n<tool_call>{{"name":"g","arguments":{{}}}}</tool_call>'


def message(rig: Rig, text: str, **fields: Any) -> dict[str, Any]:
    """The choice that comes of a model's text."""
    rig.engine.enqueue(Say(text))
    [choice] = rig.chat(tools=TOOLS, **fields).json()["choices"]
    assert isinstance(choice, dict)
    return choice


def test_a_call(shared: Rig) -> None:
    choice = message(shared, ONE)
    assert choice["finish_reason"] == "tool_calls"
    [call] = choice["message"].pop("tool_calls")
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": [],
    }
    assert call["id"].startswith("call_")
    assert call["type"] == "function"
    assert call["function"] == {"name": "f", "arguments": '{"a":"b c"}'}


def test_several_calls(shared: Rig) -> None:
    choice = message(shared, f"Let me see. {TWO}")
    assert choice["message"]["content"] == "Let me see. "
    first, second = choice["message"]["tool_calls"]
    assert first["id"] != second["id"]
    assert second["function"] == {"name": "g", "arguments": "{}"}


def test_no_call(shared: Rig) -> None:
    """And then no key that speaks of one."""
    choice = message(shared, "No <tool_call need for one.")
    assert choice["finish_reason"] == "stop"
    assert choice["message"] == {
        "role": "assistant",
        "content": "No <tool_call need for one.",
        "refusal": None,
        "annotations": [],
    }


def test_a_call_that_is_cut_short(shared: Rig) -> None:
    shared.engine.enqueue(Say(ONE[:-20]), Finish("length"))
    [choice] = shared.chat(tools=TOOLS).json()["choices"]
    assert choice["finish_reason"] == "length"
    [call] = choice["message"]["tool_calls"]
    assert '{"a":"b c"}'.startswith(call["function"]["arguments"])


@pytest.mark.parametrize("apart", [True, False])
def test_a_stream(shared: Rig, apart: bool) -> None:
    shared.engine.enqueue(Say(f"Hm. {TWO}", apart=apart))
    body = shared.chat(tools=TOOLS, stream=True, stream_options={"include_usage": True}).text
    first, *chunks, closing, usage, done = events(body)
    assert done == "[DONE]"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert closing["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": "tool_calls",
    }
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert all(set(delta) in ({"content"}, {"tool_calls"}) for delta in deltas)
    assert "".join(delta.get("content", "") for delta in deltas) == "Hm. "
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    for index, name, arguments in ((0, "f", '{"a":"b c"}'), (1, "g", "{}")):
        begun, *rest = [call for call in calls if call["index"] == index]
        assert set(begun) == {"index", "id", "type", "function"}
        assert begun["type"] == "function"
        assert begun["function"] == {"name": name, "arguments": ""}
        assert all(set(call) == {"index", "function"} for call in rest)
        assert all(set(call["function"]) == {"arguments"} for call in rest)
        assert "".join(call["function"]["arguments"] for call in rest) == arguments
        assert len(rest) > 1, "arguments come as they are made, not in one piece"
    answer = f"Hm. {TWO}"
    tokens = Say(answer, apart=apart).ids(shared.engine.asked[-1].base)
    assert usage["usage"]["completion_tokens"] == len(tokens)


def test_openais_client_puts_the_pieces_together(shared: Rig) -> None:
    for n in (1, 3):
        for _ in range(n):
            shared.engine.enqueue(Say(TWO))
        with shared.openai().chat.completions.stream(
            model="it", messages=[{"role": "user", "content": "Hi"}], tools=TOOLS, n=n
        ) as stream:
            answer = stream.get_final_completion()
        assert len(answer.choices) == n
        ids = set()
        for choice in answer.choices:
            assert choice.finish_reason == "tool_calls"
            assert choice.message.role == "assistant"
            calls = choice.message.tool_calls or []
            assert [call.function.name for call in calls] == ["f", "g"]
            assert [json.loads(call.function.arguments) for call in calls] == [{"a": "b c"}, {}]
            ids |= {call.id for call in calls}
        assert len(ids) == 2 * n


def test_stop_strings_do_not_cut_a_call(shared: Rig) -> None:
    choice = message(shared, TWO, stop=["b c", "}", "f"])
    assert choice["finish_reason"] == "tool_calls"
    assert [call["function"]["arguments"] for call in choice["message"]["tool_calls"]] == [
        '{"a":"b c"}',
        "{}",
    ]


def test_stop_strings_cut_what_is_before_a_call(shared: Rig) -> None:
    choice = message(shared, f"One. Two. {ONE}", stop=["Two"])
    assert choice["message"] == {
        "role": "assistant",
        "content": "One. ",
        "refusal": None,
        "annotations": [],
    }
    assert choice["finish_reason"] == "stop"
    held = message(shared, f"One. Tw{ONE}", stop=["Two"])
    assert held["message"]["content"] == "One. Tw"
    assert held["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("apart", [True, False])
def test_log_probabilities_are_of_text_alone(shared: Rig, apart: bool) -> None:
    shared.engine.enqueue(Say(f"Well <so> {TWO}", apart=apart))
    [choice] = shared.chat(tools=TOOLS, logprobs=True).json()["choices"]
    told = b"".join(bytes(one["bytes"]) for one in choice["logprobs"]["content"])
    assert choice["message"]["content"] == "Well <so> "
    # A token that begins in the text and ends in the mark is told of with the text.
    assert told.decode().startswith("Well <so>")
    assert "tool_call" not in told.decode()


def test_a_failure_in_the_middle_of_a_call(shared: Rig) -> None:
    shared.engine.enqueue(Say(ONE[:-20]), Fail())
    *_, last = events(shared.chat(tools=TOOLS, stream=True).text)
    assert last["error"]["code"] == "server_error"


OLDER = {"functions": [F["function"], G["function"]]}


def test_the_older_form(shared: Rig) -> None:
    shared.engine.enqueue(Say(ONE))
    [choice] = shared.chat(**OLDER).json()["choices"]
    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"a":"b c"}'}
    assert "tool_calls" not in choice["message"]
    shared.engine.enqueue(Say("Nothing to call."))
    [choice] = shared.chat(**OLDER).json()["choices"]
    assert choice["finish_reason"] == "stop"
    assert "function_call" not in choice["message"]


def test_a_stream_in_the_older_form(shared: Rig) -> None:
    shared.engine.enqueue(Say(ONE))
    _, begun, *chunks, closing, _ = events(shared.chat(stream=True, **OLDER).text)
    assert begun["choices"][0]["delta"] == {"function_call": {"name": "f", "arguments": ""}}
    deltas = [chunk["choices"][0]["delta"]["function_call"] for chunk in chunks]
    assert all(set(delta) == {"arguments"} for delta in deltas)
    assert "".join(delta["arguments"] for delta in deltas) == '{"a":"b c"}'
    assert closing["choices"][0]["finish_reason"] == "function_call"
