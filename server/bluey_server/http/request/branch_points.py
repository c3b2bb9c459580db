"""Where other prompts may branch off from one: what is before may be computed once for them all.

Characters share their system message, and a conversation goes on where it was. Templates differ in
how they write both, and may look ahead; so nothing is assumed of them but that they write the same
text again up to the place where another message's text would begin.
"""

from collections.abc import Sequence

from bluey_adapters.bases import OpenBase
from bluey_adapters.chat_template import ChatMessage
from bluey_adapters.errors import BaseError

_SHORTEST = 16
"""Tokens; fewer are computed sooner than looked up."""


def encode_with_branch_points(
    base: OpenBase,
    messages: Sequence[ChatMessage],
    *,
    template: str | None,
    extra: dict[str, object],
) -> tuple[list[int], tuple[int, ...]]:
    """Token ids of a conversation, as `OpenBase.encode_chat` gives them, and the lengths at which
    others may branch off: where the first message after the system's begins and where the last one
    does. Sorted, each at least _SHORTEST and less than the whole.

    Raises like `encode_chat`. The text is encoded once; only writing it down is done again.
    """
    text = base.write_chat(messages, template=template, extra=extra)
    places = _places(messages)
    if not places:
        return base.tokenizer.encode(text, special=False), ()
    ids, offsets = base.tokenizer.encode_with_offsets(text)
    ends = [end for _, end in offsets]
    lengths = set()
    for place in places:
        try:
            other = base.write_chat(
                [*messages[:place], _another(messages[place])],
                template=template,
                add_generation_prompt=False,
                extra=extra,
            )
        except BaseError:
            continue  # a template may refuse a conversation that ends there
        common = _common(text, other)
        # A token that reaches across the border belongs to this prompt alone. (Not by bisection:
        # the bytes of one character share its end, and added tokens may have none of their own.)
        length = next((at for at, end in enumerate(ends) if end > common), len(ids))
        if _SHORTEST <= length < len(ids):
            lengths.add(length)
    return ids, tuple(sorted(lengths))


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
