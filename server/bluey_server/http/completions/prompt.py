"""From a checked request for completions to what an engine is asked for each of its prompts."""

import asyncio
from collections.abc import Sequence

import msgspec

from bluey_adapters.tokenizer import TextStream, Tokenizer
from bluey_server.http.completions.request import CompletionRequest
from bluey_server.http.errors import BadRequest
from bluey_server.http.names import Model
from bluey_server.http.request.prompt import Echo, Prompt, answer_room, ask, check_bias


async def prepare_prompts(
    request: CompletionRequest, model: Model, request_id: str
) -> list[Prompt]:
    """See that each prompt has ids that are the model's, and fits. Raises BadRequest.

    A text is encoded with what the tokenizer puts around texts by itself (a <bos>), as mlx-lm and
    transformers do; ids are taken as they are.
    """
    check_bias(request, model)
    return await asyncio.to_thread(
        lambda: [
            _prepare(request, model, request_id, place) for place in range(len(request.prompts))
        ]
    )


def _prepare(request: CompletionRequest, model: Model, request_id: str, place: int) -> Prompt:
    given, tokenizer = request.prompts[place], model.base.tokenizer
    param = "prompt" if len(request.prompts) == 1 else f"prompt[{place}]"
    if isinstance(given, str):
        ids, spans = tokenizer.encode_with_offsets(given, special=True)
        if not ids:
            raise BadRequest(
                f"Invalid '{param}': it has no tokens, and this model's tokenizer begins texts "
                "with none; there is nothing to go on from.",
                code="empty_string",
                param=param,
            )
    else:
        ids, spans = given, []
    highest = model.base.vocabulary_size - 1
    if max(ids) > highest:
        raise BadRequest(
            f"Invalid '{param}': {max(ids)} is no token id of this model; the highest is "
            f"{highest}.",
            code="invalid_value",
            param=param,
        )
    room = answer_room(len(ids), request.max_tokens, model, "prompt")
    generation = ask(
        request, model, request_id if place == 0 else f"{request_id}/{place}", ids, room
    )
    if request.echo and request.logprobs is not None and room == 1:
        # Evaluation harnesses ask for one token after a prompt, since not every server takes 0, and
        # drop the last log probability told. It must be that token's, even where the model would
        # rather end: else they drop one of the prompt's.
        generation = msgspec.structs.replace(generation, end_ids=())
    echo = None
    if request.echo:
        echo = Echo(given, _starts(spans)) if isinstance(given, str) else _decoded(tokenizer, ids)
    return Prompt(model, generation, request.stop, continues=True, echo=echo)


def _starts(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Where tokens begin; those that the tokenizer added begin where the one before did."""
    starts: list[int] = []
    for start, _ in spans:
        starts.append(max(start, starts[-1] if starts else 0))
    return starts


def _decoded(tokenizer: Tokenizer, ids: list[int]) -> Echo:
    stream = TextStream(tokenizer)
    text, starts = "", []
    for token in ids:
        starts.append(len(text))
        text += stream.push(token)
    return Echo(text + stream.finish(), starts)
