"""The catalog: every model name and what it means, as it stood at one moment.

Pure and immutable. The server keeps one in memory, so that naming a model costs no I/O, and asks
the registry for a new one when the database has changed.
"""

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec

from bluey_adapters.bases import Base
from bluey_adapters.errors import RegistryError, UnknownName

_ADAPTER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class AdapterVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One published version of an adapter. Immutable; two versions may share a digest."""

    name: str
    version: int
    digest: str
    base: str  # the base's name at training time
    base_fingerprint: str
    dataset_digest: str | None
    hyperparameters: dict[str, Any]
    metrics: dict[str, Any]
    job_id: str | None
    created_at: float

    @property
    def pinned(self) -> str:
        """The name that always means this version."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Target:
    """What a model name means: a base, alone or with an adapter."""

    requested: str
    base: Base
    adapter: AdapterVersion | None = None


@dataclass(frozen=True)
class Catalog:
    """All names at one moment."""

    bases: MappingProxyType[str, Base] = field(default_factory=lambda: MappingProxyType({}))
    aliases: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """`it`, `pt`, …: names that point at a base."""
    versions: MappingProxyType[tuple[str, int], AdapterVersion] = field(
        default_factory=lambda: MappingProxyType({})
    )
    current: MappingProxyType[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """The version that each adapter's bare name means."""

    def resolve(self, model: str) -> Target:
        """What `model` means. Raises UnknownName if it means nothing."""
        base = self.find_base(model)
        if base is not None:
            return Target(model, base)
        adapter = self.find_adapter(model)
        if adapter is None:
            raise UnknownName(f"The model `{model}` does not exist", model)
        return Target(model, self.base_of(adapter), adapter)

    def find_base(self, name: str) -> Base | None:
        """The base called `name`, an alias or its own."""
        return self.bases.get(self.aliases.get(name, name))

    def require_base(self, name: str) -> Base:
        """The base called `name`. Raises UnknownName listing those there are."""
        base = self.find_base(name)
        if base is None:
            known = ", ".join([*self.aliases, *self.bases])
            raise UnknownName(f"there is no base called {name}; there are {known}", name)
        return base

    def find_adapter(self, name: str) -> AdapterVersion | None:
        """The version meant by `NAME` or `NAME@VERSION`."""
        bare, at, number = name.rpartition("@")
        if at:
            # int() would take ' 2', '+2' and '٢' as well; a version has one spelling.
            canonical = number.isascii() and number.isdigit() and not number.startswith("0")
            return self.versions.get((bare, int(number))) if canonical else None
        version = self.current.get(name)
        return None if version is None else self.versions[name, version]

    def require_adapter(self, name: str) -> AdapterVersion:
        """Like `find_adapter`. Raises UnknownName listing those there are."""
        adapter = self.find_adapter(name)
        if adapter is None:
            known = ", ".join(sorted({name for name, _ in self.versions})) or "none yet"
            raise UnknownName(f"there is no adapter called {name}; there are: {known}", name)
        return adapter

    def base_of(self, adapter: AdapterVersion) -> Base:
        """The base that `adapter` belongs on: the one it was trained on, wherever that stands now.

        Found by fingerprint first, since a base may be registered anew under another name.
        """
        for base in self.bases.values():
            if base.fingerprint == adapter.base_fingerprint:
                return base
        namesake = self.bases.get(adapter.base)
        if namesake is None:
            raise RegistryError(
                f"{adapter.pinned} was trained on the base {adapter.base}, which is not registered"
            )
        return namesake

    def versions_of(self, name: str) -> list[AdapterVersion]:
        """All versions of an adapter, oldest first."""
        return [version for (owner, _), version in sorted(self.versions.items()) if owner == name]


def check_adapter_name(name: str, kind: str = "an adapter") -> str:
    """Return `name`. Raises RegistryError when an adapter, or a base, can't be called that."""
    if not _ADAPTER_NAME.fullmatch(name):
        raise RegistryError(
            f"{name!r} can't name {kind}: use letters, digits, '.', '_' and '-', "
            "64 characters at most, a letter or digit first"
        )
    return name
