"""From a checked request to what an engine is asked: the prompt's ids, and how long the answer
may be."""

import asyncio
from dataclasses import dataclass

from bluey_server.engine_protocol import GenerationRequest
from bluey_server.http.branch_points import encode_with_branch_points
from bluey_server.http.chat_request import ChatRequest, too_many_min_tokens
from bluey_server.http.errors import BadRequest
from bluey_server.http.names import Model


@dataclass(frozen=True)
class Prompt:
    """A question for an engine, and how to read its answer."""

    model: Model
    generation: GenerationRequest
    stop: tuple[str, ...]


async def prepare_prompt(request: ChatRequest, model: Model, request_id: str) -> Prompt:
    """Write the conversation down for the model and see that it fits.

    Raises BadRequest; NoChatTemplate or TemplateRefused from the template.
    """
    # Long conversations take a while to tokenize, and a template may loop: not on the event loop.
    ids, checkpoints = await asyncio.to_thread(
        encode_with_branch_points,
        model.base,
        request.messages,
        template=model.template,
        extra=request.template_extra,
    )
    _check_ids(request, ids, model.base.vocabulary_size)
    room = _room(len(ids), request.max_tokens, model.base.facts.context_length)
    if request.min_tokens > room:
        raise too_many_min_tokens(request.min_tokens, room)
    generation = GenerationRequest(
        id=request_id,
        prompt=ids,
        checkpoints=checkpoints,
        adapter=model.digest,
        max_tokens=room,
        min_tokens=request.min_tokens,
        end_ids=model.base.end_ids(model.template or model.base.chat_template),
        sampling=request.sampling,
    )
    return Prompt(model, generation, request.stop)


def _check_ids(request: ChatRequest, ids: list[int], vocabulary_size: int) -> None:
    """See that all ids are the model's: reading beside its arrays would end the engine."""
    highest = vocabulary_size - 1
    biased = max((token for token, _ in request.sampling.logit_bias), default=0)
    if biased > highest:
        raise BadRequest(
            f"Invalid key in 'logit_bias': {biased}. Maximum value is {highest}.",
            code="invalid_value",
            param="logit_bias",
        )
    if max(ids, default=0) > highest:
        raise BadRequest(
            "Invalid 'messages': they hold a special token that the tokenizer knows, but the model "
            f"does not (id {max(ids)}; the highest is {highest}).",
            code="invalid_value",
            param="messages",
        )


def _room(prompt_tokens: int, max_tokens: int | None, context: int) -> int:
    """How many tokens the answer may have. The error's wording is what clients look for."""
    start = f"This model's maximum context length is {context} tokens. However, "
    if prompt_tokens >= context:
        told = (
            f"your messages resulted in {prompt_tokens} tokens, which leaves no room for an "
            "answer. Please reduce the length of the messages."
        )
    elif max_tokens is not None and prompt_tokens + max_tokens > context:
        told = (
            f"you requested {prompt_tokens + max_tokens} tokens ({prompt_tokens} in the messages, "
            f"{max_tokens} in the completion). Please reduce the length of the messages or "
            "completion."
        )
    else:
        return context - prompt_tokens if max_tokens is None else max_tokens
    raise BadRequest(start + told, code="context_length_exceeded", param="messages")
