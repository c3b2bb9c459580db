"""From a checked request to what an engine is asked: the prompt's ids, and how long the answer
may be. For conversations here, for bare prompts in completions/prompt.py."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from bluey_server.engine_protocol import GenerationRequest
from bluey_server.http.answer.stop_matcher import StopStrings
from bluey_server.http.answer.told_tokens import ToldToken
from bluey_server.http.chat.request import ChatRequest
from bluey_server.http.errors import BadRequest
from bluey_server.http.names import Model
from bluey_server.http.request.branch_points import branch_points, worth_caching
from bluey_server.http.request.structure import Calls, Structure, structure
from bluey_server.http.request.text_request import TextRequest, check_min_tokens


@dataclass
class Echo:
    """A prompt that is given back before the answer."""

    text: str
    offsets: list[int]  # where in the text each token of the prompt begins
    told: tuple[ToldToken, ...] | None = None  # filled when they have been scored


@dataclass(frozen=True)
class Prompt:
    """A question for an engine, and how to read its answer."""

    model: Model
    generation: GenerationRequest
    stop: StopStrings
    continues: bool = False  # the answer's text goes on from the prompt's
    echo: Echo | None = None  # shared by all answers to the prompt
    calls: Calls | None = None  # how those in the answer are found

    def answers(self, n: int) -> list["Prompt"]:
        """The prompt, once for each of `n` answers: the first is what n = 1 gives, and the same
        seed gives the same others."""
        return [self._answer(index) for index in range(n)]

    def _answer(self, index: int) -> "Prompt":
        if index == 0:
            return self
        asked = self.generation
        seed = hashlib.blake2b(f"{asked.sampling.seed}/{index}".encode(), digest_size=8).digest()
        sampling = msgspec.structs.replace(asked.sampling, seed=int.from_bytes(seed))
        generation = msgspec.structs.replace(asked, id=f"{asked.id}-{index}", sampling=sampling)
        return replace(self, generation=generation)


async def prepare_prompt(
    request: ChatRequest, model: Model, request_id: str, param: str = "messages"
) -> Prompt:
    """Write the conversation down for the model and see that it fits. `param` is the field that it
    came in.

    Raises BadRequest; NoChatTemplate or TemplateRefused from the template.
    """
    # Long conversations take a while to tokenize, large schemas to compile, and a template may
    # loop: not on the event loop.
    written = await asyncio.to_thread(_write_down, request, model, param)
    check_bias(request, model)
    encoded = await model.encode(written.text, borders=written.branch_points)
    ids = encoded.ids
    highest = model.base.vocabulary_size - 1
    if max(ids, default=0) > highest:
        raise BadRequest(
            f"Invalid '{param}': a special token in it is known to the tokenizer, but not to the "
            f"model (id {max(ids)}; the highest is {highest}).",
            code="invalid_value",
            param=param,
        )
    room = answer_room(len(ids), request.max_tokens, model, param)
    generation = ask(
        request,
        model,
        request_id,
        ids,
        room,
        checkpoints=worth_caching(encoded.borders, len(ids)),
        grammar=written.structure.grammar,
    )
    return Prompt(model, generation, request.stop, calls=written.structure.calls)


@dataclass(frozen=True)
class _Written:
    """A conversation as text."""

    text: str  # special tokens in it
    branch_points: list[int]  # see branch_points.py
    structure: Structure


def _write_down(request: ChatRequest, model: Model, param: str) -> _Written:
    done = structure(request.wishes, request.messages, request.template_extra, model)
    if request.ignore_eos and done.grammar is not None:
        raise BadRequest(
            "Invalid 'ignore_eos': an answer that is bound to a format or to tools ends where they "
            "say. Leave 'ignore_eos' out, or the format and the tools.",
            code="invalid_value",
            param="ignore_eos",
        )
    base, template = model.base, model.template
    text = base.write_chat(done.messages, template=template, extra=done.extra)
    check_length(text, model, param)
    points = branch_points(base, done.messages, text, template=template, extra=done.extra)
    return _Written(text, points, done)


def ask(
    request: TextRequest,
    model: Model,
    request_id: str,
    ids: list[int],
    max_tokens: int,
    **options: Any,
) -> GenerationRequest:
    """What the engine is asked for one prompt. Raises BadRequest."""
    check_min_tokens(request.min_tokens, max_tokens)
    # Ignored, ids that end a turn are tokens like others; their text is left out all the same, as
    # that of every special token.
    end_ids = model.base.end_ids(model.template or model.base.chat_template)
    return GenerationRequest(
        id=request_id,
        prompt=ids,
        adapter=model.digest,
        max_tokens=max_tokens,
        min_tokens=request.min_tokens,
        end_ids=() if request.ignore_eos else end_ids,
        sampling=request.sampling,
        logprobs=request.logprobs,
        **options,
    )


def check_bias(request: TextRequest, model: Model) -> None:
    """See that all biased ids are the model's: reading beside its arrays would end the engine."""
    highest = model.base.vocabulary_size - 1
    biased = max((token for token, _ in request.sampling.logit_bias), default=0)
    if biased > highest:
        raise BadRequest(
            f"Invalid key in 'logit_bias': {biased}. Maximum value is {highest}.",
            code="invalid_value",
            param="logit_bias",
        )


def answer_room(prompt_tokens: int, max_tokens: int | None, model: Model, param: str) -> int:
    """How many tokens the answer to the prompt in `param` may have. Raises BadRequest, whose
    wording is what clients look for: LiteLLM for its beginning, LangChain for "prompt is too
    long"."""
    context = model.base.facts.context_length
    if prompt_tokens > context or (prompt_tokens == context and max_tokens != 0):
        raise _too_long(f"{prompt_tokens} tokens", model, param)
    if max_tokens is not None and prompt_tokens + max_tokens > context:
        told = (
            f"you requested {prompt_tokens + max_tokens} tokens ({prompt_tokens} in the {param}, "
            f"{max_tokens} in the completion): the prompt is too long for such an answer. Please "
            f"reduce the length of the {param} or completion."
        )
        raise _context_exceeded(told, model, param)
    return context - prompt_tokens if max_tokens is None else max_tokens


def check_length(text: str, model: Model, param: str) -> None:
    """Raise BadRequest for a text that is too long however it is encoded: a large one would take
    seconds to encode only to be refused."""
    least = model.base.vocabulary.least_tokens(text)
    if least > model.base.facts.context_length:
        raise _too_long(f"at least {least} tokens", model, param)


def _too_long(tokens: str, model: Model, param: str) -> BadRequest:
    told = (
        f"your {param} resulted in {tokens}: the prompt is too long. Please reduce the length of "
        f"the {param}."
    )
    return _context_exceeded(told, model, param)


def _context_exceeded(told: str, model: Model, param: str) -> BadRequest:
    context = model.base.facts.context_length
    start = f"This model's maximum context length is {context} tokens. However, "
    return BadRequest(start + told, code="context_length_exceeded", param=param)
