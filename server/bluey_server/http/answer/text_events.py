"""What a generation tells: text as it comes, and how it ends."""

import msgspec

from bluey_server.http.answer.told_tokens import ToldToken


class TextStarted(msgspec.Struct, frozen=True):
    """The request has left the queue."""

    cached_tokens: int  # of the prompt: computed for others before


class TextPiece(msgspec.Struct, frozen=True):
    """Tokens have come, and with them text; it may be empty while a character is incomplete or
    what may become a stop string is held back."""

    text: str
    tokens: int  # of the answer so far
    told: tuple[ToldToken, ...] = ()  # where log probabilities are asked for


class CallBegun(msgspec.Struct, frozen=True):
    """The model calls a function."""

    call: int  # 0, 1, … within the answer
    id: str
    name: str


class CallArguments(msgspec.Struct, frozen=True):
    """More of the JSON that is the arguments of the latest call."""

    call: int
    text: str


class Pulse(msgspec.Struct, frozen=True):
    """No token, but the engine is at it."""


class TextEnd(msgspec.Struct, frozen=True):
    """The answer is whole."""

    text: str  # what was still held back
    reason: str  # "stop" | "length" | "tool_calls": whole calls were made
    told: tuple[ToldToken, ...] = ()


TextEvent = TextStarted | TextPiece | CallBegun | CallArguments | Pulse | TextEnd
