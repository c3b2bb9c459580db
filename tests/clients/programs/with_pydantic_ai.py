"""pydantic-ai: see telling.py."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from asked import TOOL, Animal, Weather
from openai import AsyncOpenAI
from pydantic_ai import Agent, NativeOutput, ToolDefinition
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from telling import Ask, Pieces, serve

loop = asyncio.new_event_loop()
parameters = ModelRequestParameters(
    function_tools=[
        ToolDefinition(
            name=TOOL,
            description=Weather.__doc__,
            parameters_json_schema=Weather.model_json_schema(),
        )
    ]
)


def model(ask: Ask) -> OpenAIChatModel:
    client = AsyncOpenAI(base_url=ask.url, api_key=ask.key, max_retries=0)
    return OpenAIChatModel(ask.model, provider=OpenAIProvider(openai_client=client))


def settings(ask: Ask, choice: str | None = None) -> Any:
    given = {"temperature": 0, "max_tokens": ask.max_tokens, "extra_body": ask.extra_body}
    if choice is None:
        return given
    return {**given, "tool_choice": choice if choice in ("required", "none") else [choice]}


def counted(response: ModelResponse) -> list[int]:
    return [response.usage.input_tokens, response.usage.output_tokens]


def as_they_come(pieces: AsyncGenerator[Any, None]) -> Pieces:
    """An asynchronous generator of pieces, whose last one is what it would return."""
    told: asyncio.Queue[Any] = asyncio.Queue()

    async def tell() -> None:
        try:
            async for piece in pieces:
                told.put_nowait(piece)
        finally:
            told.put_nowait(None)

    telling = loop.create_task(tell())  # one task from start to end, as its cancel scopes want it
    last = None
    while (piece := loop.run_until_complete(told.get())) is not None:
        if last is not None:
            yield last
        last = piece
    loop.run_until_complete(telling)
    return last


def chat(ask: Ask) -> dict[str, Any]:
    run = loop.run_until_complete(Agent(model(ask), model_settings=settings(ask)).run(ask.text))
    return {
        "text": run.output,
        "finish_reason": run.response.finish_reason,
        "usage": counted(run.response),
    }


async def streamed(ask: Ask) -> AsyncGenerator[Any, None]:
    agent = Agent(model(ask), model_settings=settings(ask))
    async with agent.run_stream(ask.text) as run:
        async for piece in run.stream_text(delta=True, debounce_by=None):
            yield piece
        yield {"finish_reason": run.response.finish_reason, "usage": counted(run.response)}


def stream(ask: Ask) -> Pieces:
    return as_they_come(streamed(ask))


def called(response: ModelResponse) -> dict[str, Any]:
    calls = [
        {"name": part.tool_name, "arguments": part.args_as_dict()} for part in response.tool_calls
    ]
    # Its own word for it, which differs by a letter.
    reason = response.finish_reason
    return {"calls": calls, "finish_reason": "tool_calls" if reason == "tool_call" else reason}


def call(ask: Ask) -> dict[str, Any]:
    asked = [ModelRequest.user_text_prompt(ask.text)]
    return called(
        loop.run_until_complete(
            model_request(
                model(ask),
                asked,
                model_settings=settings(ask, ask.choice),
                model_request_parameters=parameters,
            )
        )
    )


async def call_streamed(ask: Ask) -> AsyncGenerator[Any, None]:
    async with model_request_stream(
        model(ask),
        [ModelRequest.user_text_prompt(ask.text)],
        model_settings=settings(ask, ask.choice),
        model_request_parameters=parameters,
    ) as events:
        async for event in events:
            match event:
                case PartStartEvent(part=ToolCallPart(args=args)):
                    yield str(args or "")
                case PartDeltaEvent(delta=delta):
                    yield str(getattr(delta, "args_delta", None) or "")
        yield called(events.get())


def stream_call(ask: Ask) -> Pieces:
    return as_they_come(call_streamed(ask))


async def call_answered(ask: Ask) -> dict[str, Any]:
    messages: list[Any] = [ModelRequest.user_text_prompt(ask.text)]
    first = await model_request(
        model(ask),
        messages,
        model_settings=settings(ask, ask.choice),
        model_request_parameters=parameters,
    )
    results = [
        ToolReturnPart(
            tool_name=part.tool_name, content=ask.tool_result, tool_call_id=part.tool_call_id
        )
        for part in first.tool_calls
    ]
    second = await model_request(
        model(ask),
        [*messages, first, ModelRequest(parts=results)],
        model_settings=settings(ask, "none"),
        model_request_parameters=parameters,
    )
    return {"text": "".join(p.content for p in second.parts if isinstance(p, TextPart))}


def answer_call(ask: Ask) -> dict[str, Any]:
    return loop.run_until_complete(call_answered(ask))


def fill_in(ask: Ask) -> dict[str, Any]:
    """By response_format; `fill_in_tool` is what an agent does unless told otherwise."""
    agent = Agent(model(ask), output_type=NativeOutput(Animal), model_settings=settings(ask))
    return loop.run_until_complete(agent.run(ask.text)).output.model_dump()


def fill_in_tool(ask: Ask) -> dict[str, Any]:
    agent = Agent(model(ask), output_type=Animal, model_settings=settings(ask))
    return loop.run_until_complete(agent.run(ask.text)).output.model_dump()


async def fill_in_streamed(ask: Ask) -> AsyncGenerator[Any, None]:
    agent = Agent(model(ask), output_type=NativeOutput(Animal), model_settings=settings(ask))
    async with agent.run_stream(ask.text) as run:
        async for response in run.stream_response(debounce_by=None):
            yield response.text or ""
        yield (await run.get_output()).model_dump()


def stream_fill_in(ask: Ask) -> Pieces:
    return as_they_come(fill_in_streamed(ask))


serve(
    {
        "chat": chat,
        "stream": stream,
        "call": call,
        "stream_call": stream_call,
        "answer_call": answer_call,
        "fill_in": fill_in,
        "fill_in_tool": fill_in_tool,
        "stream_fill_in": stream_fill_in,
    }
)
