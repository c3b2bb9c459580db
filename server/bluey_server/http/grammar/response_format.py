"""`response_format`, and what /v1/responses calls `text.format`: the form that an answer's text is
to have."""

import re
from typing import Any

import msgspec

from bluey_server.http.errors import BadRequest
from bluey_server.http.grammar.schema import ANY_OBJECT, check_schema
from bluey_server.http.request.kinds import invalid_choice, missing, wrong_type

TYPES = ("text", "json_object", "json_schema")

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class JsonFormat(msgspec.Struct, frozen=True, kw_only=True):
    """JSON that is valid against a schema."""

    schema: dict[str, Any]
    name: str | None = None  # none for json_object
    param: str = "response_format"  # what a defect of the schema is told of

    def check(self) -> None:
        """Raise BadRequest when it can't be enforced. Takes a while."""
        what = f"{self.param.split('.')[0]} '{self.name}'"
        check_schema(self.schema, what=what, param=self.param, code="invalid_json_schema")


def read_format(where: str, given: dict[str, Any], *, flat: bool = False) -> JsonFormat | None:
    """The format in the field `where`; None is plain text. With `flat`, name and schema stand
    beside the type, as in /v1/responses.

    Raises BadRequest. `strict` changes nothing: every schema is enforced, and optional properties
    may be.
    """
    kind = given.get("type")
    if kind is None:
        raise missing(f"{where}.type")
    if not isinstance(kind, str):
        raise wrong_type(f"{where}.type", "a string", kind)
    if kind == "text":
        return None
    if kind == "json_object":
        return JsonFormat(schema=ANY_OBJECT, param=where)
    if kind != "json_schema":
        raise invalid_choice(f"{where}.type", kind, TYPES)
    if flat:
        return _read_schema(where, given, param=f"{where}.schema")
    inner = f"{where}.json_schema"
    if given.get("json_schema") is None:
        raise missing(inner)
    if not isinstance(given["json_schema"], dict):
        raise wrong_type(inner, "an object", given["json_schema"])
    return _read_schema(inner, given["json_schema"], param=where)


def _read_schema(where: str, given: dict[str, Any], *, param: str) -> JsonFormat:
    name, schema, strict = (given.get(key) for key in ("name", "schema", "strict"))
    check_name(f"{where}.name", name)
    if schema is not None and not isinstance(schema, dict):
        raise wrong_type(f"{where}.schema", "an object", schema)
    if strict is not None and not isinstance(strict, bool):
        raise wrong_type(f"{where}.strict", "a boolean", strict)
    description = given.get("description")
    if description is not None and not isinstance(description, str):
        raise wrong_type(f"{where}.description", "a string", description)
    return JsonFormat(schema=ANY_OBJECT if schema is None else schema, name=name, param=param)


def check_name(where: str, name: Any) -> None:
    """Raise BadRequest for what can't name a schema or a function."""
    if name is None:
        raise missing(where)
    if not isinstance(name, str):
        raise wrong_type(where, "a string", name)
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"Invalid '{where}': string does not match pattern. Expected a string that matches the "
            "pattern '^[a-zA-Z0-9_-]{1,64}$'.",
            code="invalid_value",
            param=where,
        )
