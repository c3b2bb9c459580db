"""What a model name means."""

from dataclasses import replace
from types import MappingProxyType

import msgspec
import pytest

from bluey_adapters.bases import Base
from bluey_adapters.catalog import AdapterVersion, Catalog
from bluey_adapters.errors import RegistryError, UnknownName


def _version(number: int, fingerprint: str = "f-it") -> AdapterVersion:
    return AdapterVersion(
        name="bluey-it",
        version=number,
        digest=f"d{number}",
        base="tiny-it",
        base_fingerprint=fingerprint,
        dataset_digest=None,
        hyperparameters={},
        metrics={},
        job_id=None,
        created_at=0.0,
    )


CATALOG = Catalog(
    bases=MappingProxyType(
        {
            "tiny-it": Base(name="tiny-it", source="embedded:tiny-it", fingerprint="f-it"),
            "tiny-pt": Base(name="tiny-pt", source="embedded:tiny-pt"),
        }
    ),
    aliases=MappingProxyType({"it": "tiny-it"}),
    versions=MappingProxyType({("bluey-it", 1): _version(1), ("bluey-it", 12): _version(12)}),
    current=MappingProxyType({"bluey-it": 1}),
)


@pytest.mark.parametrize(
    ("model", "base", "version"),
    [
        ("it", "tiny-it", None),
        ("tiny-it", "tiny-it", None),
        ("tiny-pt", "tiny-pt", None),
        ("bluey-it", "tiny-it", 1),
        ("bluey-it@1", "tiny-it", 1),
        ("bluey-it@12", "tiny-it", 12),
    ],
)
def test_names(model: str, base: str, version: int | None) -> None:
    target = CATALOG.resolve(model)
    assert target.requested == model
    assert target.base.name == base
    assert (target.adapter.version if target.adapter else None) == version


@pytest.mark.parametrize(
    "model",
    [
        "",
        "pt",
        "IT",
        "bluey",
        "bluey-it@",
        "bluey-it@2",
        "bluey-it@0",
        "bluey-it@01",
        "bluey-it@+1",
        "bluey-it@\u0661",
        "bluey-it@1@1",
        "it@1",
        "@1",
        "bluey-it@1.0",
        "../bluey-it",
    ],
)
def test_names_that_mean_nothing(model: str) -> None:
    with pytest.raises(UnknownName) as caught:
        CATALOG.resolve(model)
    assert caught.value.name == model


def test_an_adapter_finds_its_base_by_fingerprint_wherever_the_name_stands() -> None:
    renamed = Base(name="mine", source="path:/m", fingerprint="f-it")
    elsewhere = Base(name="tiny-it", source="path:/n", fingerprint="another")
    catalog = replace(CATALOG, bases=MappingProxyType({"tiny-it": elsewhere, "mine": renamed}))
    assert catalog.resolve("bluey-it").base is renamed


def test_without_the_fingerprint_the_name_must_do() -> None:
    unread = msgspec.structs.replace(CATALOG.bases["tiny-it"], fingerprint=None)
    catalog = replace(CATALOG, bases=MappingProxyType({"tiny-it": unread}))
    assert catalog.resolve("bluey-it").base is unread
    with pytest.raises(RegistryError, match="which is not registered"):
        replace(CATALOG, bases=MappingProxyType({})).resolve("bluey-it")


def test_unknown_names_come_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="there are it, tiny-it, tiny-pt"):
        CATALOG.require_base("gpt")
    with pytest.raises(UnknownName, match="there are: bluey-it"):
        CATALOG.require_adapter("cat")
