"""Tokens that are told of with their log probabilities, kept in step with the text given out.

Text is held back while a character is incomplete or what may become a stop string goes on. A token
is told of with the first of its text that is given out, and never, where a stop string has cut off
all of it: so what is told always belongs to the text that stands there.
"""

from collections import deque

import msgspec

from bluey_server.messages import TokenLogprobs


class ToldToken(msgspec.Struct, frozen=True):
    """One token of a text, with what is known of it."""

    id: int
    logprobs: TokenLogprobs | None  # None for the first token of a prompt
    offset: int  # characters of the text before it


class HeldTokens:
    """Tokens whose text is not given out yet."""

    def __init__(self) -> None:
        self._held: deque[ToldToken] = deque()

    def add(self, token: ToldToken) -> None:
        """Another one; offsets never fall."""
        self._held.append(token)

    def release(self, given: int) -> tuple[ToldToken, ...]:
        """Those that begin within the `given` characters, and were not released before."""
        released = []
        while self._held and self._held[0].offset < given:
            released.append(self._held.popleft())
        return tuple(released)

    def rest(self) -> tuple[ToldToken, ...]:
        """All that are left: the text is over, and nothing of it was cut off."""
        released, self._held = tuple(self._held), deque()
        return released
