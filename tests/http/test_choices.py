"""Several answers to one request, each a generation of its own."""

import json
import queue
from typing import Any

import openai
import pytest

from tests.fakes.scripted_engine import Fail, Finish, Say, Wait
from tests.http.rig import Launch, Rig
from tests.http.test_hang_up import ask as _ask_one
from tests.http.test_stream import events

HELLO = [{"role": "user", "content": "Hello"}]


def test_each_has_its_index_and_the_prompt_is_counted_once(shared: Rig) -> None:
    shared.engine.enqueue(Say("one"))
    shared.engine.enqueue(Say("two two"), Finish("length"))
    shared.engine.enqueue(Say("three three three"))
    answer = shared.openai().chat.completions.create(model="it", messages=HELLO, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    texts = {choice.message.content for choice in answer.choices}
    assert texts == {"one", "two two", "three three three"}
    assert answer.choices[0].message.content == "one"
    reasons = {choice.message.content: choice.finish_reason for choice in answer.choices}
    assert reasons == {"one": "stop", "two two": "length", "three three three": "stop"}
    asked = shared.engine.asked[-3:]
    assert len({tuple(one.request.prompt) for one in asked}) == 1
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(asked[0].request.prompt)
    said = [asked[0].base.tokenizer.encode(text, special=False) for text in texts if text]
    assert answer.usage.completion_tokens == sum(map(len, said))


def test_the_same_seed_gives_each_choice_its_own_and_the_same_again(shared: Rig) -> None:
    def seeds(**fields: Any) -> list[int]:
        assert shared.chat(**fields).status_code == 200
        return sorted(
            asked.request.sampling.seed for asked in shared.engine.asked[-fields.get("n", 1) :]
        )

    assert seeds(seed=5, n=4) == seeds(seed=5, n=4)
    assert len(set(seeds(seed=5, n=4))) == 4
    assert set(seeds(seed=5, n=3)) < set(seeds(seed=5, n=4))
    assert seeds(seed=5) == [5]
    assert 5 in seeds(seed=5, n=2)
    assert not set(seeds(seed=5, n=9)[1:]) & set(seeds(seed=6, n=9))


def test_a_stream_opens_them_in_order_and_tells_whose_each_part_is(shared: Rig) -> None:
    for text in ("one", "two two", "three three three"):
        shared.engine.enqueue(Say(text, apart=True))
    response = shared.chat(n=3, stream=True, stream_options={"include_usage": True})
    *chunks, usage, done = events(response.text)
    assert done == "[DONE]"
    parts = [chunk["choices"][0] for chunk in chunks]
    assert all(len(chunk["choices"]) == 1 for chunk in chunks)
    assert [part["index"] for part in parts[:3]] == [0, 1, 2]
    assert all(part["delta"].get("role") == "assistant" for part in parts[:3])
    assert not any("role" in part["delta"] for part in parts[3:])
    texts = dict.fromkeys(range(3), "")
    for part in parts:
        texts[part["index"]] += part["delta"].get("content", "")
    assert sorted(texts.values()) == ["one", "three three three", "two two"]
    assert texts[0] == "one"
    reasons = [part["index"] for part in parts if part["finish_reason"]]
    assert sorted(reasons) == [0, 1, 2]
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == len("onetwo twothree three three")


def test_the_others_begin_when_the_first_has_a_token(launch: Launch) -> None:
    rig = launch()
    gate = Wait()
    rig.engine.enqueue(gate, Say("one"))
    connection = _ask(rig, n=3)
    assert rig.engine.arrived.get(timeout=10)
    with pytest.raises(queue.Empty):
        rig.engine.arrived.get(timeout=0.2)
    gate.event.set()
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert len(answer["choices"]) == 3
    assert len(rig.engine.asked) == 3


def test_hanging_up_cancels_them_all(launch: Launch) -> None:
    rig = launch()
    for _ in range(3):
        rig.engine.enqueue(Say("x"), Wait())
    connection = _ask(rig, n=3)
    asked = {rig.engine.arrived.get(timeout=10) for _ in range(3)}
    connection.close()
    assert {rig.engine.cancelled.get(timeout=10) for _ in range(3)} == asked


@pytest.mark.parametrize("stream", [False, True])
def test_one_that_fails_fails_the_request_and_ends_the_others(launch: Launch, stream: bool) -> None:
    rig = launch()
    rig.engine.enqueue(Say("x"), Wait())
    rig.engine.enqueue(Say("y"), Fail("engine_died", "The engine died."))
    with pytest.raises(openai.APIError, match="The engine died"):
        list(rig.openai().chat.completions.create(model="it", messages=HELLO, n=2, stream=stream))
    assert rig.engine.cancelled.get(timeout=10) == rig.engine.asked[0].request.id


def _ask(rig: Rig, *, n: int) -> Any:
    return _ask_one(rig, stream=False, n=n)
