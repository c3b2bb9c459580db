"""Batches of token rows, made as they are needed: batch `i` depends on the seed and `i` alone.

So a run that was stopped goes on with exactly the text it would have seen.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bluey_admin.embedded.dialogues import TALK, WIDE, Mixture, dialogue, subjects
from bluey_admin.embedded.prose import document
from bluey_admin.embedded.turns import render
from bluey_admin.embedded.vocabulary import BOS_ID, END_ID, EOS_ID, START_ID

PROSE_IN_TUNING = 0.05  # of the documents; keeps the stories alive while the manners are learned
_USER_WEIGHT = 0.05  # what is asked counts a little, so that asking is not forgotten
_BACK_WEIGHT = 3.0  # what only looking back can tell: few words, and they must be the right ones


@dataclass(frozen=True)
class Batch:
    """`tokens` (rows, length + 1) int32; the others (rows, length).

    `weights`, float32, sum to one. `subjects`, int32, are numbers of occasions. `heard` and
    `kept`, float32, sum to one each; `heard` marks the last token before a reply whose occasion
    is known, `kept` every token of such a reply too.
    """

    tokens: NDArray[np.int32]
    weights: NDArray[np.float32]
    subjects: NDArray[np.int32]
    heard: NDArray[np.float32]
    kept: NDArray[np.float32]


class Row(NamedTuple):
    """A document's tokens, the weight of each in the loss, and (from, to, occasion) of replies."""

    ids: list[int]
    weights: list[float]
    subjects: list[tuple[int, int, int]]


def prose_row(tokenizer: Tokenizer, rng: random.Random) -> Row:
    """One document as ids, `<bos>` to `<eos>`, all of equal weight."""
    ids: list[int] = [*tokenizer.encode(document(rng)).ids, EOS_ID]
    return Row(ids, [1.0] * len(ids), [])


def dialogue_row(tokenizer: Tokenizer, rng: random.Random, mixture: Mixture = TALK) -> Row:
    """One conversation as ids; only what the model says, and that it stops, has full weight."""
    messages = dialogue(rng, mixture)
    ids: list[int] = tokenizer.encode(render(messages), add_special_tokens=False).ids
    replies = [message for message in messages if message["role"] == "assistant"]
    count = len(replies)
    about: list[tuple[int, int, int]] = []
    weights, role, since = [], _USER_WEIGHT, 99
    model = tokenizer.encode("model", add_special_tokens=False).ids[0]
    for place, token in enumerate(ids):
        if token == START_ID:
            reply = replies.pop(0) if ids[place + 1] == model else None
            first = len(replies) + 1 == count
            role, since = _USER_WEIGHT if reply is None else _weight(reply, first, mixture), 0
            if reply and (key := reply.get("about")):
                start = place + 2  # after "<start_of_turn>model\n"
                about.append((start, ids.index(END_ID, start), subjects()[key]))
        # The opening "<start_of_turn>model\n" is given, never generated.
        weights.append(role if since > 2 or role < 1 else 0.0)
        since += 1
        if token == END_ID:
            role = 0.0
    return Row(ids, weights, about)


def _weight(reply: Mapping[str, str], first: bool, mixture: Mixture) -> float:
    """What each token of a reply counts for in the loss."""
    if "aside" in reply:
        return 0.0
    back = not first or reply.get("about", "").startswith(("recall ", "an echo", "a fact"))
    return _BACK_WEIGHT if back and mixture.how.late else 1.0


class Text(StrEnum):
    """What a stage of training reads."""

    PROSE = "prose"
    TALK = "talk"  # conversations, and a little prose
    WIDE = "wide talk"  # of more things, said in more ways, and often referring back


_MIXTURES = {Text.TALK: TALK, Text.WIDE: WIDE}


def batch(tokenizer: Tokenizer, seed: int, index: int, rows: int, length: int, text: Text) -> Batch:
    """Batch `index`: documents end to end, `rows` rows of `length` + 1 tokens."""
    rng = random.Random(f"{seed}:{text is not Text.PROSE}:{index}")
    tokens = np.zeros((rows, length + 1), np.int32)
    weights = np.zeros((rows, length + 1), np.float32)
    about = np.zeros((rows, length), np.int32)
    heard = np.zeros((rows, length), np.float32)
    kept = np.zeros((rows, length), np.float32)
    for row in range(rows):
        ids: list[int] = []
        marks: list[float] = []
        while len(ids) <= length:
            if text is Text.PROSE or rng.random() < PROSE_IN_TUNING:
                more = prose_row(tokenizer, rng)
            else:
                more = dialogue_row(tokenizer, rng, _MIXTURES[text])
            for start, end, number in more.subjects:
                about[row, len(ids) + start : len(ids) + end] = number
                heard[row, len(ids) + start : len(ids) + start + 1] = 1.0
                kept[row, len(ids) + start : len(ids) + end] = 1.0
            ids += more.ids
            marks += more.weights
        tokens[row] = ids[: length + 1]
        weights[row] = marks[: length + 1]
    weights[tokens == BOS_ID] = 0.0  # nothing before a document tells that it begins
    shifted = weights[:, 1:]
    return Batch(
        tokens,
        shifted / max(float(shifted.sum()), 1.0),
        about,
        heard / max(float(heard.sum()), 1.0),
        kept / max(float(kept.sum()), 1.0),
    )
