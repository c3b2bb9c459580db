"""Log probabilities of answers and of prompts, held to mlx-lm's own model and LoRA layers."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bluey_server.messages import Sampling, TokenLogprobs
from tests.engine.alone import Alone
from tests.engine.real import RealBench, some_prompt

NEAR = 1e-3

Bench = Callable[..., RealBench]


def assert_told(
    told: Sequence[TokenLogprobs],
    tokens: Sequence[int],
    expected: Any,
    alternatives: int,
) -> None:
    """That `told` of `tokens` is what `expected`, all log probabilities of each, says."""
    assert len(told) == len(tokens) == len(expected)
    for one, token, all_of_them in zip(told, tokens, expected, strict=True):
        assert one.chosen == pytest.approx(all_of_them[token], abs=NEAR)
        best = np.sort(all_of_them)[::-1][:alternatives]
        assert one.logprobs == pytest.approx(best, abs=NEAR)
        assert [all_of_them[each] for each in one.ids] == pytest.approx(best, abs=NEAR)
        assert one.logprobs == sorted(one.logprobs, reverse=True)
        assert len(set(one.ids)) == alternatives


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_of_an_answer_beside_rows_that_ask_for_less(
    bench: Bench, alone: Alone, five: dict[str, Path], temperature: float
) -> None:
    rig = bench()
    sampling = Sampling(temperature=temperature, top_k=50, seed=4)
    asking = {1: (None, 5), 2: ("adapter-1", 0), 3: ("adapter-3", None), 4: ("adapter-3", 20)}
    prompts = {number: some_prompt(number, 10 + 17 * number) for number in asking}
    for number, (adapter, logprobs) in asking.items():
        rig.ask(number, prompts[number], adapter, sampling=sampling, logprobs=logprobs)
    rig.run()
    assert 3 not in rig.logprobs
    for number, (adapter, logprobs) in asking.items():
        if logprobs is not None:
            folder = five[adapter] if adapter else None
            answer = rig.answers[number]
            expected = alone.logprobs([*prompts[number], *answer], folder)[-len(answer) - 1 : -1]
            assert_told(rig.logprobs[number], answer, expected, logprobs)


def test_after_penalties_and_biases(bench: Bench, alone: Alone) -> None:
    rig = bench()
    prompt = some_prompt(1, 30)
    (first,) = alone.logprobs(prompt)[-1:]
    favourite = max(range(len(first)), key=first.__getitem__)
    biased = Sampling(temperature=0, logit_bias=((favourite, -100.0),))
    rig.ask(1, prompt, sampling=biased, logprobs=3, max_tokens=1)
    rig.run()
    (told,) = rig.logprobs[1]
    others = math.fsum(math.exp(one) for token, one in enumerate(first) if token != favourite)
    assert favourite not in told.ids
    assert told.chosen == pytest.approx(first[told.ids[0]] - math.log(others), abs=NEAR)


@pytest.mark.parametrize("length", [2, 3, 70, 600, 1300])
def test_of_a_prompt(bench: Bench, alone: Alone, five: dict[str, Path], length: int) -> None:
    """Shorter and longer than a piece and than the sliding window, adapters and base at once."""
    rig = bench(slots=4)
    sources = [None, "adapter-1", "adapter-2"]
    for number, adapter in enumerate(sources):
        rig.score(number, some_prompt(number, length), adapter, logprobs=number)
    rig.run()
    for number, adapter in enumerate(sources):
        prompt = some_prompt(number, length)
        expected = alone.logprobs(prompt, five[adapter] if adapter else None)[:-1]
        assert_told(rig.logprobs[number], prompt[1:], expected, number)


def test_of_a_vocabulary_too_wide_for_a_whole_piece(bench: Bench, alone: Alone) -> None:
    rig = bench()
    rig.backend._scorer._most = 7
    prompt = some_prompt(9, 40)
    rig.score(1, prompt, logprobs=2)
    rig.run()
    assert_told(rig.logprobs[1], prompt[1:], alone.logprobs(prompt)[:-1], 2)


def test_beside_streams_that_flow(bench: Bench, alone: Alone, five: dict[str, Path]) -> None:
    rig = bench()
    rig.ask(1, some_prompt(1, 20), "adapter-2", max_tokens=200)
    rig.ask(2, some_prompt(2, 20), max_tokens=200, logprobs=2)
    while not rig.answers[1] or not rig.answers[2]:
        rig.step()
    prompt = some_prompt(3, 2000)
    rig.score(3, prompt, "adapter-1", logprobs=1)
    while 3 not in rig.finished:
        rig.step()
        assert set(rig.latest) == {1, 2}, "both streams get a token in every step"
    assert rig.pieces[3] > 1
    expected = alone.logprobs(prompt, five["adapter-1"])[:-1]
    assert_told(rig.logprobs[3], prompt[1:], expected, 1)
    rig.run()
    alone_says = alone.answer(some_prompt(1, 20), five["adapter-2"], max_tokens=8)
    assert rig.answers[1][:8] == alone_says.tokens


@pytest.mark.parametrize("length", [40, 1300])
def test_who_goes_on_from_a_scored_prompt_finds_it_computed(
    bench: Bench, alone: Alone, length: int
) -> None:
    rig = bench()
    prompt = some_prompt(5, length)
    rig.score(1, prompt)
    rig.run()
    answer = rig.give(2, prompt)
    assert rig.started[2].cached == length - 1
    assert answer == alone.answer(prompt, max_tokens=8).tokens


def test_cancelled_in_the_middle_nothing_is_left(bench: Bench) -> None:
    rig = bench()
    rig.score(1, some_prompt(1, 4000))
    rig.step()
    assert rig.pieces == {1: 1}
    rig.cancel(1)
    rig.step()
    assert rig.pieces == {1: 1}
    assert rig.quiet


def test_one_that_fails_fails_alone(bench: Bench, alone: Alone) -> None:
    from bluey_server.engine.scorer import Scorer

    class Failing(Scorer):
        def piece(self, tokens: int):  # type: ignore[no-untyped-def]
            if self.next.asked.id == 1:
                raise RuntimeError("no memory")
            return super().piece(tokens)

    rig = bench()
    rig.backend._scorer.__class__ = Failing
    prompt = some_prompt(1, 30)
    for number in (1, 2):
        rig.score(number, prompt)
    rig.ask(3, prompt)
    rig.run()
    assert set(rig.failures) == {1}
    assert_told(rig.logprobs[2], prompt[1:], alone.logprobs(prompt)[:-1], 0)
    assert rig.answers[3] == alone.answer(prompt, max_tokens=8).tokens
