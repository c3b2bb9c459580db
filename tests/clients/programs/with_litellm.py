"""LiteLLM: see telling.py."""

import json
from typing import Any

import litellm
from telling import Ask, Pieces, called, serve, whole


def complete(ask: Ask, **more: Any) -> Any:
    given = {
        "model": f"openai/{ask.model}",
        "api_base": ask.url,
        "api_key": ask.key,
        "messages": ask.messages,
        "max_tokens": ask.max_tokens,
        "temperature": 0,
        "max_retries": 0,
        "extra_body": ask.extra_body,
    }
    return litellm.completion(**{**given, **more})


def chat(ask: Ask) -> dict[str, Any]:
    answer = complete(ask)
    return whole(answer)


def stream(ask: Ask) -> Pieces:
    reason, usage = None, None
    for chunk in complete(ask, stream=True, stream_options={"include_usage": True}):
        usage = getattr(chunk, "usage", None) or usage
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            if choice.delta.content:
                yield choice.delta.content
    return {
        "finish_reason": reason,
        "usage": usage and [usage.prompt_tokens, usage.completion_tokens],
    }


def call(ask: Ask) -> dict[str, Any]:
    answer = complete(ask, tools=[ask.weather_tool], tool_choice=ask.tool_choice)
    return called(answer.choices[0])


def stream_call(ask: Ask) -> Pieces:
    chunks = []
    for chunk in complete(ask, tools=[ask.weather_tool], tool_choice=ask.tool_choice, stream=True):
        chunks.append(chunk)
        for choice in chunk.choices:
            for part in choice.delta.tool_calls or []:
                yield part.function.arguments or ""
    return called(litellm.stream_chunk_builder(chunks, messages=ask.messages).choices[0])


def answer_call(ask: Ask) -> dict[str, Any]:
    first = complete(ask, tools=[ask.weather_tool], tool_choice=ask.tool_choice)
    message = first.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": ask.tool_result}
        for call in message.tool_calls
    ]
    messages = [*ask.messages, message.model_dump(), *results]
    second = complete(ask, messages=messages, tools=[ask.weather_tool], tool_choice="none")
    return {"text": second.choices[0].message.content}


def fill_in(ask: Ask) -> dict[str, Any]:
    answer = complete(ask, response_format=ask.animal_format)
    return json.loads(answer.choices[0].message.content)


def stream_fill_in(ask: Ask) -> Pieces:
    text = ""
    for chunk in complete(ask, response_format=ask.animal_format, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            yield choice.delta.content or ""
    return json.loads(text)


serve(
    {
        "chat": chat,
        "stream": stream,
        "call": call,
        "stream_call": stream_call,
        "answer_call": answer_call,
        "fill_in": fill_in,
        "stream_fill_in": stream_fill_in,
    }
)
