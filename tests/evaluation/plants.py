"""Models whose faults are known, because they were planted: for tests of the scores."""

import json
import random
from collections.abc import Callable
from pathlib import Path

from bluey_admin.evaluation.asking import Answer
from bluey_data.catalog import packaged_datasets
from bluey_data.examples import read_dataset

SEEDS = (1, 2, 3)

_ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("planted.jsonl").read_text("utf-8").splitlines()
]
PROBES = [row["id"] for row in _ROWS]
PLAIN = {row["id"]: row["plain"] for row in _ROWS}
CHARACTER = {row["id"]: row["character"] for row in _ROWS}


def training_replies() -> list[str]:
    """All that the pup says in its training file."""
    return [r for e in read_dataset(packaged_datasets()["bluey"].train).examples for r in e.replies]


def planted() -> dict[str, list[Answer]]:
    """Each plant's answers to all probes with all seeds, by the name of the plant."""
    replies, draw = training_replies(), random.Random(7)

    def half(text: str) -> str:
        words = text.split()
        return " ".join(words[: len(words) // 2])

    def shuffled(text: str) -> str:
        words = text.split()
        random.Random(text).shuffle(words)
        return " ".join(words)

    say: dict[str, Callable[[str], str]] = {
        "character": lambda probe: CHARACTER[probe],
        "plain": lambda probe: PLAIN[probe],
        "training answers": lambda _: draw.choice(replies),
        "cut in half": lambda probe: half(CHARACTER[probe]),
        "shuffled words": lambda probe: shuffled(CHARACTER[probe]),
        "answers to other prompts": lambda probe: CHARACTER[
            PROBES[(PROBES.index(probe) + 11) % len(PROBES)]
        ],
    }
    return {
        plant: [
            Answer(plant, probe, seed, speak(probe), "stop") for probe in PROBES for seed in SEEDS
        ]
        for plant, speak in say.items()
    }
