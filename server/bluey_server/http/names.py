"""Names: what `model` means, at the moment of asking.

The catalog is kept in memory and read again when the database has moved, so that what another
process publishes holds from the next request on. Bases are opened once, and again when their
record or any of their files has changed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_adapters.catalog import AdapterVersion, Catalog, Target
from bluey_adapters.errors import (
    BaseError,
    RegistryError,
    StoreError,
    UnknownName,
    WrongBase,
)
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_server.http.errors import ApiError
from bluey_server.http.registry_thread import RegistryThread
from bluey_server.tokenizer_protocol import TokenizerProtocol
from bluey_server.tokenizing.messages import Encoded


@dataclass(frozen=True)
class Model:
    """What a model name means, opened: all that a request needs to know of it."""

    requested: str
    base: OpenBase
    adapter: AdapterVersion | None
    template: str | None  # the adapter's own; None: the base's, if it has one
    tokenizers: TokenizerProtocol

    @property
    def digest(self) -> str | None:
        """The adapter's digest; None for the bare base."""
        return None if self.adapter is None else self.adapter.digest

    async def encode(
        self,
        text: str,
        *,
        special: bool = False,
        borders: Sequence[int] = (),
        starts: bool = False,
    ) -> Encoded:
        """Token ids of a text; see TokenizerProtocol.encode."""
        return await self.tokenizers.encode(
            self.base, text, special=special, borders=borders, starts=starts
        )


_MOST_OPEN = 16
"""Bases that are kept open; a large vocabulary takes 4 MB."""

_Key = tuple[str, str, str | None, str]
"""What an open base stands on: name, source, template, and the look of its files."""


class Names:
    """Resolves model names."""

    def __init__(self, registry: RegistryThread, tokenizers: TokenizerProtocol) -> None:
        self._registry = registry
        self._tokenizers = tokenizers
        self._catalog: tuple[int, Catalog] | None = None  # touched on the registry's thread only
        self._bases: dict[str, tuple[_Key, asyncio.Task[OpenBase]]] = {}
        self._templates: dict[str, str] = {}

    async def catalog(self) -> Catalog:
        """Every name as it stands now."""
        return await self._registry.call(self._refresh)

    async def listed(self) -> tuple[Catalog, frozenset[str]]:
        """The catalog, and the names of the bases whose files are on this machine."""

        def look(registry: Registry) -> tuple[Catalog, frozenset[str]]:
            catalog = self._refresh(registry)
            return catalog, frozenset(
                base.name for base in catalog.bases.values() if _is_present(base)
            )

        return await self._registry.call(look)

    async def resolve(self, requested: str) -> Model:
        """What `requested` means. Raises ApiError, UnknownName, BaseError, WrongBase."""

        def look(registry: Registry) -> tuple[Target, _Key]:
            target = self._resolve(registry, requested)
            base = target.base
            return target, (base.name, base.source, base.chat_template, _look_of(_folder(base)))

        target, key = await self._registry.call(look)
        opened = await self._open(target.base, key)
        if target.adapter is None:
            return Model(requested, opened, None, None, self._tokenizers)
        if target.adapter.base_fingerprint != opened.fingerprint:
            raise WrongBase(
                f"The adapter `{target.adapter.pinned}` was trained on other weights than those "
                f"that the base {opened.base.name} has now "
                f"({target.adapter.base_fingerprint[:12]}, not {opened.fingerprint[:12]}); "
                "train it anew, or give the base its old files back"
            )
        template = await self._template(target.adapter)
        return Model(requested, opened, target.adapter, template, self._tokenizers)

    async def remove(self, requested: str) -> list[AdapterVersion]:
        """Forget an adapter: `NAME@VERSION`, or with a bare name all its versions. Return what
        went. Raises UnknownName, Conflict, and ApiError for a base."""

        def forget(registry: Registry) -> list[AdapterVersion]:
            catalog = self._refresh(registry)
            if catalog.find_base(requested) is not None:
                raise ApiError(
                    403,
                    f"The model `{requested}` is a base; only adapters can be deleted.",
                    code="model_not_deletable",
                    param="model",
                )
            found = catalog.find_adapter(requested)
            if found is None:
                raise UnknownName(f"The model `{requested}` does not exist", requested)
            self._catalog = None  # data_version doesn't tell of changes of our own
            return registry.remove(found.name, found.version if "@" in requested else None)

        return await self._registry.call(forget)

    def _refresh(self, registry: Registry) -> Catalog:
        moved = registry.data_version()
        if self._catalog is None or self._catalog[0] != moved:
            self._catalog = (moved, registry.catalog())
        return self._catalog[1]

    def _resolve(self, registry: Registry, requested: str) -> Target:
        try:
            return self._refresh(registry).resolve(requested)
        except UnknownName:
            raise
        except RegistryError as error:  # an adapter whose base is no longer registered
            raise ApiError(404, str(error), code="model_not_found", param="model") from None

    async def _open(self, base: Base, key: _Key) -> OpenBase:
        known = self._bases.pop(base.name, None)
        if known is None or known[0] != key or _failed(known[1]):
            known = (key, asyncio.create_task(self._read(base)))
        self._bases[base.name] = known  # the last one: it was used last
        while len(self._bases) > _MOST_OPEN:
            del self._bases[next(iter(self._bases))]
        # Shielded: others may wait for the same base when this client hangs up.
        return await asyncio.shield(known[1])

    async def _read(self, base: Base) -> OpenBase:
        identified = await asyncio.to_thread(_identify, self._registry.home, base)
        folder = await asyncio.to_thread(identified.locate)  # the hub's cache has many files
        vocabulary = await self._tokenizers.vocabulary(folder)
        return await asyncio.to_thread(
            open_base, identified, identified.fingerprint or "", vocabulary
        )

    async def _template(self, adapter: AdapterVersion) -> str:
        template = self._templates.get(adapter.digest)
        if template is None:
            try:
                card = await self._registry.call(lambda own: own.store.card(adapter.digest))
            except StoreError as error:
                raise type(error)(
                    f"The adapter `{adapter.pinned}` can't be used: {error}"
                ) from None
            template = self._templates[adapter.digest] = card.chat_template
        return template


def _failed(opening: asyncio.Task[OpenBase]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)


def _folder(base: Base) -> Path:
    """Where a base's files are; ApiError when they are not on this machine."""
    try:
        folder = base.locate()
    except BaseError as error:
        raise ApiError(404, str(error), code="model_not_found", param="model") from None
    if not folder.is_dir():
        raise ApiError(
            404,
            f"the base {base.name} is not on this machine: there is no folder {folder}",
            code="model_not_found",
            param="model",
        )
    return folder


def _is_present(base: Base) -> bool:
    try:
        _folder(base)
    except ApiError:
        return False
    return True


def _look_of(folder: Path) -> str:
    """Names, sizes and times of a folder's files: a change in any of them changes this."""
    stats = ((entry.name, entry.stat()) for entry in sorted(folder.iterdir()) if entry.is_file())
    return ";".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)


def _identify(home: Home, base: Base) -> Base:
    # A registry of its own: hashing gigabytes on the registry's thread would hold up every name.
    with Registry(home) as registry:
        identified = registry.bases.identify(base)
    if identified.fingerprint is None:
        raise BaseError(f"the base {base.name} has no fingerprint")
    return identified
