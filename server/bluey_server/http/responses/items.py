"""The items that a conversation consists of in `/v1/responses`, as clients send them.

Clients send a plain string, short forms, and items that answers had. Read, each item has the full
form that an answer would show: with an id and a status, and content in parts. Thus it is kept, and
listed, and handed on.
"""

import uuid
from typing import Any

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.kinds import empty, invalid_choice, missing, wrong_type

Item = dict[str, Any]

ROLES = ("user", "assistant", "system", "developer")
_STATES = ("in_progress", "completed", "incomplete")
_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
"""Types of parts, and the key of each that holds its words. Clients mix them up."""


def new_id(prefix: str) -> str:
    """An id for an item or a response."""
    return f"{prefix}_{uuid.uuid4().hex}"


def read_items(given: str | list[Any]) -> list[Item]:
    """What was sent as `input`. Raises BadRequest naming the place that is wrong.

    Among what comes out may be references: {"type": "item_reference", "id": …}.
    """
    if isinstance(given, str):
        return [_message("input", {"role": "user", "content": given})]
    return [_item(f"input[{place}]", item) for place, item in enumerate(given)]


def _item(where: str, given: Any) -> Item:
    if not isinstance(given, dict):
        raise wrong_type(where, "an object", given)
    given = {key: value for key, value in given.items() if value is not None}
    match given.get("type", "message" if "role" in given else "item_reference"):
        case "message":
            return _message(where, given)
        case "function_call":
            return {
                **_head(where, given, "fc"),
                "arguments": _string(where, given, "arguments") or "{}",
                "call_id": _filled(where, given, "call_id"),
                "name": _filled(where, given, "name"),
            }
        case "function_call_output":
            return {
                **_head(where, given, "fco"),
                "call_id": _filled(where, given, "call_id"),
                "output": _content(where, given, "output", "input_text"),
            }
        case "reasoning":
            return _reasoning(where, given)
        case "item_reference":
            return {"type": "item_reference", "id": _filled(where, given, "id")}
        case kind:
            raise BadRequest(
                f"Unsupported value: '{where}.type' does not support {str(kind)[:40]!r} on this "
                "server. It takes message, function_call, function_call_output, reasoning and "
                "item_reference.",
                code="unsupported_value",
                param=f"{where}.type",
            )


def _message(where: str, given: Item) -> Item:
    role = _filled(where, given, "role")
    if role not in ROLES:
        raise invalid_choice(f"{where}.role", role, ROLES)
    usual = "output_text" if role == "assistant" else "input_text"
    content = _content(where, given, "content", usual)
    if isinstance(content, str):
        content = [_text_part(usual, content)]
    return {**_head(where, given, "msg"), "role": role, "content": content}


def _reasoning(where: str, given: Item) -> Item:
    item = {**_head(where, given, "rs"), "summary": _texts(where, given, "summary")}
    if "content" in given:
        item["content"] = _texts(where, given, "content")
    # Only who has written it can read it; it is theirs to get back.
    sealed = _string(where, given, "encrypted_content")
    return item if sealed is None else {**item, "encrypted_content": sealed}


def _head(where: str, given: Item, prefix: str) -> Item:
    status = _string(where, given, "status") or "completed"
    if status not in _STATES:
        raise invalid_choice(f"{where}.status", status, _STATES)
    kind = given.get("type", "message")
    return {"id": _string(where, given, "id") or new_id(prefix), "type": kind, "status": status}


def _content(where: str, given: Item, key: str, usual: str) -> str | list[Item]:
    """A string as it is, or parts, their type made the usual one for this place."""
    content, place = given.get(key), f"{where}.{key}"
    if content is None:
        raise missing(place)
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong_type(place, "a string or an array of parts", content)
    if not content:
        raise empty(place, "array")
    return [_part(f"{place}[{at}]", part, usual) for at, part in enumerate(content)]


def _part(where: str, given: Any, usual: str) -> Item:
    if not isinstance(given, dict):
        raise wrong_type(where, "an object", given)
    kind = _filled(where, given, "type")
    if kind not in _TEXTS:
        raise BadRequest(
            f"Unsupported value: '{where}.type' does not support {kind[:40]!r} on this server, "
            "whose models read text only.",
            code="unsupported_value",
            param=f"{where}.type",
        )
    text = _string(where, given, _TEXTS[kind])
    if text is None:
        raise missing(f"{where}.{_TEXTS[kind]}")
    if kind == "refusal" and usual == "output_text":
        return {"type": "refusal", "refusal": text}
    return _text_part(usual, text)


def _text_part(kind: str, text: str) -> Item:
    part: Item = {"type": kind, "text": text}
    return {**part, "annotations": [], "logprobs": []} if kind == "output_text" else part


def _texts(where: str, given: Item, key: str) -> list[Item]:
    """A list of objects with a text and a type each, as reasoning has them."""
    parts, place = given.get(key, []), f"{where}.{key}"
    if not isinstance(parts, list):
        raise wrong_type(place, "an array", parts)
    found = []
    for at, part in enumerate(parts):
        if not isinstance(part, dict):
            raise wrong_type(f"{place}[{at}]", "an object", part)
        kind = "summary_text" if key == "summary" else "reasoning_text"
        found.append({"type": kind, "text": _string(f"{place}[{at}]", part, "text") or ""})
    return found


def _filled(where: str, given: Item, key: str) -> str:
    value = _string(where, given, key)
    if not value:
        raise missing(f"{where}.{key}")
    return value


def _string(where: str, given: Item, key: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise wrong_type(f"{where}.{key}", "a string", value)
    return value
