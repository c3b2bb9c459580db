#!/bin/sh
# tokenizers 0.23.3: `Tokenizer.encode` and `Tokenizer.from_file` hold Python's interpreter lock for
# all of their run, so that an asyncio server that calls them in a thread stands still all the same.
# `encode_batch` and `encode_batch_fast`, given a list of one, let go of it.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
cd "$scratch"
TOKENIZERS_PARALLELISM=false venv/bin/python - <<'PY'
import itertools
import threading
import time
from collections.abc import Callable

from tokenizers import Tokenizer, models, pre_tokenizers

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
words = ("".join(word) for word in itertools.product("abcdefghij", repeat=5))
vocabulary = {word: at for at, word in enumerate([*alphabet, *words])}
tokenizer = Tokenizer(models.BPE(vocabulary, [], ignore_merges=True))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.save("tokenizer.json")
text = "Hello world, this is a line of a long conversation. " * 40_000


def held(call: Callable[[], object]) -> float:
    """The share of a call's time in which no other thread could run."""
    ticks = [time.perf_counter()]
    over = threading.Event()

    def tick() -> None:
        while not over.wait(0.001):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    time.sleep(0.05)
    begun = time.perf_counter()
    call()
    took = time.perf_counter() - begun
    over.set()
    thread.join()
    return max(b - a for a, b in itertools.pairwise([*ticks, time.perf_counter()])) / took


for name, call, holds in (
    ("from_file", lambda: Tokenizer.from_file("tokenizer.json"), True),
    ("encode", lambda: tokenizer.encode(text), True),
    ("encode_batch", lambda: tokenizer.encode_batch([text]), False),
    ("encode_batch_fast", lambda: tokenizer.encode_batch_fast([text]), False),
):
    share = held(call)
    print(f"{name:18} held the lock for {share:4.0%} of its time")
    assert (share > 0.7) == holds, "this has changed"
PY
