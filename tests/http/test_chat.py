"""Chat completions through the real `openai` client."""

import pytest

from bluey_server.messages import Sampling
from tests.fakes.scripted_engine import Finish, Say
from tests.http.rig import Rig

HELLO = [{"role": "user", "content": "Hello"}]


def test_a_whole_answer(shared: Rig) -> None:
    shared.engine.enqueue(Say("Good morning, Ärger 🐶!"))
    answer = shared.openai().chat.completions.create(model="it", messages=HELLO)
    asked = shared.engine.asked[-1]
    assert answer.choices[0].message.content == "Good morning, Ärger 🐶!"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "it"
    assert answer.object == "chat.completion"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(asked.request.prompt)
    said = asked.base.tokenizer.encode("Good morning, Ärger 🐶!", special=False)
    assert answer.usage.completion_tokens == len(said)
    assert answer.usage.total_tokens == len(asked.request.prompt) + len(said)


def test_a_stream_says_the_same(shared: Rig) -> None:
    shared.engine.enqueue(Say("Good morning, Ärger 🐶!", apart=True))
    chunks = list(
        shared.openai().chat.completions.create(
            model="it", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == (
        "Good morning, Ärger 🐶!"
    )
    assert [chunk.choices[0].delta.role for chunk in chunks[:-1]] == (
        ["assistant"] + [None] * (len(chunks) - 2)
    )
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_the_conversation_is_written_down_by_the_template(shared: Rig) -> None:
    shared.openai().chat.completions.create(
        model="it",
        messages=[
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
            },
            {"role": "assistant", "content": "Hi"},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Bye"},
        ],
    )
    asked = shared.engine.asked[-1]
    expected = asked.base.encode_chat(
        [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "Bye"},
        ]
    )
    assert asked.request.prompt == expected
    end_of_turn = asked.base.tokenizer.token_id("<end_of_turn>")
    assert end_of_turn in asked.request.end_ids


def test_sampling_fields_reach_the_engine(shared: Rig) -> None:
    response = shared.chat(
        temperature=0.5, top_p=0.9, top_k=40, min_p=0.05, repetition_penalty=1.1, seed=-1
    )
    assert response.status_code == 200
    assert shared.engine.asked[-1].request.sampling == Sampling(
        temperature=0.5, top_p=0.9, top_k=40, min_p=0.05, repetition_penalty=1.1, seed=2**64 - 1
    )


def test_without_a_seed_every_request_has_another(shared: Rig) -> None:
    shared.chat()
    shared.chat()
    first, second = (asked.request.sampling for asked in shared.engine.asked[-2:])
    assert first.seed != second.seed
    assert (first.temperature, first.top_p, first.top_k) == (1.0, 1.0, 0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 5}, 5),
        ({"max_completion_tokens": 5, "max_tokens": 7}, 5),
        ({"max_completion_tokens": None, "max_tokens": 7}, 7),
        ({"max_tokens": 7.0}, 7),
    ],
)
def test_the_answer_s_length(shared: Rig, fields: dict[str, object], expected: int) -> None:
    assert shared.chat(**fields).status_code == 200
    assert shared.engine.asked[-1].request.max_tokens == expected


def test_without_a_limit_the_context_is_the_limit(shared: Rig) -> None:
    shared.chat()
    asked = shared.engine.asked[-1]
    room = asked.base.facts.context_length - len(asked.request.prompt)
    assert asked.request.max_tokens == room


def test_length_is_told_as_such(shared: Rig) -> None:
    shared.engine.enqueue(Say("one two three four five"))
    answer = shared.chat(max_tokens=2).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 2


def test_too_long_an_answer(shared: Rig) -> None:
    error = shared.chat(max_tokens=8192).json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert "8192 in the completion" in error["message"]


def test_min_tokens_reach_the_engine(shared: Rig) -> None:
    shared.chat(min_tokens=3, max_tokens=9)
    assert shared.engine.asked[-1].request.min_tokens == 3


@pytest.mark.parametrize("fields", [{"min_tokens": 10, "max_tokens": 9}, {"min_tokens": 9000}])
def test_min_tokens_above_what_is_possible(shared: Rig, fields: dict[str, int]) -> None:
    response = shared.chat(**fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "min_tokens"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_stop_strings_across_token_borders(shared: Rig, stream: bool, apart: bool) -> None:
    shared.engine.enqueue(Say("One STO two STOP three", apart=apart))
    client = shared.openai()
    if stream:
        chunks = list(
            client.chat.completions.create(
                model="it", messages=HELLO, stop=["STOP", "never"], stream=True
            )
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        reason = chunks[-1].choices[0].finish_reason
    else:
        answer = client.chat.completions.create(model="it", messages=HELLO, stop="STOP")
        text, reason = answer.choices[0].message.content or "", answer.choices[0].finish_reason
    assert (text, reason) == ("One STO two ", "stop")
    # The engine went on to generate: it was told that nobody listens any more.
    assert shared.engine.cancelled.get(timeout=10) == shared.engine.asked[-1].request.id


def test_half_a_stop_string_at_the_end_is_text(shared: Rig) -> None:
    shared.engine.enqueue(Say("One STO", apart=True))
    assert _text(shared.chat(stop=["STOP"]).json()) == "One STO"


def test_stop_strings_are_not_matched_before_min_tokens(shared: Rig) -> None:
    shared.engine.enqueue(Say("a.b.c.d", apart=True))
    assert _text(shared.chat(stop=["."], min_tokens=4, max_tokens=20).json()) == "a.b"
    shared.engine.cancelled.get(timeout=10)


def test_a_stop_string_in_the_last_token_wins_over_length(shared: Rig) -> None:
    shared.engine.enqueue(Say("ab", apart=True), Finish("length"))
    choice = shared.chat(stop=["b"]).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("a", "stop")
    shared.engine.cancelled.get(timeout=10)


def test_more_than_four_stop_strings(shared: Rig) -> None:
    assert shared.chat(stop=[f"<{number}>" for number in range(14)]).status_code == 200


def test_the_shape_of_a_whole_answer(shared: Rig) -> None:
    shared.engine.enqueue(Say("Hi"))
    answer = shared.chat().json()
    assert answer["id"].startswith("chatcmpl-")
    assert answer["system_fingerprint"].startswith("fp_")
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 0, "audio_tokens": 0}
    assert answer["usage"]["completion_tokens_details"] == {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }


def _text(answer: dict[str, object]) -> object:
    return answer["choices"][0]["message"]["content"]  # type: ignore[index]
