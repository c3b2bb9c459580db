"""Batches of token rows, made as they are needed: batch `i` depends on the seed and `i` alone.

So a run that was stopped goes on with exactly the text it would have seen.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bluey_admin.embedded.dialogues import dialogue
from bluey_admin.embedded.prose import document
from bluey_admin.embedded.turns import render
from bluey_admin.embedded.vocabulary import BOS_ID, END_ID, EOS_ID, START_ID

PROSE_IN_TUNING = 0.05  # of the documents; keeps the stories alive while the manners are learned
_USER_WEIGHT = 0.05  # what is asked counts a little, so that asking is not forgotten


@dataclass(frozen=True)
class Batch:
    """`tokens` (rows, length + 1) int32; `weights` (rows, length) float32, summing to one."""

    tokens: NDArray[np.int32]
    weights: NDArray[np.float32]


def prose_row(tokenizer: Tokenizer, rng: random.Random) -> tuple[list[int], list[float]]:
    """One document as ids, `<bos>` to `<eos>`, all of equal weight."""
    ids: list[int] = [*tokenizer.encode(document(rng)).ids, EOS_ID]
    return ids, [1.0] * len(ids)


def dialogue_row(
    tokenizer: Tokenizer, rng: random.Random, *, attentive: bool = False
) -> tuple[list[int], list[float]]:
    """One conversation as ids; only what the model says, and that it stops, has full weight."""
    ids: list[int] = tokenizer.encode(
        render(dialogue(rng, attentive=attentive)), add_special_tokens=False
    ).ids
    weights, role, since = [], _USER_WEIGHT, 99
    model = tokenizer.encode("model", add_special_tokens=False).ids[0]
    for place, token in enumerate(ids):
        if token == START_ID:
            role, since = 1.0 if ids[place + 1] == model else _USER_WEIGHT, 0
        # The opening "<start_of_turn>model\n" is given, never generated.
        weights.append(role if since > 2 or role < 1 else 0.0)
        since += 1
        if token == END_ID:
            role = 0.0
    return ids, weights


class Text(StrEnum):
    """What a stage of training reads."""

    PROSE = "prose"
    TALK = "talk"  # conversations, and a little prose
    ATTENTIVE = "attentive talk"  # conversations, many of which take looking back


def batch(tokenizer: Tokenizer, seed: int, index: int, rows: int, length: int, text: Text) -> Batch:
    """Batch `index`: documents end to end, `rows` rows of `length` + 1 tokens."""
    rng = random.Random(f"{seed}:{text is not Text.PROSE}:{index}")
    tokens = np.zeros((rows, length + 1), np.int32)
    weights = np.zeros((rows, length + 1), np.float32)
    for row in range(rows):
        ids: list[int] = []
        marks: list[float] = []
        while len(ids) <= length:
            if text is Text.PROSE or rng.random() < PROSE_IN_TUNING:
                more, weight = prose_row(tokenizer, rng)
            else:
                more, weight = dialogue_row(tokenizer, rng, attentive=text is Text.ATTENTIVE)
            ids += more
            marks += weight
        tokens[row] = ids[: length + 1]
        weights[row] = marks[: length + 1]
    weights[tokens == BOS_ID] = 0.0  # nothing before a document tells that it begins
    shifted = weights[:, 1:]
    return Batch(tokens, shifted / max(float(shifted.sum()), 1.0))
