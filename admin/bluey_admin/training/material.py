"""What a run learns from and what it is judged by: encoded examples, and some held out."""

import hashlib
from dataclasses import dataclass

from bluey_adapters.bases import OpenBase
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_admin.training.encode import EncodedExample, encode_examples
from bluey_data.catalog import find_training_data
from bluey_data.errors import DataError
from bluey_data.examples import Dataset, Example, read_dataset

_HELD_OUT = 0.1  # share of the rows, where no validation file comes with the data


@dataclass(frozen=True)
class Material:
    """Checked and encoded data."""

    train: list[EncodedExample]
    valid: list[EncodedExample]  # empty when the data is one row, or one row many times
    digest: str  # sha256 of the training file's bytes, hex


def read_material(base: OpenBase, data: str, settings: Hyperparameters) -> Material:
    """Read, check, split and encode the data set or file called `data`.

    Raises DataError with every bad line, overlong ones among them, or what encoding raises.
    """
    base.require_template()
    train_path, valid_path = find_training_data(data)
    dataset = read_dataset(train_path)
    longest = min(settings.max_length, base.facts.context_length)
    rows = _encode(base, dataset, longest)
    if valid_path is not None:
        return Material(rows, _encode(base, read_dataset(valid_path), longest), dataset.digest)
    _, held_out = split(dataset.examples)
    lines = {example.line for example in held_out}
    return Material(
        train=[row for row in rows if row.line not in lines],
        valid=[row for row in rows if row.line in lines],
        digest=dataset.digest,
    )


def split(examples: tuple[Example, ...]) -> tuple[list[Example], list[Example]]:
    """Rows to train on, and about a tenth of them held out; at least one, given two
    that differ.

    A row's own content decides, not its place or the seed: a row that one version was judged by
    is held out of the next too, though the file has grown, and twins stay on one side.
    """
    places = [_place(example) for example in examples]
    for bound in (_HELD_OUT, min(places)):
        held_out = [e for e, place in zip(examples, places, strict=True) if place <= bound]
        if 0 < len(held_out) < len(examples):
            chosen = set(held_out)
            return [example for example in examples if example not in chosen], held_out
    return list(examples), []


def _place(example: Example) -> float:
    words = "\0".join(f"{turn.role}\0{turn.content}" for turn in example.messages)
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") / 2**64


def _encode(base: OpenBase, dataset: Dataset, longest: int) -> list[EncodedExample]:
    encoded, bad = encode_examples(base, dataset.examples, max_length=longest)
    if bad:
        noun = "line" if len(bad) == 1 else "lines"
        raise DataError(f"{dataset.path}: {len(bad)} {noun} can't be used", tuple(bad))
    return encoded
