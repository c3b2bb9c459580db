"""The shapes of responses and of the items that they give."""

from typing import Any

import msgspec

from bluey_server.http.answer.logprobs import ResponseTokenLogprob


class OutputText(msgspec.Struct, frozen=True, tag_field="type", tag="output_text"):
    """A part of a message."""

    text: str = ""
    annotations: tuple[()] = ()
    logprobs: tuple[ResponseTokenLogprob, ...] = ()


class MessageItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """What the model says."""

    id: str
    status: str  # "in_progress" | "completed" | "incomplete"
    role: str = "assistant"
    content: tuple[OutputText, ...] = ()


class FunctionCallItem(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function_call"
):
    """What the model wants to be called."""

    id: str
    status: str  # like a message's
    call_id: str
    name: str
    arguments: str = ""  # JSON


OutputItem = MessageItem | FunctionCallItem


class InputDetails(msgspec.Struct, frozen=True):
    cached_tokens: int
    cache_write_tokens: int = 0  # what OpenAI asks money for


class OutputDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int = 0


class ResponseUsage(msgspec.Struct, frozen=True):
    """Tokens in and out."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    total_tokens: int
    output_tokens_details: OutputDetails = OutputDetails()


class IncompleteDetails(msgspec.Struct, frozen=True):
    reason: str = "max_output_tokens"


class ResponseObject(msgspec.Struct, frozen=True, kw_only=True):
    """A response, in any state. Its keys are always all there."""

    id: str
    object: str = "response"
    created_at: int
    completed_at: int | None = None
    status: str = "in_progress"  # "completed" | "incomplete"
    background: bool = False
    error: None = None  # who fails gets an error instead
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: None = None
    metadata: dict[str, str]
    model: str
    output: tuple[OutputItem, ...] = ()
    parallel_tool_calls: bool
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    reasoning: dict[str, Any]
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool
    temperature: float
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: tuple[dict[str, Any], ...]
    top_logprobs: int
    top_p: float
    truncation: str = "disabled"
    usage: ResponseUsage | None = None
    user: str | None = None
