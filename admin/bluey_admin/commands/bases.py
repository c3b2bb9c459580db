"""`bluey-admin bases`: what adapters are trained on, and which bases `it` and `pt` mean."""

import re
from pathlib import Path
from typing import Any

import click

from bluey_adapters import hub
from bluey_adapters.base_table import PAIR
from bluey_adapters.bases import Base, open_base
from bluey_adapters.catalog import Catalog, check_adapter_name
from bluey_adapters.chat_template import check_template, render_chat
from bluey_adapters.errors import BaseError, UnknownName
from bluey_adapters.home import find_home
from bluey_adapters.model_folder import ModelFacts, read_facts
from bluey_adapters.registry import Registry
from bluey_adapters.tokenizer import Tokenizer
from bluey_admin.failures import Failure
from bluey_admin.terminal import json_option, print_json, print_table, say

_HUB_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@click.group()
def command() -> None:
    """List, add, choose and download base models."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the bases, what `it` and `pt` mean, and what of them is on this machine."""
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
    bases = [_as_dict(base, catalog) for base in catalog.bases.values()]
    if as_json:
        print_json(bases)
        return
    print_table(
        ("NAME", "ALSO", "SOURCE", "ON THIS MACHINE", "CHAT TEMPLATE"),
        [
            (
                base["name"],
                ", ".join(base["aliases"]),
                base["source"],
                "yes" if base["problem"] is None else "no",
                base["chat_template"] or ("none" if base["problem"] is None else ""),
            )
            for base in bases
        ],
    )


@command.command()
@click.argument("name")
@click.argument("source", required=False)
@click.option(
    "--chat-template",
    "template_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A Jinja file that writes conversations down, in place of the model's own.",
)
def add(name: str, source: str | None, template_file: Path | None) -> None:
    """Register a model under NAME, or give a registered one another source or template.

    SOURCE is a folder in Hugging Face's layout, or a repo on its hub (OWNER/REPO). Nothing is
    copied or downloaded.
    """
    template = _read_template(template_file)
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
        known = catalog.bases.get(name)
        if source is not None:
            where = _parse_source(source)
        elif known is None:
            raise Failure(f"there is no base called {name}: say where, a folder or OWNER/REPO")
        elif template is None:
            raise Failure(f"{name} is registered; give a source or --chat-template to change it")
        else:
            where = known.source
        if template is None and known is not None:
            template = known.chat_template
        base = Base(name=check_adapter_name(name, "a base"), source=where, chat_template=template)
        facts = _check(base, new_source=source is not None)
        registry.bases.add(base)
    say(f"{'changed' if known else 'registered'} {name}: {base.source}")
    if facts is None:
        say(f"its files are not on this machine yet; `bluey-admin bases pull {name}` fetches them")
    elif base.chat_template is None and facts.chat_template is None:
        say("it has no chat template: completions will work, chats and training will not")


@command.command()
@click.argument("name")
@click.option("--as", "alias", type=click.Choice(PAIR), help="Move only this name, to any base.")
def use(name: str, alias: str | None) -> None:
    """Point `it` and `pt` at the pair NAME-it and NAME-pt, or one of them at one base.

    Adapters keep the base that they were trained on.
    """
    with Registry(find_home()) as registry:
        if alias is None:
            moved = registry.bases.use(name)
        else:
            registry.bases.point(alias, name)
            moved = {alias: name}
        bases = registry.catalog().bases
    for pointer, target in moved.items():
        say(f"{pointer} now means {target}")
        if (problem := _problem(bases[target])) is not None:
            say(f"  note: {problem}")


@command.command()
@click.argument("name")
def pull(name: str) -> None:
    """Download the base NAME, or both bases of a family, into the hub's cache on this machine."""
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
    family = [
        catalog.bases[each] for each in (f"{name}-{end}" for end in PAIR) if each in catalog.bases
    ]
    for base in family if family and catalog.find_base(name) is None else [_require(catalog, name)]:
        kind, _, where = base.source.partition(":")
        if kind != "hub":
            say(f"{base.name} needs no download: its source is {base.source}")
            base.locate()
            continue
        say(f"{base.name}: fetching {where}")
        folder = hub.pull(where)
        read_facts(folder)
        Tokenizer.load(folder).vocabulary()
        click.echo(f"{base.name} is in {folder}")


def _require(catalog: Catalog, name: str) -> Base:
    try:
        return catalog.require_base(name)
    except UnknownName as error:
        raise Failure(
            f"{error}; `bluey-admin bases add NAME OWNER/REPO` registers another"
        ) from None


def _parse_source(given: str) -> str:
    if given.startswith(("hub:", "embedded:")):
        return given
    folder = Path(given.removeprefix("path:")).expanduser().absolute()
    if folder.is_dir() or given.startswith(("path:", "/", ".", "~")):
        return f"path:{folder}"
    if _HUB_REPO.fullmatch(given):
        return f"hub:{given}"
    raise Failure(f"{given} is neither a folder nor a repo on the hub (OWNER/REPO)")


def _read_template(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        template = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Failure(f"the chat template {file} can't be read: {reason}") from None
    check_template(template)
    return template


def _check(base: Base, *, new_source: bool) -> ModelFacts | None:
    """What the base's files say, or None where they are yet to be pulled. Raises BaseError."""
    if base.source.startswith("hub:") and (not new_source or hub.find(base.source[4:]) is None):
        facts = None
    else:
        opened = open_base(base, "")
        facts = opened.facts
        if opened.chat_template is not None:
            opened.encode_chat([{"role": "user", "content": "Hello"}])
    if base.chat_template is not None:
        hello = [{"role": "user", "content": "Hello"}]
        if "Hello" not in render_chat(base.chat_template, hello, special_tokens={}):
            raise BaseError("the chat template does not write down what the user says")
    return facts


def _problem(base: Base) -> str | None:
    """Why a base can't be used now, or None."""
    try:
        read_facts(base.locate())
    except BaseError as error:
        return str(error)
    return None


def _as_dict(base: Base, catalog: Catalog) -> dict[str, Any]:
    problem = _problem(base)
    own = None if problem else read_facts(base.locate()).chat_template
    return {
        "name": base.name,
        "aliases": [alias for alias, target in catalog.aliases.items() if target == base.name],
        "source": base.source,
        "problem": problem,
        "chat_template": "given" if base.chat_template else "its own" if own else None,
        "fingerprint": base.fingerprint,
    }
