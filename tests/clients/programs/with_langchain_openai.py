"""langchain-openai: see telling.py."""

from typing import Any

from asked import TOOL, Animal, Weather
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from telling import Ask, Pieces, serve


@tool(TOOL, args_schema=Weather)
def get_weather(city: str, days: int, unit: str) -> str:
    """Look up the weather of the coming days."""
    return f"{days} days of sun over {city}, in {unit}"


def model(ask: Ask, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model=ask.model,
        base_url=ask.url,
        api_key=ask.key,
        temperature=0,
        max_tokens=ask.max_tokens,
        max_retries=0,
        extra_body=ask.extra_body,
        **more,
    )


def chat(ask: Ask) -> dict[str, Any]:
    answer = model(ask).invoke(ask.text)
    return {
        "text": answer.text,
        "finish_reason": answer.response_metadata["finish_reason"],
        "usage": [answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]],
    }


def stream(ask: Ask) -> Pieces:
    whole = AIMessageChunk("")
    for chunk in model(ask, stream_usage=True).stream(ask.text):
        whole += chunk
        if chunk.text:
            yield chunk.text
    return {
        "finish_reason": whole.response_metadata["finish_reason"],
        "usage": [whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]],
    }


def with_tools(ask: Ask, choice: str) -> Any:
    return model(ask).bind_tools([get_weather], tool_choice=choice)


def called(message: Any) -> dict[str, Any]:
    assert not message.invalid_tool_calls
    calls = [{"name": call["name"], "arguments": call["args"]} for call in message.tool_calls]
    return {"calls": calls, "finish_reason": message.response_metadata["finish_reason"]}


def call(ask: Ask) -> dict[str, Any]:
    return called(with_tools(ask, ask.choice).invoke(ask.text))


def stream_call(ask: Ask) -> Pieces:
    whole = AIMessageChunk("")
    for chunk in with_tools(ask, ask.choice).stream(ask.text):
        whole += chunk
        for part in chunk.tool_call_chunks:
            yield part["args"] or ""
    return called(whole)


def answer_call(ask: Ask) -> dict[str, Any]:
    asked = [HumanMessage(ask.text)]
    answer = with_tools(ask, ask.choice).invoke(asked)
    results: list[ToolMessage] = [get_weather.invoke(call) for call in answer.tool_calls]
    return {"text": with_tools(ask, "none").invoke([*asked, answer, *results]).text}


def fill_in(ask: Ask) -> dict[str, Any]:
    return model(ask).with_structured_output(Animal).invoke(ask.text).model_dump()


def stream_fill_in(ask: Ask) -> Pieces:
    last = None
    for last in model(ask).with_structured_output(Animal.model_json_schema()).stream(ask.text):
        yield str(last)
    return last


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
