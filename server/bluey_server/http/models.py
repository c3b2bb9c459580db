"""GET /v1/models, GET and DELETE /v1/models/{id}: every name that `model` may be."""

import asyncio
import re
from typing import Any

import msgspec
from litestar import Controller, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from bluey_adapters.bases import Base
from bluey_adapters.catalog import AdapterVersion, Catalog
from bluey_adapters.errors import Conflict
from bluey_server.http.errors import ApiError, BadRequest
from bluey_server.http.service import Service


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """One name. The keys after `owned_by` are ours: where the model comes from."""

    id: str
    object: str = "model"
    created: int
    owned_by: str = "bluey"
    root: str  # what the name means now: a base, or a pinned version
    parent: str | None  # the base that an adapter stands on
    base_fingerprint: str | None
    version: int | UnsetType = UNSET
    digest: str | UnsetType = UNSET
    dataset_digest: str | UnsetType | None = UNSET
    job: str | UnsetType | None = UNSET
    metrics: dict[str, Any] | UnsetType = UNSET


class ModelList(msgspec.Struct, frozen=True):
    """All names."""

    data: list[ModelCard]
    object: str = "list"


class DeletedModel(msgspec.Struct, frozen=True):
    """A name that is no more."""

    id: str
    deleted: bool = True
    object: str = "model"


class ModelsController(Controller):
    """The names, as clients list them."""

    path = "/v1/models"

    @get()
    async def list_models(self, service: NamedDependency[Service]) -> ModelList:
        """Bases whose files are here, adapters, and each of their versions."""
        catalog, present = await service.names.listed()
        # Adapters may be thousands.
        return ModelList(await asyncio.to_thread(model_cards, catalog, present))

    @get("/{model_id:path}")
    async def get_model(
        self, service: NamedDependency[Service], model_id: FromPath[str]
    ) -> ModelCard:
        """One of those."""
        wanted = _name_in(model_id)
        catalog, present = await service.names.listed()
        for card in await asyncio.to_thread(model_cards, catalog, present):
            if card.id == wanted:
                return card
        raise ApiError(
            404, f"The model `{wanted}` does not exist", code="model_not_found", param="model"
        )

    @delete("/{model_id:path}", status_code=200)
    async def delete_model(
        self, service: NamedDependency[Service], model_id: FromPath[str]
    ) -> DeletedModel:
        """Forget an adapter. The version that its bare name means goes only with all others, by
        that name: else the name would silently come to mean something else."""
        wanted = _name_in(model_id)
        try:
            await service.names.remove(wanted)
        except Conflict as error:
            # Not a 409, which clients would try again.
            raise BadRequest(str(error), code="model_in_use", param="model") from None
        return DeletedModel(wanted)


def _name_in(path: str) -> str:
    """Of a path's end, which may have slashes of its own and others too many."""
    return re.sub("/+", "/", path).strip("/")


def model_cards(catalog: Catalog, present: frozenset[str]) -> list[ModelCard]:
    """A card for each name of a catalog; of the bases, for those in `present`."""
    aliases = [
        _base_card(alias, catalog.bases[name])
        for alias, name in catalog.aliases.items()
        if name in present
    ]
    bases = [_base_card(base.name, base) for base in catalog.bases.values() if base.name in present]
    current = [
        _adapter_card(name, catalog.versions[name, version])
        for name, version in sorted(catalog.current.items())
    ]
    pinned = [_adapter_card(version.pinned, version) for version in catalog.versions.values()]
    return [*aliases, *bases, *current, *pinned]


def _base_card(name: str, base: Base) -> ModelCard:
    return ModelCard(
        id=name,
        created=int(base.created_at),
        root=base.name,
        parent=None,
        base_fingerprint=base.fingerprint,
    )


def _adapter_card(name: str, adapter: AdapterVersion) -> ModelCard:
    return ModelCard(
        id=name,
        created=int(adapter.created_at),
        root=adapter.pinned,
        parent=adapter.base,
        base_fingerprint=adapter.base_fingerprint,
        version=adapter.version,
        digest=adapter.digest,
        dataset_digest=adapter.dataset_digest,
        job=adapter.job_id,
        metrics=adapter.metrics,
    )
