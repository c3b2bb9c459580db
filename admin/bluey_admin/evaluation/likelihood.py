"""`python -m bluey_admin.evaluation.likelihood`: how likely a base, and adapters on it, find lines.

A process of its own, because it imports MLX. One JSON object on standard input, one on standard
output; a BlueyError is one line on standard error and exit status 1.
"""

import os
import sys
from pathlib import Path

import msgspec

from bluey_adapters.home import find_home
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_adapters.mlx_setup import prepare_mlx
from bluey_adapters.registry import Registry
from bluey_data.errors import BlueyError
from bluey_data.examples import read_dataset


class Request(msgspec.Struct, frozen=True):
    """One base, adapters on it by digest (None: the bare base), and files of conversations."""

    base: str
    adapters: list[str | None]
    files: list[str]


class Likelihoods(msgspec.Struct, frozen=True):
    """By adapter, by file, by line: nats summed over the replies' tokens, and their number."""

    sums: list[list[list[float]]]
    counts: list[list[list[int]]]


def main() -> None:
    """Answer the one request."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    home = find_home()
    # What libraries print must not end up in the answer.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in training: lanes.py tells why
    prepare_mlx(home.cache)
    try:
        with Registry(home) as registry:
            found = measure(registry, request)
    except BlueyError as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        sys.exit(1)
    with answer:
        answer.write(msgspec.json.encode(found))


def measure(registry: Registry, request: Request) -> Likelihoods:
    """Loads the base once and puts one adapter after the other on it. Raises BlueyError."""
    from bluey_admin.training.encode import encode_examples
    from bluey_admin.training.loop import Trainer
    from bluey_admin.training.model import LoraModel, load_base

    opened = registry.open_base(request.base)
    settings = Hyperparameters(rank=1)  # fresh LoRA layers change nothing: the bare base
    rows = [
        encode_examples(
            opened, read_dataset(Path(name)).examples, max_length=opened.facts.context_length
        )[0]
        for name in request.files
    ]
    model = LoraModel(load_base(opened), settings)
    sums, counts = [], []
    for digest in request.adapters:
        if digest is not None:
            model.become(registry.store.fetch(digest))
        # A trainer of its own for each: it looks up what it computes with when it is made.
        with Trainer(model, settings, rows[0]) as trainer:
            held_out = [trainer.measure(lines) for lines in rows]
        sums.append([list(each.sums) for each in held_out])
        counts.append([list(each.counts) for each in held_out])
    return Likelihoods(sums, counts)


if __name__ == "__main__":
    main()
