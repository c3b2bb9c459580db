"""Log probabilities of chat completions: their shape, and which tokens they are told of."""

from typing import Any

import pytest

from tests.fakes.scripted_engine import Finish, Say
from tests.http.rig import Rig
from tests.http.test_stream import events


def told(rig: Rig, *, stream: bool, **fields: Any) -> tuple[str, list[dict[str, Any]]]:
    """The text, and all that was told of its tokens."""
    response = rig.chat(logprobs=True, stream=stream, **fields)
    assert response.status_code == 200, response.text
    if not stream:
        choice = response.json()["choices"][0]
        return choice["message"]["content"], choice["logprobs"]["content"]
    chunks = [chunk["choices"][0] for chunk in events(response.text)[:-1]]
    assert chunks[0]["logprobs"] is None
    told = [
        entry for chunk in chunks for entry in (chunk["logprobs"] or {"content": []})["content"]
    ]
    seen = ""
    for chunk in chunks:  # what is told comes with the text that it tells of
        seen += chunk["delta"].get("content", "")
        if chunk["logprobs"]:
            assert chunk["logprobs"]["refusal"] is None
    return seen, told


def text_of(entries: list[dict[str, Any]]) -> str:
    return bytes(byte for entry in entries for byte in entry["bytes"] or []).decode()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_the_bytes_are_the_text(shared: Rig, stream: bool, apart: bool) -> None:
    shared.engine.enqueue(Say("Good Ärger 🐶 漢字!", apart=apart))
    text, entries = told(shared, stream=stream, top_logprobs=2)
    assert text == text_of(entries) == "Good Ärger 🐶 漢字!"
    assert shared.engine.asked[-1].request.logprobs == 2
    for entry in entries:
        assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
        assert entry["logprob"] == -0.25
        assert [top["logprob"] for top in entry["top_logprobs"]] == [-0.25, -1.25]
        own, _ = entry["top_logprobs"]
        assert (own["token"], own["bytes"]) == (entry["token"], entry["bytes"])
    parts_of_the_dog = [entry for entry in entries if entry["token"].startswith("\\x")]
    assert parts_of_the_dog, "a character of several tokens is shown as bytes"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_what_a_stop_string_cuts_off_is_not_told_of(shared: Rig, stream: bool, apart: bool) -> None:
    shared.engine.enqueue(Say("One STO two STOP three", apart=apart))
    text, entries = told(shared, stream=stream, stop=["STOP"])
    assert text == "One STO two "
    # The token that the border runs through is there, as far as it is.
    assert text_of(entries).startswith(text)
    assert "STOP" not in text_of(entries)
    assert all(entry["top_logprobs"] == [] for entry in entries)
    shared.engine.cancelled.get(timeout=10)


@pytest.mark.parametrize("stream", [False, True])
def test_text_held_back_in_vain_is_told_of_with_its_tokens(shared: Rig, stream: bool) -> None:
    shared.engine.enqueue(Say("One STO", apart=True), Finish("length"))
    text, entries = told(shared, stream=stream, stop=["STOP"])
    assert text == text_of(entries) == "One STO"


@pytest.mark.parametrize("stream", [False, True])
def test_an_incomplete_character_at_the_end_is_told_of(shared: Rig, stream: bool) -> None:
    shared.engine.enqueue(Say("a🐶"))
    text, entries = told(shared, stream=stream, max_tokens=3)
    assert text.startswith("a") and text.endswith("\ufffd")
    assert len(entries) == 3
    data = bytes(byte for entry in entries for byte in entry["bytes"])
    assert "a🐶".encode().startswith(data)


def test_unasked_nothing_is_told(shared: Rig) -> None:
    for asked in ({}, {"logprobs": False}, {"top_logprobs": 0}, {"logprobs": None}):
        assert shared.chat(**asked).json()["choices"][0]["logprobs"] is None
        assert shared.engine.asked[-1].request.logprobs is None


def test_the_client_s_own_accumulation(shared: Rig) -> None:
    shared.engine.enqueue(Say("One two three"))
    with shared.openai().chat.completions.stream(
        model="it",
        messages=[{"role": "user", "content": "Hello"}],
        logprobs=True,
        top_logprobs=1,
    ) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.logprobs is not None and choice.logprobs.content is not None
    assert "".join(entry.token for entry in choice.logprobs.content) == "One two three"
