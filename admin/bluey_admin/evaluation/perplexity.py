"""Perplexity of lines that no model was trained on: the character's, and plain ones."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bluey_adapters.home import Home
from bluey_admin.evaluation.contestants import Contestant
from bluey_admin.evaluation.findings import Interval
from bluey_admin.evaluation.ledger import Ledger, read_entries
from bluey_admin.evaluation.likelihood import Likelihoods, Request
from bluey_admin.failures import Failure

_RESAMPLES = 4000
_FILE = "likelihoods.jsonl"


class Lines(msgspec.Struct, frozen=True):
    """Nats and tokens of every line of one kind, under a base with or without an adapter."""

    base: str
    digest: str | None
    kind: str  # "character" or "plain"
    sums: list[float]
    counts: list[int]


def measure_lines(
    home: Home, base: str, adapters: Sequence[str | None], files: Sequence[Path]
) -> Likelihoods:
    """Nats and tokens of every line of `files` under a base with each of the adapters' digests.

    Runs a process that loads the base. Raises Failure in that process's own words.
    """
    request = Request(base, list(adapters), [str(file) for file in files])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bluey_admin.evaluation.likelihood"],
        input=msgspec.json.encode(request),
        capture_output=True,
        env={**os.environ, "BLUEY_HOME": str(home.root)},
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit status {done.returncode}"
        raise Failure(f"the perplexity on {base} could not be measured: {reason}")
    return msgspec.json.decode(done.stdout, type=Likelihoods)


def measure_missing(
    home: Home, contestants: Sequence[Contestant], files: Mapping[str, Path], folder: Path
) -> None:
    """Write down, in `folder`, the likelihood of `files` (by kind) under models of this home.

    Bases are loaded one after the other, each once, and not for what is known. Raises Failure.
    """
    known = read_lines(folder)
    with Ledger(folder / _FILE, Lines) as ledger:
        for base, digests in _by_base(contestants).items():
            missing = [d for d in digests if any((base, d, kind) not in known for kind in files)]
            if not missing:
                continue
            found = measure_lines(home, base, missing, list(files.values()))
            for digest, sums, counts in zip(missing, found.sums, found.counts, strict=True):
                for kind, nats, tokens in zip(files, sums, counts, strict=True):
                    ledger.add(Lines(base, digest, kind, nats, tokens))


def read_lines(folder: Path) -> dict[tuple[str, str | None, str], Lines]:
    """What `measure_missing` has written, by base, digest and kind."""
    entries = read_entries(folder / _FILE, Lines)
    return {(entry.base, entry.digest, entry.kind): entry for entry in entries}


def _by_base(contestants: Sequence[Contestant]) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for contestant in contestants:
        if contestant.base is not None:
            there = found.setdefault(contestant.base, [])
            there += [digest for digest in contestant.digests if digest not in there]
    return found


def perplexity(sums: Sequence[Sequence[float]], counts: Sequence[int]) -> Interval:
    """exp(nats / tokens) over lines, with a bootstrap interval over lines.

    `sums` holds the lines' nats of each training (several trainings of one model are resampled
    too), `counts` the lines' tokens.
    """
    nats, tokens = np.asarray(sums, np.float64), np.asarray(counts, np.float64)
    rng = np.random.default_rng(0)
    lines = rng.integers(len(tokens), size=(_RESAMPLES, len(tokens)))
    runs = rng.integers(len(nats), size=(_RESAMPLES, len(nats)))
    drawn = nats[runs[:, :, None], lines[:, None, :]].mean(1).sum(1) / tokens[lines].sum(1)
    low, high = np.exp(np.percentile(drawn, (2.5, 97.5)))
    value = np.exp(nats.mean(0).sum() / tokens.sum())
    return Interval(float(value), float(low), float(high))
