"""Requests that are a lot of work, each in a way of its own: what a server may not do on its event
loop, nor in one call that holds the interpreter's lock.

Each is made of bytes that lie ready, so that the test's own work doesn't disturb what it looks at.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
HELLO = [{"role": "user", "content": "Hello"}]
MB = 2**20


@dataclass(frozen=True)
class Heavy:
    """One request, and the status that it gets."""

    path: str
    body: Callable[[], bytes]
    status: int


def chat(status: int = 404, **fields: Any) -> Heavy:
    """For a model that there isn't, unless another one is given: found out when all else is
    checked, and nothing is tokenized."""
    given = {"model": "nobody", "messages": HELLO, **fields}
    return Heavy(CHAT, lambda: json.dumps(given, ensure_ascii=False).encode(), status)


def raw(field: str, value: Callable[[], bytes], status: int) -> Heavy:
    """A chat completion of a model that there isn't, with a field written as it is."""
    start = b'{"model":"nobody","messages":[{"role":"user","content":"Hi"}],"' + field.encode()
    return Heavy(CHAT, lambda: start + b'":' + value() + b"}", status)


def array(one: bytes, size: int) -> Callable[[], bytes]:
    """Of so many bytes, of one value again and again."""
    return lambda: b"[" + b",".join([one] * (size // (len(one) + 1))) + b"]"


def string(text: bytes, size: int) -> Callable[[], bytes]:
    """Of so many bytes, of one text again and again."""
    return lambda: b'"' + text * (size // len(text)) + b'"'


def named(count: int, value: bytes = b"1") -> Callable[[], bytes]:
    """An object with so many keys: 0, 1, ..."""
    return lambda: b"{" + b",".join(b'"%d":%s' % (i, value) for i in range(count)) + b"}"


def tool(number: int, **more: Any) -> dict[str, Any]:
    """A function with a parameter."""
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    return {"name": f"f{number}", "parameters": parameters, **more}


def tools(count: int) -> list[dict[str, Any]]:
    """Functions, as chat completions have them."""
    return [{"type": "function", "function": {"name": f"f{number}"}} for number in range(count)]


def schema(properties: int) -> dict[str, Any]:
    """An answer's form, with so many properties of which all are required."""
    named = {f"property_{number}": {"type": "string"} for number in range(properties)}
    wide = {"type": "object", "properties": named, "required": list(named)}
    return {"type": "json_schema", "json_schema": {"name": "wide", "schema": wide}}


def scored(prompts: int, tokens: int) -> Heavy:
    """Completions that give the prompts back, with the log probabilities of all their tokens."""
    ids = [[300 + place % 1000 for place in range(tokens)]] * prompts
    given = {"model": "it", "prompt": ids, "echo": True, "logprobs": 5, "max_tokens": 0}
    return Heavy(COMPLETIONS, lambda: json.dumps(given).encode(), 200)


def echoed_tools(count: int, size: int, *, stream: bool) -> Heavy:
    """A response which gives back `size` bytes of tools that weren't called."""
    one = {**tool(0), "type": "function"}
    several = [{**one, "name": f"f{n}", "description": "x" * (size // count)} for n in range(count)]
    given = {"model": "it", "input": "Hello", "tools": several, "tool_choice": "none"}
    return Heavy(RESPONSES, lambda: json.dumps({**given, "stream": stream}).encode(), 200)


def of_size(size: int) -> dict[str, Heavy]:
    """What is heavy by its size alone."""
    mb = size // MB
    return {
        f"{mb} MB of empty arrays": raw("x", array(b"[]", size), 413),
        f"{mb} MB of small objects": raw("x", array(b'{"role":"user","content":"a"}', size), 413),
        f"{mb} MB of keys": raw("x", named(size // 12), 413),
        f"{mb} MB of integers": raw("x", array(b"1", size), 413),
        f"{mb} MB of braces in a string": raw("user", string(b"{[,:", size), 404),
        f"{mb} MB of escapes in a string": raw("user", string(b"\\n", size), 404),
        f"{mb} MB of wide characters": raw("user", string("ab🐶".encode(), size), 404),
        f"{mb} MB of what is no JSON": Heavy(CHAT, lambda: b"x" * size, 400),
        f"{mb} MB of what is no model's name": raw("model", string(b"x", size), 404),
    }


def plain_text(mb: int) -> Heavy:
    """More than any context holds."""
    content = "The sea. " * (mb * MB // 9 - 20)
    return chat(400, model="it", messages=[{"role": "user", "content": content}])


HEAVY: dict[str, Heavy] = {
    **of_size(20 * MB),
    "1 MB of plain text": plain_text(1),
    "20 MB of plain text": plain_text(20),
    "as much as is let in": raw("x", array(b"[]", 149_000), 404),
    "as many keys as are let in": raw("x", named(99_000), 404),
    "as many values as are let in": raw("x", array(b"0.123456789", 11_900_000), 404),
    "40,000 levels": raw("x", lambda: b"[" * 40_000 + b"]" * 40_000, 400),
    "900 levels": raw("x", lambda: b"[" * 900 + b"]" * 900, 400),
    "30,000 messages": chat(messages=[*HELLO * 30_000]),
    "30,000 messages with keys that nobody knows": chat(messages=[{**HELLO[0], "x": 1}] * 30_000),
    "90,000 biases": raw("logit_bias", named(90_000), 404),
    "10,000 stop strings": chat(400, stop=[f"stop {number}" for number in range(10_000)]),
    "a stop string of 4 MB": chat(400, stop="x" * 4 * MB),
    "20,000 tools": chat(tools=tools(20_000)),
    "a schema that is too long": chat(400, model="it", response_format=schema(10_000)),
    "a schema that is nearly too long": chat(200, model="it", response_format=schema(3_500)),
    "a message that is no string but 40,000 parts": chat(
        messages=[{"role": "user", "content": [{"type": "text", "text": "a"}] * 40_000}]
    ),
    "50,000 scored tokens": scored(100, 500),
    "a response with 8 MB of tools": echoed_tools(50, 8 * MB, stream=False),
    "a streamed response with 8 MB of tools": echoed_tools(50, 8 * MB, stream=True),
}

AT_THE_LIMIT = {**of_size(64 * MB - 200), "63 MB of plain text": plain_text(63)}
