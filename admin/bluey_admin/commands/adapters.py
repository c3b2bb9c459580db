"""`bluey-admin adapters`: the versions there are, and what each name means."""

from typing import Any

import click
import msgspec

from bluey_adapters.catalog import AdapterVersion, Catalog
from bluey_adapters.errors import StoreError
from bluey_adapters.home import find_home
from bluey_adapters.registry import Registry
from bluey_admin.failures import Failure
from bluey_admin.terminal import (
    json_option,
    plural,
    print_facts,
    print_json,
    print_table,
    say,
    size,
    when,
    yes_option,
)


@click.group()
def command() -> None:
    """List, show, promote, roll back, remove and verify adapters."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every version; * marks the one that its bare name means."""
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
    versions = [version for _, version in sorted(catalog.versions.items())]
    if as_json:
        print_json([_as_dict(version, catalog) for version in versions])
    elif not versions:
        say("no adapters yet; `bluey-admin train it` makes one")
    else:
        print_table(
            ("NAME", "", "BASE", "MADE", "DIGEST"),
            [
                (
                    version.pinned,
                    "*" if _is_current(version, catalog) else "",
                    version.base,
                    when(version.created_at),
                    version.digest[:12],
                )
                for version in versions
            ],
        )


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show all that is known of the adapter NAME or NAME@VERSION."""
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
        version = catalog.require_adapter(name)
        files = str(registry.store.path(version.digest))
    known = {**_as_dict(version, catalog), "files": files}
    if as_json:
        print_json(known)
        return
    known["created_at"] = when(version.created_at)
    for key in ("hyperparameters", "metrics"):
        known[key] = ", ".join(f"{name} {value}" for name, value in known[key].items()) or "none"
    known["versions"] = ", ".join(str(other.version) for other in catalog.versions_of(version.name))
    print_facts([(key.replace("_", " "), value) for key, value in known.items()])


@command.command()
@click.argument("version", metavar="NAME@VERSION")
def promote(version: str) -> None:
    """Make the bare NAME mean this version, from the next request on."""
    with Registry(find_home()) as registry:
        found = registry.catalog().require_adapter(version)
        if version != found.pinned:
            raise Failure(f"say which version of {version}: {version}@1, {version}@2, …")
        registry.promote(found)
    say(f"{found.name} now means {found.pinned}")


@command.command()
@click.argument("name")
def rollback(name: str) -> None:
    """Undo the last promotion of NAME."""
    with Registry(find_home()) as registry:
        registry.catalog().require_adapter(name)
        version = registry.adapters.rollback(name)
    say(f"{name} now means {name}@{version}")


@command.command()
@click.argument("name", metavar="NAME[@VERSION]")
@yes_option
def rm(name: str, yes: bool) -> None:
    """Remove one version, or with a bare NAME all of them, and the files that only they use."""
    bare, at, _ = name.rpartition("@")
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
        found = catalog.require_adapter(name)
        doomed = [found] if at else catalog.versions_of(name)
        if not yes:
            _ask(registry, catalog, doomed)
        gone = registry.remove(bare if at else name, found.version if at else None)
    say(f"removed {', '.join(version.pinned for version in gone)}")


@command.command()
@click.argument("name", metavar="[NAME[@VERSION]]", required=False)
@json_option
def verify(name: str | None, as_json: bool) -> None:
    """Compare the files of one adapter, or of all, with the digests they were published under."""
    with Registry(find_home()) as registry:
        catalog = registry.catalog()
        if name is None:
            versions = [version for _, version in sorted(catalog.versions.items())]
        else:
            versions = [catalog.require_adapter(name)]
            if "@" not in name:
                versions = catalog.versions_of(name)
        reasons = {version.pinned: _defect(registry, version) for version in versions}
    bad = {pinned: reason for pinned, reason in reasons.items() if reason is not None}
    if as_json:
        print_json(
            [{"adapter": key, "sound": not why, "reason": why} for key, why in reasons.items()]
        )
    else:
        for pinned, reason in reasons.items():
            click.echo(f"{pinned}: {reason or 'sound'}")
    if bad:
        raise Failure(f"{', '.join(bad)} can't be served; the files are not those published")
    say(f"{plural(len(reasons), 'version')} checked")


def _ask(registry: Registry, catalog: Catalog, doomed: list[AdapterVersion]) -> None:
    labels = {version.pinned for version in doomed}
    kept = {found.digest for found in catalog.versions.values() if found.pinned not in labels}
    folders = {
        registry.store.path(version.digest) for version in doomed if version.digest not in kept
    }
    count = sum(path.stat().st_size for folder in folders for path in folder.glob("*"))
    for version in doomed:
        say(f"  {version.pinned}  made {when(version.created_at)} on {version.base}")
    try:
        click.confirm(
            f"Remove {plural(len(doomed), 'version')} for good ({size(count)} of files)?",
            abort=True,
            err=True,
        )
    except click.Abort:
        raise Failure("nothing was removed; --yes removes without asking") from None


def _defect(registry: Registry, version: AdapterVersion) -> str | None:
    try:
        registry.store.fetch(version.digest)
    except StoreError as error:
        return str(error)
    return None


def _is_current(version: AdapterVersion, catalog: Catalog) -> bool:
    return catalog.current.get(version.name) == version.version


def _as_dict(version: AdapterVersion, catalog: Catalog) -> dict[str, Any]:
    return {
        "id": version.pinned,
        **msgspec.to_builtins(version),
        "current": _is_current(version, catalog),
    }
