"""Schemas made narrower where a model would find no end.

What is valid against a narrower schema is valid against the one given; but a small model that may
invent further properties, or write one more digit, goes on with it until it has no tokens left.
"""

from collections.abc import Iterator
from typing import Any

_COMBINED = frozenset(
    ("allOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "unevaluatedProperties")
)
"""Keywords under which a narrower part may make the whole another one."""

_ELSEWHERE = frozenset(("anyOf", "$ref", "$dynamicRef"))
_ASIDE = frozenset(
    ("$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default")
)
"""Keywords that may stand beside those without narrowing what they say."""

_MORE = frozenset(("additionalProperties", "patternProperties", "minProperties"))
"""Keywords of objects that may have more properties than are named."""

_BY_NAME = ("properties", "patternProperties", "$defs", "definitions")
_IN_ORDER = ("anyOf", "prefixItems")
_ALONE = ("items", "additionalProperties")

_FRACTION = 1e-10
"""Of what numbers in a range are multiples: the finest that llguidance takes."""

_FAR = 2**63 - 1024
"""The bound of integers: the last double before 2**63, since llguidance counts in those."""

_BOUNDS = {int, float, type(None)}

_LONGEST = {"date-time": 40, "time": 30, "duration": 40, "hostname": 253, "email": 254}
"""Characters. The forms of time allow any number of digits; the others' limits are SMTP's and
DNS's."""


def narrowed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as answers are held to it; itself where a narrower one might be another one."""
    made: dict[str, Any] = _narrowed(schema) if _is_plain(schema) else schema
    return made


def _is_plain(schema: Any) -> bool:
    """Whether each part of a schema stands for itself, so that a narrower part only ever narrows
    the whole."""
    if not isinstance(schema, dict):
        return True
    keys = schema.keys()
    if _COMBINED & keys or (_ELSEWHERE & keys and len(keys - _ASIDE) > 1):
        return False
    return all(_is_plain(part) for part in _parts(schema))


def _parts(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas in a schema."""
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            yield from value.values()
        elif key in _IN_ORDER and isinstance(value, list):
            yield from value
        elif key in _ALONE:
            yield value


def _narrowed(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            made[key] = {name: _narrowed(part) for name, part in value.items()}
        elif key in _IN_ORDER and isinstance(value, list):
            made[key] = [_narrowed(part) for part in value]
        elif key in _ALONE:
            made[key] = _narrowed(value)
    if _names_all(schema):
        made["additionalProperties"] = False
    made.update(_numbers(schema))
    longest = _LONGEST.get(str(schema.get("format")))
    if longest is not None and schema.get("type") == "string" and "maxLength" not in schema:
        made["maxLength"] = longest
    return made


def _names_all(schema: dict[str, Any]) -> bool:
    """Whether an object names the properties that it needs, and doesn't say that it may have
    others."""
    named, required = schema.get("properties"), schema.get("required", [])
    return (
        isinstance(named, dict)
        and isinstance(required, list)
        and all(key in named for key in required if isinstance(key, str))
        and not _MORE & schema.keys()
    )


def _numbers(schema: dict[str, Any]) -> dict[str, Any]:
    """What keeps a number from going on: integers have 64 bits, where nothing else is said, and
    numbers between two bounds so many decimals. Others may be of any size; only a bound tells
    what is of use."""
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if {"enum", "const"} & schema.keys() or not {type(least), type(most)} <= _BOUNDS:
        return {}
    if "number" in kinds:
        # Far enough apart to have some number with so many decimals between them.
        apart = least is not None and most is not None and most - least >= 1e-6
        return {"multipleOf": _FRACTION} if apart and "multipleOf" not in schema else {}
    if "integer" not in kinds:
        return {}
    made: dict[str, Any] = {}
    if least is None and (most is None or most > -_FAR):
        made["minimum"] = -_FAR
    if most is None and (least is None or least < _FAR):
        made["maximum"] = _FAR
    return made
