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
    """One event that carries an object; one whose type is tagged goes by its tag's name."""
    name = payload.__struct_config__.tag
    line = b"" if name is None else f"event: {name}\n".encode()
    return line + event(msgspec.json.encode(payload))
