"""Fewer examples of a data set, to see how many it takes."""

import random
from pathlib import Path

from bluey_adapters.errors import SettingsError
from bluey_adapters.files import write_atomically
from bluey_data.catalog import find_training_data
from bluey_data.examples import read_dataset


def write_subset(data: str, count: int, folder: Path) -> Path:
    """Write `count` examples of `data` into `folder`/train.jsonl, and what is held out beside it.

    A larger subset holds every smaller one, so that more examples are more of the same.
    Raises DataError for the data, SettingsError when it has fewer than `count`.
    """
    train, valid = find_training_data(data)
    lines = {example.line for example in read_dataset(train).examples}
    if not 1 <= count <= len(lines):
        raise SettingsError(f"examples is {count}; {data} has {len(lines)}")
    order = sorted(lines)
    random.Random(0).shuffle(order)
    chosen = set(order[:count])
    rows = train.read_bytes().split(b"\n")  # numbered as read_dataset numbers them
    folder.mkdir(parents=True, exist_ok=True)
    kept = [row for number, row in enumerate(rows, start=1) if number in chosen]
    write_atomically(folder / "train.jsonl", b"\n".join(kept) + b"\n")
    if valid is not None:
        write_atomically(folder / "valid.jsonl", valid.read_bytes())
    return folder / "train.jsonl"
