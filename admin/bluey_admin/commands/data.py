"""`bluey-admin data`: what there is to train on, and whether it can be trained on."""

from statistics import mean, median
from typing import Any

import click

from bluey_adapters.base_table import PAIR
from bluey_adapters.bases import open_base
from bluey_adapters.errors import BaseError
from bluey_adapters.home import find_home
from bluey_adapters.registry import Registry
from bluey_admin.failures import Failure
from bluey_admin.terminal import json_option, plural, print_facts, print_json, print_table
from bluey_data.catalog import find_training_data, packaged_datasets
from bluey_data.examples import Dataset, Example, read_dataset


@click.group()
def command() -> None:
    """List, check and show training data."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the data sets that come with bluey."""
    rows: list[dict[str, Any]] = []
    for name, packaged in packaged_datasets().items():
        valid = len(read_dataset(packaged.valid).examples) if packaged.valid.is_file() else 0
        count = len(read_dataset(packaged.train).examples)
        rows.append(
            {"name": name, "examples": count, "validation": valid, "path": str(packaged.train)}
        )
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("NAME", "EXAMPLES", "VALIDATION", "PATH"), [tuple(row.values()) for row in rows]
        )


@command.command()
@click.argument("source", metavar="NAME|FILE")
@json_option
def check(source: str, as_json: bool) -> None:
    """Check every line of a data file, and describe it; bad lines are listed, all of them."""
    dataset = read_dataset(find_training_data(source)[0])
    facts = _statistics(dataset)
    if as_json:
        print_json(facts)
        return
    print_facts(
        [
            (key.replace("_", " "), _spread(value) if isinstance(value, dict) else value)
            for key, value in facts.items()
        ]
    )


@command.command()
@click.argument("source", metavar="NAME|FILE")
@click.option("--line", type=click.IntRange(1), metavar="N", help="Only the example on line N.")
@click.option("--head", type=click.IntRange(1), metavar="N", help="Only the first N examples.")
@json_option
def show(source: str, line: int | None, head: int | None, as_json: bool) -> None:
    """Print the conversations of a data file."""
    dataset = read_dataset(find_training_data(source)[0])
    chosen = [each for each in dataset.examples if line in (None, each.line)][:head]
    if not chosen:
        raise Failure(f"there is no example on line {line} of {dataset.path}")
    if as_json:
        print_json([{"line": each.line, "messages": each.as_dicts()} for each in chosen])
        return
    for example in chosen:
        click.echo(f"--- line {example.line}")
        for message in example.messages:
            click.echo(f"{message.role}: {message.content}")


def _statistics(dataset: Dataset) -> dict[str, Any]:
    examples = dataset.examples
    replies = [reply for example in examples for reply in example.replies]
    first = [next(m.content for m in each.messages if m.role == "user") for each in examples]
    return {
        "file": str(dataset.path),
        "digest": dataset.digest,
        "examples": len(examples),
        "replies": len(replies),
        "with_a_system_message": sum(each.messages[0].role == "system" for each in examples),
        "repeated_prompts": len(first) - len(set(first)),
        "words_a_reply": _summary([len(reply.split()) for reply in replies]),
        **_token_lengths(examples),
    }


def _token_lengths(examples: tuple[Example, ...]) -> dict[str, Any]:
    """Tokens an example, for each of `it` and `pt` that is on this machine."""
    found: dict[str, Any] = {}
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
    for name in PAIR:
        try:
            base = open_base(catalog.require_base(name), "")
            lengths = [
                len(base.encode_chat(each.as_dicts(), add_generation_prompt=False))
                for each in examples
            ]
        except BaseError:
            continue  # not here, or it can't chat: `bases list` tells
        limit = base.facts.recommended.max_length
        found[f"tokens_an_example_for_{name}"] = _summary(lengths)
        if too_long := sum(length > limit for length in lengths):
            found[f"too_long_for_{name}"] = f"{plural(too_long, 'example')} of over {limit} tokens"
    return found


def _summary(values: list[int]) -> dict[str, float]:
    return {
        "least": min(values),
        "median": median(values),
        "mean": round(mean(values), 1),
        "most": max(values),
    }


def _spread(summary: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in summary.items())
