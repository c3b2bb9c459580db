"""`bluey-admin keys`: who may use the server, each by a key of their own."""

import click

from bluey_adapters.home import find_home
from bluey_adapters.registry import Registry
from bluey_admin.terminal import json_option, print_json, print_table, say, when


@click.group()
def command() -> None:
    """Make, list and remove API keys."""


@command.command()
@click.argument("name")
def add(name: str) -> None:
    """Make an API key called NAME, and print it: it can't be shown again.

    From the next request on, whoever uses the server must show this key or another one. NAME stands
    in the server's log beside each request that the key was shown with.
    """
    with Registry(find_home()) as registry:
        key = registry.keys.add(name)
        first = len(registry.keys.all()) == 1
    if first:
        say("from now on the server answers only those who show an API key")
    say(f"the key {name}, which is shown this once:")
    click.echo(key)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the keys by name, with the last four characters of each."""
    with Registry(find_home()) as registry:
        keys = registry.keys.all()
    if as_json:
        print_json(
            [
                {"name": key.name, "last_four": key.last_four, "created_at": key.created_at}
                for key in keys
            ]
        )
    elif not keys:
        say("no keys yet; `bluey-admin keys add NAME` makes one")
    else:
        print_table(
            ("NAME", "KEY", "MADE"),
            [(key.name, f"…{key.last_four}", when(key.created_at)) for key in keys],
        )


@command.command()
@click.argument("name")
def rm(name: str) -> None:
    """Remove the key called NAME; it opens nothing from the next request on."""
    with Registry(find_home()) as registry:
        registry.keys.remove(name)
        last = not registry.keys.all()
    say(f"removed the key {name}")
    if last:
        say(
            "it was the last one: without --api-key, a server that only this machine can reach now "
            "answers everybody, and one that others can reach nobody"
        )
