"""Mixed adapters in one batch give the tokens that each gives alone, through mlx-lm itself."""

from pathlib import Path

import pytest

from bluey_server.messages import Generate, Sampling

LENGTHS = (3, 70, 11, 33, 300, 9, 5, 600)
"""Of the prompts: shorter and longer than a piece of prefill and than the sliding window."""

TOKENS = 24

CLOSE = 1e-4
"""Two leading logits nearer than this may change places with the order of a sum."""


def reference(base: Path, adapter: Path | None, prompt: list[int]) -> tuple[list[int], list[float]]:
    """Greedy tokens by mlx-lm alone, and how far ahead of the second each was."""
    import mlx.core as mx
    import mlx_lm
    from mlx_lm.generate import generate_step

    model, _ = mlx_lm.load(str(base), adapter_path=None if adapter is None else str(adapter))
    tokens, leads = [], []
    for token, logprobs in generate_step(mx.array(prompt), model, max_tokens=TOKENS):
        second, first = mx.topk(logprobs, 2).tolist()
        tokens.append(int(token))
        leads.append(abs(first - second))
    return tokens, leads


@pytest.fixture
def prompts(base: Path) -> list[list[int]]:
    import json

    import numpy as np

    vocabulary = json.loads((base / "config.json").read_text())["vocab_size"]
    random = np.random.default_rng(0)
    return [random.integers(8, vocabulary, size=length).tolist() for length in LENGTHS]


def test_base_and_three_adapters_in_one_batch(
    base: Path, adapters: list[Path], prompts: list[list[int]]
) -> None:
    from bluey_server.engine.backend import Backend

    backend = Backend(base, memory=4 << 30)
    sources = [None, *adapters]
    for slot, folder in enumerate(sources):
        if folder is not None:
            backend.load_adapter(slot, folder)
    greedy = Sampling(temperature=0)
    for number, prompt in enumerate(prompts):
        request = Generate(
            id=number, prompt=prompt, adapter=None, max_tokens=TOKENS, end_ids=(), sampling=greedy
        )
        backend.add(request, slot=number % len(sources))
    got: dict[int, list[int]] = {number: [] for number in range(len(prompts))}
    unfinished = set(got)
    while unfinished:
        for row in backend.step():
            got[row.request].append(row.token)
            if row.finished:
                unfinished.discard(row.request)
    backend.close()

    answers = set()
    for number, prompt in enumerate(prompts):
        expected, leads = reference(base, sources[number % len(sources)], prompt)
        for position, (token, lead) in enumerate(zip(expected, leads, strict=True)):
            if got[number][position] != token:
                assert lead < CLOSE, f"row {number} differs at {position}"
                break  # from a tie on, the two texts may go separate ways
        answers.add(tuple(got[number]))
    assert len(answers) == len(prompts), "the rows do not all say the same"


def test_an_adapter_changes_what_its_base_says(base: Path, adapters: list[Path]) -> None:
    prompt = list(range(20, 40))
    plain, _ = reference(base, None, prompt)
    assert all(reference(base, adapter, prompt)[0] != plain for adapter in adapters)
