"""Whatever schema an answer is bound to, at temperature 1 and by however small a model: the answer
comes to an end, is JSON, and valid."""

import asyncio
import json
import os
from typing import Any

import jsonschema
from openai import AsyncOpenAI

from tests.contract.random_schemas import random_schema

SCHEMAS = 300
AT_ONCE = 24


async def answer(client: AsyncOpenAI, seed: int, turn: asyncio.Semaphore) -> dict[str, Any]:
    """What the model says, bound to the schema of this seed."""
    async with turn:
        answer = await client.chat.completions.create(
            model="it",
            messages=[{"role": "user", "content": "Tell me about a dog, in JSON."}],
            temperature=1,
            seed=seed,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "dog", "schema": random_schema(seed), "strict": True},
            },
        )
    [choice] = answer.choices
    return {"text": choice.message.content, "reason": choice.finish_reason}


async def answers(url: str) -> list[dict[str, Any]]:
    turn = asyncio.Semaphore(AT_ONCE)
    key = os.environ.get("BLUEY_API_KEY", "any")
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=key, timeout=300) as client:
        return await asyncio.gather(*(answer(client, seed, turn) for seed in range(SCHEMAS)))


def test_every_answer_is_whole_and_valid(url: str) -> None:
    for seed, got in enumerate(asyncio.run(answers(url))):
        schema = random_schema(seed)
        assert got["reason"] == "stop", (schema, got)
        jsonschema.validate(
            json.loads(got["text"]),
            schema,
            jsonschema.Draft202012Validator,
            format_checker=jsonschema.FormatChecker(["uuid", "ipv4"]),
        )
