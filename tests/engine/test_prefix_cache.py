"""What was computed for one prompt serves the next: with the same answer as without, and only
where base, adapter and beginning are the same.

Right comes first, and is tested apart: it holds of an engine that remembers nothing, too.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.alone import Alone, same
from tests.engine.real import RealBench, some_prompt

Make = Callable[..., RealBench]

WINDOW = 512
"""The embedded bases' sliding window: a layer that has seen more can't go back to less."""

TOKENS = 12


class Conversation:
    """Requests one after the other to one engine, each answer compared with the one alone."""

    def __init__(self, bench: RealBench, alone: Alone) -> None:
        self.bench = bench
        self._alone = alone
        self._count = 0

    def say(
        self,
        prompt: list[int],
        adapter: str | None = None,
        checkpoints: tuple[int, ...] = (),
        max_tokens: int = TOKENS,
    ) -> int:
        """Ask, compare, and return how many of the prompt's tokens were not computed again."""
        self._count += 1
        number = self._count
        self.bench.give(number, prompt, adapter, max_tokens=max_tokens, checkpoints=checkpoints)
        folder = None if adapter is None else self.bench.folders[adapter]
        expected = self._alone.answer(prompt, folder, max_tokens=max_tokens)
        got, finished = self.bench.answers[number], self.bench.finished[number]
        same(got, finished, expected, f"answer {number}")
        cached = self.bench.started[number].cached
        assert cached < len(prompt), "the last token is always computed: its logits are wanted"
        return cached

    def answer(self, prompt: list[int], adapter: str | None = None) -> list[int]:
        """What was answered, or would have been."""
        folder = None if adapter is None else self.bench.folders[adapter]
        return self._alone.answer(prompt, folder, max_tokens=TOKENS).tokens


@pytest.fixture
def talk(bench: Make, alone: Alone) -> Conversation:
    return Conversation(bench(slots=1), alone)


LENGTHS = (1, 2, 40, 256, WINDOW - 1, WINDOW, WINDOW + 1, 700)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_same_again_is_answered_the_same(talk: Conversation, length: int) -> None:
    prompt = some_prompt(1, length)
    for _ in range(3):
        talk.say(prompt)


@pytest.mark.parametrize("length", [40, 300, 700])
def test_the_same_again_is_not_computed_twice(talk: Conversation, length: int) -> None:
    prompt = some_prompt(1, length)
    assert talk.say(prompt) == 0
    assert talk.say(prompt) > 0
    assert talk.say(prompt) > 0, "being of use once doesn't use it up"


# How long the shared beginning is, and how long the two prompts are.
DIVERGENCES = {
    "inside the window": (200, 260),
    "inside the window, after one token": (1, 60),
    "at the window's edge": (WINDOW, WINDOW + 40),
    "beyond the window, within it from the end": (600, 700),
    "beyond the window, and as far from the end": (80, 700),
}


@pytest.mark.parametrize("known", [True, False], ids=["checkpoint", "no checkpoint"])
@pytest.mark.parametrize("case", DIVERGENCES)
def test_two_that_begin_alike_are_each_answered_right(
    talk: Conversation, case: str, known: bool
) -> None:
    shared, length = DIVERGENCES[case]
    beginning = some_prompt(1, shared)
    first, second, third = (beginning + some_prompt(seed, length - shared) for seed in (2, 3, 4))
    checkpoints = (shared,) if known else ()
    assert talk.say(first, checkpoints=checkpoints) == 0
    for prompt in (second, third):
        assert talk.say(prompt, checkpoints=checkpoints) <= shared, "more than they share"
    talk.say(first, checkpoints=checkpoints)


@pytest.mark.parametrize("case", DIVERGENCES)
def test_what_two_share_up_to_a_checkpoint_is_computed_once(talk: Conversation, case: str) -> None:
    shared, length = DIVERGENCES[case]
    beginning = some_prompt(1, shared)
    assert talk.say(beginning + some_prompt(2, length - shared), checkpoints=(shared,)) == 0
    cached = talk.say(beginning + some_prompt(3, length - shared), checkpoints=(shared,))
    assert cached <= shared, "more than they share"
    if shared > 1:
        assert cached > 0


@pytest.mark.parametrize("length", [30, 250, WINDOW - 6, 600])
def test_the_second_turn_is_answered_right(talk: Conversation, length: int) -> None:
    prompt = some_prompt(1, length)
    for turn in range(3):
        talk.say(prompt, checkpoints=(length,) if length < len(prompt) else ())
        prompt = [*prompt, *talk.answer(prompt), *some_prompt(50 + turn, 9)]


@pytest.mark.parametrize("length", [30, 250, 600])
def test_earlier_turns_are_not_computed_twice(talk: Conversation, length: int) -> None:
    first = some_prompt(1, length)
    talk.say(first)
    second = [*first, *talk.answer(first), *some_prompt(51, 9)]
    assert talk.say(second, checkpoints=(length,)) >= length - 1


def test_a_cancelled_prompt_leaves_nothing_wrong_behind(talk: Conversation) -> None:
    prompt = some_prompt(1, 700)
    for number, steps in enumerate((0, 1, 2, 3, 5)):
        talk.bench.ask(100 + number, prompt, checkpoints=(300,))
        for _ in range(steps):
            talk.bench.step()
        talk.bench.cancel(100 + number)
        talk.bench.step()
        talk.say([*prompt[:650], *some_prompt(number, 9)], checkpoints=(300,))


def test_another_adapter_shares_nothing(talk: Conversation) -> None:
    prompt = some_prompt(1, 300)
    for adapter in (None, "adapter-1", "adapter-2"):
        assert talk.say(prompt, adapter) == 0, "the keys and values are another's"


def test_each_adapter_is_right_among_the_others(talk: Conversation) -> None:
    prompt = some_prompt(1, 300)
    for adapter in (None, "adapter-1", "adapter-2", None, "adapter-2", "adapter-1", "adapter-5"):
        talk.say(prompt, adapter)
        talk.say([*prompt[:280], *some_prompt(2, 30)], adapter, checkpoints=(280,))


def test_an_adapter_that_was_evicted_is_right_when_it_is_back(talk: Conversation) -> None:
    prompt = some_prompt(1, 600)
    talk.say(prompt, "adapter-1")
    talk.say(prompt, "adapter-2")  # into the only slot
    talk.say(prompt, "adapter-1")
    assert talk.bench.fetched == ["adapter-1", "adapter-2", "adapter-1"]


def test_what_was_computed_outlives_the_adapters_slot(talk: Conversation) -> None:
    prompt = some_prompt(1, 300)
    talk.say(prompt, "adapter-1")
    talk.say(prompt, "adapter-2")
    assert talk.say(prompt, "adapter-1") > 0, "the digest is the key, not the slot"


def test_many_at_once_share_a_beginning(bench: Make, alone: Alone, five: dict[str, Path]) -> None:
    engine = bench(max_rows=4)
    beginning = some_prompt(1, 270)
    engine.give(99, [*beginning, 9], "adapter-3", checkpoints=(270,))
    prompts = [[*beginning, *some_prompt(seed, 1 + 7 * seed)] for seed in range(8)]
    for number, prompt in enumerate(prompts):
        engine.ask(number, prompt, "adapter-3", max_tokens=TOKENS, checkpoints=(270,))
    engine.run()
    for number, prompt in enumerate(prompts):
        expected = alone.answer(prompt, five["adapter-3"], max_tokens=TOKENS)
        same(engine.answers[number], engine.finished[number], expected, f"answer {number}")
