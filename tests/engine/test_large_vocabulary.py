"""What holds of engines on the embedded base holds with a vocabulary as large as real ones: the
same tests, on bases of tens and hundreds of thousands of tokens."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.large_tokenizer import GEMMA_3
from bluey_adapters.model_folder import fingerprint
from bluey_server.messages import Sampling
from tests.engine.alone import Alone
from tests.engine.conftest import make_five
from tests.engine.real import RealBench, some_prompt
from tests.engine.test_exactness import (
    prompts,
    test_base_and_three_adapters_in_one_batch,
)
from tests.engine.test_logprobs import (
    test_after_penalties_and_biases,
    test_beside_streams_that_flow,
    test_of_a_prompt,
    test_of_an_answer_beside_rows_that_ask_for_less,
)
from tests.engine.test_prefix_cache import (
    talk,
    test_earlier_turns_are_not_computed_twice,
    test_many_at_once_share_a_beginning,
    test_the_second_turn_is_answered_right,
)
from tests.large import write_large_base

__all__ = [
    "prompts",
    "talk",
    "test_after_penalties_and_biases",
    "test_base_and_three_adapters_in_one_batch",
    "test_beside_streams_that_flow",
    "test_earlier_turns_are_not_computed_twice",
    "test_many_at_once_share_a_beginning",
    "test_of_a_prompt",
    "test_of_an_answer_beside_rows_that_ask_for_less",
    "test_the_second_turn_is_answered_right",
]


@pytest.fixture(
    scope="module",
    params=[20_000, pytest.param(GEMMA_3, marks=pytest.mark.slow)],
)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the place of the embedded one. From 16,384 tokens on the CPU draws in another way."""
    folder = tmp_path_factory.mktemp("large") / f"base-{request.param}"
    return write_large_base(folder, vocabulary=request.param)


# What is made from the embedded base for all other files is made from this one here.


@pytest.fixture(scope="module")
def base_fingerprint(base: Path) -> str:
    return fingerprint(base)


@pytest.fixture(scope="module")
def five(
    blas: None,  # noqa: ARG001 - MLX is imported below
    base: Path,
    base_fingerprint: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    return make_five(tmp_path_factory.mktemp("five"), base, base_fingerprint)


@pytest.fixture(scope="module")
def alone(blas: None, base: Path) -> Alone:  # noqa: ARG001 - MLX is imported by it
    return Alone(base)


WARM = (
    Sampling(temperature=1, seed=1),
    Sampling(temperature=0.7, top_p=0.9, seed=2),
    Sampling(temperature=1, top_k=40, top_p=0.9, min_p=0.02, seed=3),
    Sampling(temperature=1.5, min_p=0.1, seed=4),
    Sampling(temperature=1, top_k=5000, seed=5),
    Sampling(temperature=0),
    Sampling(temperature=1, top_p=0.5, repetition_penalty=1.2, frequency_penalty=0.4, seed=6),
)
"""Each of the ways to draw, and one that draws nothing."""


def test_what_a_seed_draws_is_the_same_in_any_company(bench: Callable[..., RealBench]) -> None:
    together = bench()
    for number, sampling in enumerate(WARM):
        together.ask(number, some_prompt(number, 12), max_tokens=12, sampling=sampling)
    together.run()
    for number, sampling in enumerate(WARM):
        apart = bench()
        apart.ask(number, some_prompt(number, 12), max_tokens=12, sampling=sampling)
        apart.run()
        assert apart.answers[number] == together.answers[number], sampling
    assert len({tuple(answer) for answer in together.answers.values()}) == len(WARM)
