"""What the fields that say where an answer ends do to a real model's answers."""

import pytest

from tests.contract.asking import Asker, text_of
from tests.contract.test_sampling_effects import token_id

END = {str(token_id("<end_of_turn>")): 100}
"""With this bias, the model wants nothing but to end its turn."""


def test_max_tokens(ask: Asker) -> None:
    short, long = ask(max_tokens=3), ask(max_tokens=9)
    assert (short.count, short.reason) == (3, "length")
    assert (long.count, long.reason) == (9, "length")
    assert long.text.startswith(short.text)


def test_max_completion_tokens(ask_chat: Asker) -> None:
    assert ask_chat(max_completion_tokens=3, max_tokens=9).count == 3
    assert ask_chat(max_completion_tokens=3).reason == "length"


def test_min_tokens(ask: Asker) -> None:
    assert (ask(logit_bias=END).count, ask(logit_bias=END).reason) == (0, "stop")
    longer = ask(logit_bias=END, min_tokens=7)
    assert (longer.count, longer.reason) == (7, "stop")


def test_stop_strings_are_text_before_min_tokens(ask: Asker) -> None:
    [first] = ask.told(max_tokens=1).tokens
    assert ask(stop=first).text == ""
    assert ask(stop=first, min_tokens=2).text.startswith(first)


def test_ignore_eos(ask: Asker) -> None:
    on = ask(logit_bias=END, ignore_eos=True, max_tokens=9)
    assert (on.count, on.reason) == (9, "length")
    assert on.text == "", "the text of special tokens is left out"
    assert ask(logit_bias=END, ignore_eos=False).reason == "stop"
    assert ask(logit_bias=END, ignore_eos=True, min_tokens=9, max_tokens=9).count == 9


def test_ignore_eos_goes_past_a_turn_s_end(ask_chat: Asker) -> None:
    by_itself = ask_chat(max_tokens=200)
    assert by_itself.reason == "stop"
    room = by_itself.count + 40
    on = ask_chat(max_tokens=room, ignore_eos=True)
    assert (on.count, on.reason) == (room, "length")
    assert on.text.startswith(by_itself.text)
    rest = on.text.removeprefix(by_itself.text)
    stopped = ask_chat(max_tokens=room, ignore_eos=True, stop=rest[10:14])
    assert (stopped.text, stopped.reason) == (on.text[: on.text.index(rest[10:14])], "stop")


@pytest.mark.parametrize("width", [1, 4, 9])
def test_stop(ask: Asker, width: int) -> None:
    whole = ask(max_tokens=20).text
    stop = whole[7 : 7 + width]
    expected = whole[: whole.index(stop)]
    stopped = ask(max_tokens=20, stop=[stop, "never said"])
    assert (stopped.text, stopped.reason) == (expected, "stop")
    chunks = ask.stream(max_tokens=20, stop=stop)
    assert text_of(chunks) == expected
