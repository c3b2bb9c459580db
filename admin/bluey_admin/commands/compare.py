"""`bluey-admin compare`: the same questions to several models, and what the answers show."""

import click

from bluey_adapters.home import find_home
from bluey_adapters.registry import Registry
from bluey_admin.evaluation.asking import Sampling
from bluey_admin.evaluation.carry_out import Keys, carry_out
from bluey_admin.evaluation.contestants import find_contestants
from bluey_admin.evaluation.plan import JudgePlan, Plan, digest_of, open_folder
from bluey_admin.evaluation.report.files import write_report
from bluey_admin.evaluation.voices import dataset_files
from bluey_admin.failures import Failure
from bluey_admin.terminal import json_option, out, say


@click.command()
@click.argument("models", nargs=-1, metavar="MODEL…")
@click.option(
    "--at",
    "elsewhere",
    multiple=True,
    metavar="URL=MODEL",
    help="A model of another OpenAI-compatible server, its URL with /v1. May be repeated.",
)
@click.option(
    "--data",
    default="bluey",
    show_default=True,
    metavar="NAME|FOLDER",
    help="Whose character is looked for: a data set that comes with bluey, or a folder with "
    "train.jsonl, contrast.jsonl and, if you like, valid.jsonl and probes.jsonl.",
)
@click.option(
    "--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Answers a probe."
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2),
    default=0.7,
    show_default=True,
    help="0 is greedy.",
)
@click.option(
    "--top-p", type=click.FloatRange(0, 1, min_open=True), default=0.95, show_default=True
)
@click.option("--max-tokens", type=click.IntRange(1), default=200, show_default=True)
@click.option("--min-tokens", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--repetition-penalty",
    type=click.FloatRange(0, 10, min_open=True),
    default=1.0,
    show_default=True,
)
@click.option("--judge", metavar="MODEL", help="Let this chat model judge the answers, in pairs.")
@click.option("--judge-url", metavar="URL", help="Where the judge is.  [default: this server]")
@click.option(
    "--judge-key", envvar="BLUEY_JUDGE_KEY", metavar="KEY", help="The judge's API key, if any."
)
@click.option("--at-key", envvar="BLUEY_AT_KEY", metavar="KEY", help="The key for --at, if any.")
@click.option("--api-key", envvar="BLUEY_API_KEY", metavar="KEY", help="This server's key, if any.")
@click.option("--fresh", is_flag=True, help="Ask everything anew, though it was asked before.")
@json_option
def command(
    models: tuple[str, ...],
    elsewhere: tuple[str, ...],
    data: str,
    seeds: int,
    temperature: float,
    top_p: float,
    max_tokens: int,
    min_tokens: int,
    repetition_penalty: float,
    judge: str | None,
    judge_url: str | None,
    judge_key: str | None,
    at_key: str | None,
    api_key: str | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Compare models: who keeps the character, stays on topic, and recites.

    MODEL is a base or an adapter of this home. Every probe is asked, several seeds each, and the
    answers are scored with confidence intervals. The report is a page in BLUEY_HOME/reports.
    Interrupted, the same command goes on where it was.
    """
    home = find_home()
    if judge_url and not judge:
        raise Failure("--judge-url needs --judge MODEL")
    with Registry(home) as registry:
        contestants = find_contestants(registry, models, elsewhere)
        if not contestants:
            raise Failure("name at least one model, as `bluey-admin compare it bluey-it`")
        plan = Plan(
            dataset=data,
            dataset_digest=digest_of(*dataset_files(data)),
            seeds=list(range(1, seeds + 1)),
            sampling=Sampling(temperature, top_p, max_tokens, min_tokens, repetition_penalty),
            contestants=contestants,
            judge=JudgePlan(judge, judge_url.rstrip("/") if judge_url else None) if judge else None,
        )
        folder, known = open_folder(home.reports, plan, plan.title, fresh=fresh)
        if known:
            say(f"going on with {folder.name}; --fresh asks everything anew")
        findings = carry_out(home, registry, folder, plan, Keys(api_key, at_key, judge_key))
    write_report(folder, findings, console=None if as_json else out())
