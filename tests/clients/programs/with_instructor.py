"""instructor: see telling.py."""

from typing import Any

import instructor
from asked import Animal, Tale, Weather
from openai import OpenAI
from telling import Ask, Pieces, serve, whole


def client(ask: Ask, mode: instructor.Mode = instructor.Mode.TOOLS) -> instructor.Instructor:
    openai = OpenAI(base_url=ask.url, api_key=ask.key, max_retries=0)
    return instructor.from_openai(openai, mode=mode)


def fields(ask: Ask) -> dict[str, Any]:
    return {
        "model": ask.model,
        "messages": ask.messages,
        "max_tokens": ask.max_tokens,
        "temperature": 0,
        "extra_body": ask.extra_body,
        "max_retries": 0,
    }


def chat(ask: Ask) -> dict[str, Any]:
    answer = client(ask).chat.completions.create(**fields(ask), response_model=None)
    return whole(answer)


def stream(ask: Ask) -> Pieces:
    reason, usage = None, None
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    for chunk in client(ask).chat.completions.create(**fields(ask), response_model=None, **options):
        usage = chunk.usage
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            if choice.delta.content:
                yield choice.delta.content
    return {
        "finish_reason": reason,
        "usage": usage and [usage.prompt_tokens, usage.completion_tokens],
    }


def call(ask: Ask) -> dict[str, Any]:
    """Names its tool, whatever was chosen: it knows no other way."""
    found, answer = client(ask).chat.completions.create_with_completion(
        **fields(ask), response_model=Weather
    )
    [made] = answer.choices[0].message.tool_calls
    return {
        "calls": [{"name": made.function.name, "arguments": found.model_dump()}],
        "finish_reason": answer.choices[0].finish_reason,
    }


def stream_fill_in_tool(ask: Ask) -> Pieces:
    last = None
    for last in client(ask).chat.completions.create_partial(**fields(ask), response_model=Animal):
        yield last.model_dump_json()
    return last and last.model_dump()


def fill_in(ask: Ask) -> dict[str, Any]:
    asking = client(ask, instructor.Mode.JSON_SCHEMA)
    return asking.chat.completions.create(**fields(ask), response_model=Animal).model_dump()


def fill_in_tool(ask: Ask) -> dict[str, Any]:
    return client(ask).chat.completions.create(**fields(ask), response_model=Animal).model_dump()


def stream_fill_in(ask: Ask) -> Pieces:
    asking = client(ask, instructor.Mode.JSON_SCHEMA)
    last = None
    for last in asking.chat.completions.create_partial(**fields(ask), response_model=Animal):
        yield last.model_dump_json()
    return last and last.model_dump()


def stream_tale(ask: Ask) -> Pieces:
    """An object that takes long; all of it is read before the first part is handed out."""
    asking = client(ask, instructor.Mode.JSON_SCHEMA)
    for part in asking.chat.completions.create_partial(**fields(ask), response_model=Tale):
        yield part.model_dump_json()


serve(
    {
        "chat": chat,
        "stream": stream,
        "call": call,
        "fill_in": fill_in,
        "fill_in_tool": fill_in_tool,
        "stream_fill_in": stream_fill_in,
        "stream_fill_in_tool": stream_fill_in_tool,
        "stream_tale": stream_tale,
    }
)
