"""`python -m benchmarks`: measure, and write down what was found."""

import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import click
import httpx
import msgspec
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.figures import Figure
from benchmarks.load import LoadFailed
from benchmarks.measures import MEASURES, Measure
from benchmarks.plot import draw
from benchmarks.report import BEGIN, END, table, write_report
from benchmarks.results import look_around, read_results, today, write_results
from benchmarks.servers import ServerFailed
from benchmarks.stage import QUICK, SIZES, Sizes, Spent, Stage
from benchmarks.weights import SHAPES, make_weights

_HERE = Path(__file__).parent
_CPU = ("tiny", "60m", "152k", "262k")


@click.command(context_settings={"show_default": True})
@click.option("--only", metavar="P4,P5", help="Take these measures alone.")
@click.option(
    "--quick", is_flag=True, help="Small sizes, to see that it works; worth nothing else."
)
@click.option("--rounds", type=click.IntRange(1), help="Turns of each side in every measure.")
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    default=_CPU,
    type=click.Choice(list(SHAPES)),
    help="Weights to measure on. May be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the results into this folder; by default here, or with --quick nowhere.",
)
def main(
    only: str | None, quick: bool, rounds: int | None, shapes: tuple[str, ...], out: Path | None
) -> None:
    """Measure bluey beside mlx_lm.server and the bare batch loop, in turns, on this machine."""
    console = Console(stderr=True)
    chosen = _choose(only)
    plans = {
        name: ([m for m in chosen if name in m.shapes], _sizes(name, quick, rounds))
        for name in shapes
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # let what is open be closed
    # Every stream is a socket, and the peer gets as many again.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    figures: list[Figure] = []
    device = "CPU"
    with tempfile.TemporaryDirectory(prefix="bluey-bench-") as scratch:
        for name, (measures, sizes) in plans.items():
            if measures:
                found, device = _measure(console, Path(scratch) / name, name, measures, sizes)
                figures += found
    figures = [msgspec.structs.replace(figure, date=today()) for figure in figures]
    Console().print(Markdown(table(figures, absolute=device != "CPU")))
    missing = {measure.id for plan, _ in plans.values() for measure in plan}
    missing -= {figure.measure for figure in figures}
    if figures and (out or not quick):
        _write(out or _HERE, "cpu" if set(shapes) <= set(_CPU) else shapes[-1], device, figures)
    if missing:
        raise click.ClickException(f"not measured: {', '.join(sorted(missing))}")


def _choose(only: str | None) -> list[Measure]:
    if only is None:
        return list(MEASURES)
    wanted = [word.strip().upper() for word in only.split(",")]
    known = {measure.id: measure for measure in MEASURES}
    strange = [word for word in wanted if word not in known]
    if strange:
        raise click.BadParameter(f"no measure {', '.join(strange)}; there are {', '.join(known)}")
    return [known[word] for word in known if word in wanted]


def _sizes(shape: str, quick: bool, rounds: int | None) -> Sizes:
    sizes = SIZES[shape]
    if quick:
        sizes = replace(QUICK, streams=sizes.streams)
    return replace(sizes, rounds=rounds) if rounds else sizes


def _adapters(measures: Iterable[Measure], sizes: Sizes) -> int:
    ids = {measure.id for measure in measures}
    needed = [sizes.adapters]
    if ids & {"P1", "P15"}:
        needed.append(40)  # more than there are slots
    if "P7" in ids:
        needed.append(sizes.resident)
    if "P8" in ids:
        needed.append(max(sizes.cliff))
    return max(needed)


def _measure(
    console: Console, folder: Path, shape: str, measures: list[Measure], sizes: Sizes
) -> tuple[list[Figure], str]:
    """Figures of one model, and the device that they are from."""
    figures: list[Figure] = []
    cache = folder / "cache"
    cache.mkdir(parents=True)
    # Drawn at turns only: a display that refreshes itself would take part in the measurement.
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} turns"),
        TimeElapsedColumn(),
        console=console,
        auto_refresh=False,
    )
    with progress:
        count = _adapters(measures, sizes)
        task = progress.add_task(f"{shape}: a model and {count} adapters", total=None)
        progress.refresh()
        weights = make_weights(folder, SHAPES[shape], adapters=count)

        def on_turn() -> None:
            progress.advance(task)
            progress.refresh()

        with Stage(weights, sizes, folder, cache, on_turn) as stage:
            for measure in measures:
                progress.update(task, description=f"{shape}: {measure.id}", completed=0)
                progress.refresh()
                stage.spent = Spent()
                started = time.monotonic()
                try:
                    found = measure.take(stage)
                except (LoadFailed, ServerFailed, httpx.HTTPError, OSError) as error:
                    # The others are worth having all the same.
                    console.print(f"{shape}: {measure.id} failed: {error}", markup=False)
                    continue
                except Exception:  # a defect of ours; what was measured is not thrown away for it
                    console.print(f"{shape}: {measure.id} failed:", markup=False)
                    console.print_exception()
                    continue
                spent = stage.spent
                for figure in found:
                    figures.append(
                        msgspec.structs.replace(
                            figure, client_share=spent.client_share, neighbours=spent.neighbours
                        )
                    )
                    console.print(
                        f"{measure.id} {shape}: {figure.what}: {figure.median:.3g}", markup=False
                    )
                console.print(f"{measure.id} {shape}: {time.monotonic() - started:.0f} s")
            return figures, stage.device


def _write(folder: Path, heading: str, device: str, figures: list[Figure]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results = read_results(folder / "results.json")
    results.add(heading, look_around(device), figures)
    write_results(folder / "results.json", results)
    readme = folder / "README.md"
    if not readme.exists():
        readme.write_text(f"{BEGIN}\n{END}\n", "utf-8")
    write_report(readme, results)
    draw(folder / f"adapters-{heading}.svg", results.runs[heading])


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
