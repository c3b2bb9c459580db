"""The ceiling: mlx-lm's BatchGenerator in a loop, no HTTP, no adapters, nobody to wait for.

`python -m benchmarks.bare_loop MODEL CACHE` reads a line of JSON for each batch from stdin and
answers with one: what `prompts` (token ids) made of `tokens` tokens each, and in which time. The
BLAS and its threads are as in our engine; prefill is at mlx-lm's own defaults.
"""

import json
import sys
import time
from pathlib import Path

from bluey_adapters.mlx_setup import prepare_mlx


def main() -> None:
    """Answer until stdin ends."""
    model_folder, cache = map(Path, sys.argv[1:])
    prepare_mlx(cache)
    from mlx_lm.generate import BatchGenerator
    from mlx_lm.utils import load_model

    model, _ = load_model(model_folder)
    for line in sys.stdin:
        batch = json.loads(line)
        rows = len(batch["prompts"])
        generator = BatchGenerator(model, completion_batch_size=rows)
        started = time.perf_counter()
        generator.insert(batch["prompts"], max_tokens=[batch["tokens"]] * rows)
        tokens = 0
        while rows:
            _, responses = generator.next()
            tokens += len(responses)
            rows -= sum(response.finish_reason is not None for response in responses)
        seconds = time.perf_counter() - started
        generator.close()
        print(json.dumps({"tokens": tokens, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
