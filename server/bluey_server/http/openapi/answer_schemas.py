"""Answers as JSON schemas, made of the types that are written out."""

from collections.abc import Iterable
from typing import Any

import msgspec

from bluey_server.http.openapi.kind_schemas import Schema

_PLACE = "#/components/schemas/{name}"


def answer_schemas(types: Iterable[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """A schema for each type, and the named ones that they refer to."""
    found, named = msgspec.json.schema_components(types, ref_template=_PLACE)
    return list(found), {name: _as_written(schema) for name, schema in named.items()}


def _as_written(schema: Schema) -> Schema:
    """Of a Struct's schema, what holds for one that we write: to msgspec, a key with a default may
    be missing from what is read; what is written lacks only those that are UNSET, and these have
    no default that JSON could show."""
    if schema.get("type") != "object" or "properties" not in schema:
        return schema
    properties: dict[str, Schema] = {}
    required = set(schema.get("required", ()))
    for key, given in schema["properties"].items():
        written = dict(given)
        if "default" in written:
            required.add(key)
            default = written.pop("default")
            if key == "object":
                written["const"] = default
        properties[key] = written
    return {**schema, "properties": properties, "required": sorted(required)}
