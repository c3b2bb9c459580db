"""P9: how much of a conversation is computed again at its second turn."""

import statistics
from functools import partial

from benchmarks.figures import Figure, at_most
from benchmarks.load import ask, run
from benchmarks.measures.measure import TINY, Measure
from benchmarks.servers import Messages
from benchmarks.stage import Stage

_CONVERSATIONS = 3  # a round
_ANSWER = 40  # tokens, at most


def _second_turn(stage: Stage, adapter: int | None) -> float:
    """Prompt tokens computed beyond the new message, over prompt tokens sent."""
    server = stage.ours
    messages: Messages = [
        {"role": "system", "content": stage.prompt(160)},
        {"role": "user", "content": stage.prompt(60)},
    ]
    # A turn that ends by itself is how it goes in life, and how its text is cached.
    first = run(ask(server.url, server.body(messages, adapter, _ANSWER, min_tokens=0)))
    said = {"role": "assistant", "content": "".join(first.text)}
    messages = [*messages, said, {"role": "user", "content": "and what came then?"}]
    second = run(ask(server.url, server.body(messages, adapter, 2)))
    new = second.prompt_tokens - first.prompt_tokens - first.completion_tokens
    computed = second.prompt_tokens - second.cached_tokens
    return max(0, computed - new) / second.prompt_tokens


def _conversations(stage: Stage, adapter: int | None) -> float:
    with stage.watch(stage.ours):
        return statistics.mean(_second_turn(stage, adapter) for _ in range(_CONVERSATIONS))


def _take(stage: Stage) -> list[Figure]:
    figures = []
    for what, adapter in (("the base", None), ("an adapter", 0)):
        found = stage.turns({"": partial(_conversations, stage, adapter)})
        figures.append(
            Figure(
                measure="P9",
                what=f"Second turn with {what}: prompt tokens computed beyond the new message, "
                "over prompt tokens sent",
                weights=stage.shape,
                goal=at_most(0.1),
                rounds=found[""],
            )
        )
    return figures


P9 = Measure(
    "P9",
    "A system message and a question (some 220 tokens), the answer, and a short second question, "
    "by `usage.prompt_tokens_details.cached_tokens`. On `tiny-it` alone: what random weights say "
    "does not become the same tokens again when it is sent back as text.",
    TINY,
    _take,
)
