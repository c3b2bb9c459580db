"""What an evaluation harness gets over HTTP is what mlx-lm computes itself, for a base and for an
adapter on it, however many it asks for at once."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from bluey_adapters.bases import Base, open_base
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_admin.server_process import ServerProcess
from tests.engine.alone import Alone

PAIRS = [
    ("What is the sea made of?", " Salt water, and a great many fish."),
    ("The dog ran", " home."),
    ("Ärger, 漢字 🐶", " and that was that."),
    ("One day " * 300, "the little boat came back to the harbour."),
]
"""A context, and what is to be scored after it. The last is longer than the sliding window."""


def test_as_lm_eval_asks(
    home: Home, base: Path, base_fingerprint: str, adapters: list[Path], alone: Alone
) -> None:
    with Registry(home) as registry:
        registry.adapters.publish(
            "odd",
            digest=registry.store.publish(adapters[0]),
            base="tiny-it",
            base_fingerprint=base_fingerprint,
            dataset_digest=None,
            hyperparameters={},
            metrics={},
            job_id=None,
            promote=True,
        )
    tokenizer = open_base(Base(name="tiny-it", source=f"path:{base}"), base_fingerprint).tokenizer
    asked: list[tuple[str, list[int], int]] = []
    for model in ("tiny-it", "odd"):
        for context, rest in PAIRS:
            before = tokenizer.encode(context, special=True)
            after = tokenizer.encode(rest, special=False)
            asked.append((model, [*before, *after], len(before)))
    server = ServerProcess(home, ["--port", "0"])
    try:
        url = server.wait_until_up().url
        answers = asyncio.run(_ask(url, [(model, ids) for model, ids, _ in asked]))
    finally:
        server.stop()
    for (model, ids, context), answer in zip(asked, answers, strict=True):
        told = answer["choices"][0]["logprobs"]
        expected = alone.logprobs(ids, adapters[0] if model == "odd" else None)
        places = range(context, len(ids))
        # As lm_eval's parse_logprobs reads it: without what was generated after the prompt.
        likelihoods = told["token_logprobs"][context:-1]
        assert likelihoods == pytest.approx([expected[p - 1][ids[p]] for p in places], abs=1e-3)
        tops = [max(top.values()) for top in told["top_logprobs"][context:-1]]
        assert tops == pytest.approx([expected[p - 1].max() for p in places], abs=1e-3)
        came = expected[len(ids) - 1]
        assert told["token_logprobs"][-1] == pytest.approx(came.max(), abs=1e-3)
    base_says, odd_says = answers[0], answers[len(PAIRS)]
    assert base_says["choices"][0]["logprobs"] != odd_says["choices"][0]["logprobs"]


async def _ask(url: str, asked: list[tuple[str, list[int]]]) -> list[Any]:
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:

        async def one(model: str, ids: list[int]) -> Any:
            body = {
                "model": model,
                "prompt": [ids],
                "max_tokens": 1,
                "temperature": 0,
                "echo": True,
                "logprobs": 1,
                "seed": 1234,
            }
            response = await client.post("/v1/completions", json=body)
            assert response.status_code == 200, response.text
            return response.json()

        return await asyncio.gather(*(one(model, ids) for model, ids in asked))
