"""Schemas made narrower: only where every value of the narrower one is one of the wider's."""

from typing import Any

import pytest

from bluey_server.http.grammar.narrowing import narrowed

NAMED = {"type": "object", "properties": {"a": {"type": "string"}}}
FAR = 2**63 - 1024
CLOSED = {**NAMED, "additionalProperties": False}

NARROWER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (NAMED, CLOSED),
    ({"type": "array", "items": NAMED}, {"type": "array", "items": CLOSED}),
    ({"anyOf": [NAMED, {"type": "null"}]}, {"anyOf": [CLOSED, {"type": "null"}]}),
    (
        {"$defs": {"dog": NAMED}, "$ref": "#/$defs/dog"},
        {"$defs": {"dog": CLOSED}, "$ref": "#/$defs/dog"},
    ),
    (
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 1e-10},
    ),
    ({"type": "integer"}, {"type": "integer", "minimum": -FAR, "maximum": FAR}),
    (
        {"type": ["integer", "null"], "exclusiveMinimum": 0},
        {"type": ["integer", "null"], "exclusiveMinimum": 0, "maximum": FAR},
    ),
    (
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date-time", "maxLength": 40},
    ),
]

AS_IT_IS: list[dict[str, Any]] = [
    {"type": "object"},
    {**NAMED, "additionalProperties": True},
    {**NAMED, "additionalProperties": {"type": "boolean"}},
    {**NAMED, "patternProperties": {"^b": {}}},
    {**NAMED, "required": ["b"]},
    {"allOf": [NAMED, {"type": "object", "properties": {"b": {}}}]},
    {"oneOf": [NAMED, {"type": "object", "properties": {"b": {}}}]},
    {"$ref": "#/$defs/dog", "required": ["b"], "$defs": {"dog": NAMED}},
    {"anyOf": [NAMED], "properties": {"b": {}}},
    {"enum": [{"properties": {}}], "default": {"properties": {"a": 1}}},
    {"type": "number", "minimum": 0},
    {"type": "number", "minimum": 0, "maximum": 1e-7},
    {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1},
    {"type": "number", "enum": [0.1234567891], "minimum": 0, "maximum": 1},
    {"type": "integer", "minimum": 0, "maximum": 5},
    {"type": "integer", "enum": [5]},
    {"type": "integer", "minimum": 2**64, "exclusiveMaximum": 2**65},
    {"type": "number"},
    {"type": "string", "format": "date-time", "maxLength": 20},
    {"properties": {"not": {"type": "string"}}, "additionalProperties": True},
]


@pytest.mark.parametrize(("given", "made"), NARROWER)
def test_narrower(given: dict[str, Any], made: dict[str, Any]) -> None:
    before = repr(given)
    assert narrowed(given) == made
    assert repr(given) == before


@pytest.mark.parametrize("given", AS_IT_IS)
def test_as_it_is(given: dict[str, Any]) -> None:
    assert narrowed(given) == given


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema = {"type": "object", "properties": {"oneOf": NAMED, "properties": NAMED}}
    assert narrowed(schema)["properties"] == {"oneOf": CLOSED, "properties": CLOSED}
    assert narrowed(schema)["additionalProperties"] is False
