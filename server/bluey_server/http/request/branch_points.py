"""Where other prompts may branch off from one: what is before may be computed once for them all.

Characters share their system message, and a conversation goes on where it was. Templates differ in
how they write both, and may look ahead; so nothing is assumed of them but that they write the same
text again up to the place where another message's text would begin.
"""

from collections.abc import Iterable, Sequence

from bluey_adapters.bases import OpenBase
from bluey_adapters.chat_template import ChatMessage
from bluey_adapters.errors import BaseError

_SHORTEST = 16
"""Tokens; fewer are computed sooner than looked up."""


def branch_points(
    base: OpenBase,
    messages: Sequence[ChatMessage],
    text: str,
    *,
    template: str | None,
    extra: dict[str, object],
) -> list[int]:
    """Places in `text`, the conversation as it was written down, in characters, at which others may
    branch off: where the first message after the system's begins and where the last one does."""
    places = []
    for place in _places(messages):
        try:
            other = base.write_chat(
                [*messages[:place], _another(messages[place])],
                template=template,
                add_generation_prompt=False,
                extra=extra,
            )
        except BaseError:
            continue  # a template may refuse a conversation that ends there
        places.append(_common(text, other))
    return places


def worth_caching(lengths: Iterable[int], prompt_tokens: int) -> tuple[int, ...]:
    """Of lengths of a prompt those at which its computation is worth keeping, sorted: at least
    _SHORTEST and less than the whole."""
    return tuple(sorted({length for length in lengths if _SHORTEST <= length < prompt_tokens}))


def _places(messages: Sequence[ChatMessage]) -> list[int]:
    """Indexes of the messages whose beginnings matter."""
    system = bool(messages) and messages[0]["role"] == "system"
    first, last = int(system), len(messages) - 1
    places = [first] if system and first <= last else []
    return [*places, last] if last > first else places


def _common(one: str, other: str) -> int:
    """Length of the beginning that two texts share."""
    # By halves: comparing slices is some hundred times faster than comparing characters.
    same, differs = 0, min(len(one), len(other)) + 1
    while differs - same > 1:
        middle = (same + differs) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            differs = middle
    return same


def _another(message: ChatMessage) -> ChatMessage:
    """A message that differs from its first character on. Not an empty one: templates leave those
    out, or write them down in another way."""
    begins = str(message["content"]).lstrip()[:1]
    return {**message, "content": "1" if begins == "0" else "0"}
