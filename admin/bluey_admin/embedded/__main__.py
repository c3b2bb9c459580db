"""`python -m bluey_admin.embedded`: make the tokenizer, tiny-pt and tiny-it."""

import argparse
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from tokenizers import Tokenizer

from bluey_adapters.home import find_home
from bluey_adapters.mlx_setup import prepare_mlx

OUT = Path(__file__).parents[3] / "data" / "bluey_data" / "models"
_SHARES = (0.31, 0.41, 0.28)  # of --minutes
_PT_RATE, _IT_RATE, _WIDE_RATE = 4e-3, 2.5e-3, 2e-3


def main() -> None:
    """Parse the flags, then make both models; stopped and started again, it goes on."""
    parser = argparse.ArgumentParser(prog="python -m bluey_admin.embedded", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="where the two folders go")
    parser.add_argument("--work", type=Path, help="checkpoints; default: BLUEY_HOME/cache/models")
    parser.add_argument(
        "--steps", type=int, nargs=3, metavar=("PT", "IT", "WIDE"),
        default=(8000, 10000, 7000), help="of tiny-pt, of tiny-it, and of tiny-it on wide talk",
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, help="instead of --steps; not bit-identical")
    parser.add_argument(
        "--keep-pt", action="store_true",
        help="go on from the tiny-pt in --out, PT steps counting for nothing; "
        "enough when only the talk has changed",
    )  # fmt: skip
    flags = parser.parse_args()
    if flags.keep_pt and flags.minutes is not None:
        parser.error("--keep-pt: goes with --steps; --minutes are for all three parts")
    if flags.keep_pt and not (flags.out / "tiny-pt" / "model.safetensors").is_file():
        parser.error(
            f"--keep-pt: there is no tiny-pt in {flags.out}; leave the flag out to make it"
        )
    home = find_home()
    # Two streams share the cores between them (training.py), so each BLAS call takes one.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    prepare_mlx(home.cache)
    work = flags.work or home.cache / "models"
    make(flags.out, work, tuple(flags.steps), flags.minutes, keep_pt=flags.keep_pt)


def make(
    out: Path, work: Path, steps: tuple[int, ...], minutes: float | None, *, keep_pt: bool
) -> None:
    """Write `out`/tiny-pt, unless it is kept, and `out`/tiny-it; checkpoints go into `work`."""
    from bluey_admin.embedded.batches import Text
    from bluey_admin.embedded.folder import save
    from bluey_admin.embedded.shape import SHARPNESS
    from bluey_admin.embedded.training import Schedule, new_model, sharpen, train

    work.mkdir(parents=True, exist_ok=True)
    made = (out / "tiny-pt" if keep_pt else work) / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(made)) if made.is_file() else _new_tokenizer(made)
    model = new_model(tokenizer.get_vocab_size(), seed=1)
    if keep_pt:
        model.load_weights(str(out / "tiny-pt" / "model.safetensors"))
    if minutes is not None:
        steps = _steps_in(minutes, tokenizer, work)
    stages = (
        ("tiny-pt", Text.PROSE, Schedule(steps[0], _PT_RATE)),
        ("tiny-it", Text.TALK, Schedule(steps[1], _IT_RATE, seed=2)),
        ("tiny-it", Text.WIDE, Schedule(steps[2], _WIDE_RATE, seed=4)),
    )
    for number, (name, text, schedule) in enumerate(stages):
        if keep_pt and text is Text.PROSE:
            continue
        with _bar(f"{name}, {text}", schedule.steps) as report:
            loss = train(model, tokenizer, schedule, work / f"stage-{number}", report, text)
        if text is Text.WIDE:
            sharpen(model, SHARPNESS)
        save(model, tokenizer, out / name, tuned=text is not Text.PROSE)
        print(f"{name}, {text}: " + ("done before" if loss is None else f"loss {loss:.3f}"))


def _new_tokenizer(path: Path) -> Tokenizer:
    """Train the tokenizer on the generator's texts, and keep it at `path`."""
    from bluey_admin.embedded.dialogues import dialogues
    from bluey_admin.embedded.prose import documents
    from bluey_admin.embedded.shape import VOCABULARY
    from bluey_admin.embedded.vocabulary import train_tokenizer

    texts = list(islice(documents(7), 20_000))
    texts += [turn["content"] for talk in islice(dialogues(7), 20_000) for turn in talk]
    # Rare words too shall be one token each: raise every word that is seen at all often.
    seen = Counter(word for text in texts for word in re.findall(r"[A-Za-z]+", text))
    texts += [f" {word}" for word, count in seen.items() if count > 20 for _ in range(200)]
    tokenizer = train_tokenizer(texts, VOCABULARY)
    tokenizer.save(str(path))
    return tokenizer


def _steps_in(minutes: float, tokenizer: Tokenizer, work: Path) -> tuple[int, ...]:
    """How many steps of either kind fit, judged by a few thrown away."""
    from bluey_admin.embedded.batches import Text
    from bluey_admin.embedded.shape import VOCABULARY
    from bluey_admin.embedded.training import Schedule, new_model, train

    speed = [1.0]
    trial = Schedule(12, 1e-3, seed=0)
    train(
        new_model(VOCABULARY, 0), tokenizer, trial, work / "trial",
        lambda _step, _loss, rate: speed.append(rate), Text.PROSE,
    )  # fmt: skip
    total = minutes * 60 * speed[-1] / (trial.rows * trial.length)
    return tuple(int(total * share) for share in _SHARES)


@contextmanager
def _bar(name: str, steps: int) -> Iterator[Callable[[int, float, float], None]]:
    """A progress bar; yields what the training loop reports to."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"), TextColumn("{task.fields[rate]:.0f} tokens/s"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as progress:
        task = progress.add_task(name, total=steps, loss=float("nan"), rate=0.0)
        yield lambda step, loss, rate: progress.update(task, completed=step, loss=loss, rate=rate)


if __name__ == "__main__":
    main()
