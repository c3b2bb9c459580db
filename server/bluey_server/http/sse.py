"""Server-sent events, as OpenAI's clients read them: LF, `data:` lines, comments as heartbeat."""

import msgspec

DONE = b"data: [DONE]\n\n"
KEEPALIVE = b": keepalive\n\n"
"""A comment. Never with `id:` or `event:`: clients take such a thing for an event without data."""

HEADERS: dict[str, str] = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # a proxy that buffers would undo the streaming
}


def event(payload: bytes) -> bytes:
    """One event. JSON holds no line breaks, so that one `data:` line is enough."""
    return b"data: " + payload + b"\n\n"


def json_event(payload: msgspec.Struct) -> bytes:
    """One event that carries an object."""
    return event(msgspec.json.encode(payload))
