"""What a generation tells: text as it comes, and how it ends."""

import msgspec

from bluey_server.http.told_tokens import ToldToken


class TextStarted(msgspec.Struct, frozen=True):
    """The request has left the queue."""

    cached_tokens: int  # of the prompt: computed for others before


class TextPiece(msgspec.Struct, frozen=True):
    """Tokens have come, and with them text; it may be empty while a character is incomplete or
    what may become a stop string is held back."""

    text: str
    tokens: int  # of the answer so far
    told: tuple[ToldToken, ...] = ()  # where log probabilities are asked for


class Pulse(msgspec.Struct, frozen=True):
    """No token, but the engine is at it."""


class TextEnd(msgspec.Struct, frozen=True):
    """The answer is whole."""

    text: str  # what was still held back
    reason: str  # "stop" | "length"
    told: tuple[ToldToken, ...] = ()


TextEvent = TextStarted | TextPiece | Pulse | TextEnd
