"""What the fields do that change whom is asked, how often, and in which form it is told."""

from typing import Any

from tests.contract.asking import Asker, text_of
from tests.http.field_entries import CHAT, COMPLETION, Harmless


def test_model(ask: Asker) -> None:
    answers = [ask(model=model) for model in ("it", "tiny-it", "pt")]
    assert [answer.body["model"] for answer in answers] == ["it", "tiny-it", "pt"]
    assert answers[0].text == answers[1].text != answers[2].text
    fingerprints = [answer.body["system_fingerprint"] for answer in answers]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_what_is_asked(ask: Asker) -> None:
    """`messages` here, `prompt` there."""
    other: dict[str, Any] = {"prompt": "The sea is"}
    if ask.chats:
        other = {"messages": [{"role": "user", "content": "What is the sea?"}]}
    assert ask().text != ask(**other).text
    assert ask().body["usage"]["prompt_tokens"] != ask(**other).body["usage"]["prompt_tokens"]


def test_n(ask: Asker) -> None:
    answer = ask(n=3, temperature=1, seed=3)
    assert len({choice.text for choice in answer.choices}) == 3
    assert answer.choices[0].text == ask(temperature=1, seed=3).text
    assert [choice["index"] for choice in answer.body["choices"]] == [0, 1, 2]


def test_stream(ask: Asker) -> None:
    whole, chunks = ask(), ask.stream()
    assert len(chunks) > 5
    assert text_of(chunks) == whole.text
    assert chunks[-1]["choices"][0]["finish_reason"] == whole.reason
    assert ask(stream=False).text == whole.text


def test_stream_options(ask: Asker) -> None:
    assert not [chunk for chunk in ask.stream() if "usage" in chunk]
    *chunks, last = ask.stream(stream_options={"include_usage": True, "include_obfuscation": True})
    assert all(chunk["usage"] is None for chunk in chunks)
    told, whole = last["usage"], ask().body["usage"]
    for figure in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert told[figure] == whole[figure]
    assert not [key for chunk in chunks for key in chunk if key == "obfuscation"]


def test_service_tier(ask: Asker) -> None:
    assert ask(service_tier="flex").body["service_tier"] == "default"
    assert {chunk["service_tier"] for chunk in ask.stream(service_tier="auto")} == {"default"}
    assert "service_tier" not in ask().body


def test_what_is_harmless_changes_nothing(ask: Asker) -> None:
    entries = CHAT if ask.chats else COMPLETION
    harmless = {name: entry.value for name, entry in entries.items() if isinstance(entry, Harmless)}
    plain, asked = ask(), ask(**harmless)
    assert asked.body["choices"] == plain.body["choices"]
    assert set(asked.body) == set(plain.body)
    assert "x-bluey-ignored" not in asked.headers


def test_a_prediction_is_neither_accepted_nor_rejected(ask_chat: Asker) -> None:
    answer = ask_chat(prediction={"type": "content", "content": "Hello"})
    details = answer.body["usage"]["completion_tokens_details"]
    assert details["accepted_prediction_tokens"] == details["rejected_prediction_tokens"] == 0


def test_what_nobody_knows_is_named(ask: Asker) -> None:
    asked = ask(mirostat=2, grammar="x", stream_options={"y": 1})
    assert asked.headers["x-bluey-ignored"] == "mirostat, grammar, stream_options.y"
    assert asked.body["choices"] == ask().body["choices"]
