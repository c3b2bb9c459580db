"""openai-python: see telling.py."""

from typing import Any

from asked import Animal
from openai import OpenAI
from telling import Ask, Pieces, called, serve, whole


def client(ask: Ask) -> OpenAI:
    return OpenAI(base_url=ask.url, api_key=ask.key, max_retries=0)


def fields(ask: Ask) -> dict[str, Any]:
    return {
        "model": ask.model,
        "messages": ask.messages,
        "max_tokens": ask.max_tokens,
        "temperature": 0,
        "extra_body": ask.extra_body,
    }


def chat(ask: Ask) -> dict[str, Any]:
    answer = client(ask).chat.completions.create(**fields(ask))
    return whole(answer)


def stream(ask: Ask) -> Pieces:
    reason, usage = None, None
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    for chunk in client(ask).chat.completions.create(**fields(ask), **options):
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
    answer = client(ask).chat.completions.create(
        **fields(ask), tools=[ask.weather_tool], tool_choice=ask.tool_choice
    )
    return called(answer.choices[0])


def stream_call(ask: Ask) -> Pieces:
    with client(ask).chat.completions.stream(
        **fields(ask), tools=[ask.weather_tool], tool_choice=ask.tool_choice
    ) as events:
        for event in events:
            if event.type == "tool_calls.function.arguments.delta":
                yield event.arguments_delta
        choice = events.get_final_completion().choices[0]
    return called(choice)


def answer_call(ask: Ask) -> dict[str, Any]:
    tools = client(ask).chat.completions
    first = tools.create(**fields(ask), tools=[ask.weather_tool], tool_choice=ask.tool_choice)
    [message] = [choice.message for choice in first.choices]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": ask.tool_result}
        for call in message.tool_calls
    ]
    given = {**fields(ask), "messages": [*ask.messages, message, *results]}
    second = tools.create(**given, tools=[ask.weather_tool], tool_choice="none")
    return {"text": second.choices[0].message.content}


def fill_in(ask: Ask) -> dict[str, Any]:
    answer = client(ask).chat.completions.parse(**fields(ask), response_format=Animal)
    return answer.choices[0].message.parsed.model_dump()


def stream_fill_in(ask: Ask) -> Pieces:
    with client(ask).chat.completions.stream(**fields(ask), response_format=Animal) as events:
        for event in events:
            if event.type == "content.delta":
                yield event.delta
        return events.get_final_completion().choices[0].message.parsed.model_dump()


def stream_response(ask: Ask) -> Pieces:
    """An object that takes long, by the other endpoint for chats."""
    last = None
    for last in client(ask).responses.create(
        model=ask.model,
        input=ask.text,
        max_output_tokens=ask.max_tokens,
        text={"format": {"type": "json_schema", "name": "tale", "schema": ask.tale_schema}},
        stream=True,
    ):
        if last.type == "response.output_text.delta":
            yield last.delta
    return last and last.type


serve(
    {
        "chat": chat,
        "stream": stream,
        "call": call,
        "stream_call": stream_call,
        "answer_call": answer_call,
        "fill_in": fill_in,
        "stream_fill_in": stream_fill_in,
        "stream_response": stream_response,
    }
)
