"""Penalties, biases and processors change the logits of the rows that want it, and no others'."""

from typing import Any

import pytest

from bluey_server.engine.rows import Draw, Row, RowEntry
from bluey_server.messages import Sampling
from tests.engine.alone import penalize

pytestmark = pytest.mark.usefixtures("blas")

LOGITS = [2.0, -1.0, 0.5, 3.0]


def row(prompt: list[int] | None = None, **sampling: Any) -> Row:
    from bluey_server.engine.adjustments import Adjustment

    wishes = Sampling(temperature=0, **sampling)
    return Row(0, wishes, (), 0, Adjustment.wanted(wishes, prompt or [0]))


def adjusted(*rows: Row) -> list[list[float]]:
    import mlx.core as mx

    from bluey_server.engine.adjustments import adjust

    values: list[list[float]] = adjust(mx.array([LOGITS] * len(rows)), rows).tolist()
    return values


def say(tokens: list[int], rows: list[Row]) -> None:
    import mlx.core as mx

    from bluey_server.engine.adjustments import count

    count(Draw(mx.array(tokens), None), rows)


def test_rows_without_wishes_are_left_alone() -> None:
    assert adjusted(row(), row(repetition_penalty=2.0), row())[::2] == [LOGITS, LOGITS]


def test_the_repetition_penalty_is_on_prompt_and_answer() -> None:
    asked = row([0, 1], repetition_penalty=2.0)
    assert adjusted(asked) == [[1.0, -2.0, 0.5, 3.0]]
    say([3], [asked])
    assert adjusted(asked) == [[1.0, -2.0, 0.5, 1.5]]


def test_frequency_and_presence_are_on_the_answer_alone() -> None:
    often = row([0, 1], frequency_penalty=0.5)
    once = row([0, 1], presence_penalty=0.5)
    assert adjusted(often, once) == [LOGITS, LOGITS]
    for _ in range(3):
        say([3, 3], [often, once])
    assert adjusted(often, once) == [[2.0, -1.0, 0.5, 1.5], [2.0, -1.0, 0.5, 2.5]]


def test_a_bias_is_added() -> None:
    asked = row(logit_bias=((0, -100.0), (2, 4.0)))
    assert adjusted(asked) == [[-98.0, -1.0, 4.5, 3.0]]


def test_each_row_has_its_own() -> None:
    rows = [row([1], repetition_penalty=3.0), row(), row([0], repetition_penalty=2.0)]
    assert adjusted(*rows) == [[2.0, -3.0, 0.5, 3.0], LOGITS, [1.0, -1.0, 0.5, 3.0]]


def test_a_processor_that_fails_fails_its_row_alone() -> None:
    def fail(_: Any) -> Any:
        raise ValueError("no such state")

    def halve(logits: Any) -> Any:
        return logits / 2

    def with_processor(processor: Any) -> Row:
        return Row(0, Sampling(temperature=0), (), 0, processor=processor)

    rows = [with_processor(halve), with_processor(fail), row()]
    assert adjusted(*rows) == [[1.0, -0.5, 0.25, 1.5], LOGITS, LOGITS]
    assert [row.failure for row in rows] == [
        None,
        "a logits processor failed: no such state",
        None,
    ]


def test_the_sampler_uses_what_was_adjusted() -> None:
    import mlx.core as mx

    from bluey_server.engine.sampler import BatchSampler

    rows = [row(logit_bias=((3, -100.0),)), row()]
    sampler = BatchSampler()
    sampler.entry = RowEntry(rows)
    sampler.logits = mx.array([LOGITS] * 2)
    assert sampler(mx.zeros((2, 1))).tolist() == [0, 3]


def test_a_long_answer_is_counted_to_its_latest_token() -> None:
    """Beside rows with other penalties, with many biases, and with none, against the formulas."""
    import mlx.core as mx
    import numpy as np

    from bluey_server.engine.adjustments import adjust

    rng = np.random.default_rng(4)
    logits = (rng.standard_normal(500) * 3).astype(np.float32)
    many = tuple((token, float(token % 7) - 3) for token in range(0, 500, 2))
    kinds: list[dict[str, Any]] = [
        {"repetition_penalty": 1.4, "frequency_penalty": 0.2, "presence_penalty": 0.3},
        {},
        {"frequency_penalty": -0.5},
        {"repetition_penalty": 0.7, "logit_bias": many},
        {"presence_penalty": 1.5, "logit_bias": ((3, -100.0),)},
        {"logit_bias": many},
    ]
    prompts = [rng.integers(0, 500, 20).tolist() for _ in kinds]
    rows = [row(prompt, **kind) for prompt, kind in zip(prompts, kinds, strict=True)]
    answers: list[list[int]] = [[] for _ in kinds]
    for step in range(60):
        given: Any = np.array(adjust(mx.array([logits.tolist()] * len(rows)), rows))
        for place, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            expected = logits.astype(np.float64)
            penalize(expected, prompt, answer, rows[place].sampling)
            assert given[place] == pytest.approx(expected, abs=1e-4), (step, place)
        tokens = rng.integers(0, 30, len(rows)).tolist()  # few, so that they come again
        say(tokens, rows)
        for answer, token in zip(answers, tokens, strict=True):
            answer.append(token)


def test_the_latest_token_is_counted_without_asking_for_it() -> None:
    """It is not computed yet when the next step is put together."""
    import mlx.core as mx

    from bluey_server.engine.adjustments import adjust, count

    asked, draw = row([0, 1], frequency_penalty=0.5), Draw(mx.array([3]), None)
    count(draw, [asked])
    adjusted = adjust(mx.array([LOGITS]), [asked])
    assert "tokens" not in vars(draw), "this would have waited"
    assert adjusted.tolist() == [[2.0, -1.0, 0.5, 2.5]]


def test_rows_of_different_steps_may_come_together() -> None:
    """A row that joins the batch has its latest token from a draw of its own."""
    import mlx.core as mx

    from bluey_server.engine.adjustments import adjust

    first, second = row(presence_penalty=0.5), row(frequency_penalty=0.25)
    say([3, 3], [row(), first])
    say([2], [second])
    values = adjust(mx.array([LOGITS] * 3), [second, row(), first]).tolist()
    assert values == [[2.0, -1.0, 0.25, 3.0], LOGITS, [2.0, -1.0, 0.5, 2.5]]
