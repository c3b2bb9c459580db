"""Keys of messages that nobody knows: tolerated, as those of the whole request, and named."""

from collections.abc import Iterator
from typing import Any

_EVERY = frozenset({"role", "content", "name"})
_ASSISTANT = frozenset(
    # Clients echo what they were told, with what they have made of it.
    {"refusal", "annotations", "reasoning", "reasoning_content", "parsed"}
    | {"tool_calls", "function_call"}
)
_KNOWN = {
    "assistant": _EVERY | _ASSISTANT,
    "tool": _EVERY | {"tool_call_id"},
}
_PART = frozenset({"type", "text", "refusal", "annotations"})


def unknown_keys(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Where they are, in messages that have been found to be right. What is null is absent."""
    for place, message in enumerate(messages):
        known = _KNOWN.get(message["role"], _EVERY)
        yield from _unknown(f"messages[{place}]", message, known)
        content = message.get("content")
        if isinstance(content, list):
            for index, part in enumerate(content):
                yield from _unknown(f"messages[{place}].content[{index}]", part, _PART)


def _unknown(where: str, given: dict[str, Any], known: frozenset[str]) -> Iterator[str]:
    return (
        f"{where}.{key}" for key, value in given.items() if value is not None and key not in known
    )
