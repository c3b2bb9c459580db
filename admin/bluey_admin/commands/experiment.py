"""`bluey-admin experiment`: the same data on several bases, or in several ways, compared."""

import click

from bluey_adapters.home import find_home
from bluey_adapters.registry import Registry
from bluey_admin.evaluation.asking import Sampling
from bluey_admin.evaluation.carry_out import Keys, carry_out
from bluey_admin.evaluation.plan import Plan, digest_of, open_folder
from bluey_admin.evaluation.report.files import write_report
from bluey_admin.evaluation.voices import dataset_files
from bluey_admin.experiment.entrants import entrants
from bluey_admin.experiment.plan import ExperimentPlan, parse_vary, plan_runs, plan_variants
from bluey_admin.experiment.settings import identified, recommended
from bluey_admin.experiment.show import show_trainings
from bluey_admin.experiment.trainings import Trainings
from bluey_admin.failures import Failure
from bluey_admin.terminal import json_option, out, plural, say


@click.command()
@click.option(
    "--base",
    "bases",
    multiple=True,
    metavar="NAME",
    help="A base to train on. May be repeated.  [default: pt and it]",
)
@click.option(
    "--data",
    default="bluey",
    show_default=True,
    metavar="NAME|FILE",
    help="What to train on; a contrast.jsonl must lie beside it.",
)
@click.option(
    "--vary",
    multiple=True,
    metavar="KEY=VALUE,…",
    help="Train, or ask, with each of these values: epochs, rank, learning_rate, batch_size, "
    "examples, temperature, min_tokens, repetition_penalty, … Repeated, every combination.",
)
@click.option(
    "--epochs",
    type=int,
    metavar="N",
    help="Times to go through the data.  [default: as a base recommends, more for few examples]",
)
@click.option("--batch-size", type=int, metavar="N", help="Examples in a step.")
@click.option("--learning-rate", type=float, metavar="X", help="The peak learning rate.")
@click.option("--rank", type=int, metavar="N", help="The rank of the LoRA matrices.")
@click.option(
    "--repeats",
    type=click.IntRange(1, 50),
    default=1,
    show_default=True,
    help="Trainings of each kind, with seeds 0, 1, …",
)
@click.option(
    "--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Answers a probe."
)
@click.option("--api-key", envvar="BLUEY_API_KEY", metavar="KEY", help="This server's key, if any.")
@click.option("--fresh", is_flag=True, help="Train and ask everything anew.")
@json_option
def command(
    bases: tuple[str, ...],
    data: str,
    vary: tuple[str, ...],
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    rank: int | None,
    repeats: int,
    seeds: int,
    api_key: str | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Train on several bases, or in several ways, and compare what came of it.

    Without --vary: the same data with the same settings and seeds on each base, compared with one
    another and with the bare bases. With --vary: one training for every combination. What is not
    given is set as the last base recommends, for all bases alike. Interrupted, the same command
    goes on where it was.
    """
    home = find_home()
    given = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "rank": rank,
    }
    settings = {key: value for key, value in given.items() if value is not None}
    with Registry(home) as registry:
        names = list(dict.fromkeys(bases or ("pt", "it")))
        varied = parse_vary(vary)
        twice = sorted(set(settings) & set(varied))
        if twice:
            raise Failure(f"{twice[0]} is both set and varied; leave one of them out")
        settings = {**recommended(registry, names[-1], data), **settings}
        variants = plan_variants(names, settings, varied)
        plan = ExperimentPlan(
            dataset=data,
            dataset_digest=digest_of(*dataset_files(data)),
            fingerprints=[identified(registry, name).fingerprint for name in names],
            variants=variants,
            training_seeds=list(range(repeats)),
            seeds=list(range(1, seeds + 1)),
            sampling=Sampling(),
        )
        folder, known = open_folder(home.reports, plan, plan.title, fresh=fresh)
        if known:
            say(f"going on with {folder.name}; --fresh begins anew")
        runs = plan_runs(variants, plan.training_seeds)
        trainings = Trainings(home, registry, data, folder, suffix="-sweep" if varied else "")
        trainings.check(runs)
        say(f"{plural(len(runs), 'training')}, then {plural(len(variants) + len(names), 'model')}")
        versions = show_trainings(trainings, runs)
        comparison = Plan(
            dataset=data,
            dataset_digest=plan.dataset_digest,
            seeds=plan.seeds,
            sampling=plan.sampling,
            contestants=entrants(
                registry, data, variants, plan.training_seeds, versions, plan.sampling
            ),
        )
        findings = carry_out(home, registry, folder, comparison, Keys(api_key), title=plan.title)
    write_report(folder, findings, console=None if as_json else out())
