"""From a checked request for completions to what an engine is asked for each of its prompts."""

import asyncio

import msgspec

from bluey_adapters.text_stream import TextStream
from bluey_adapters.vocabulary import Vocabulary
from bluey_server.http.completions.request import CompletionRequest
from bluey_server.http.errors import BadRequest
from bluey_server.http.names import Model
from bluey_server.http.request.prompt import (
    Echo,
    Prompt,
    answer_room,
    ask,
    check_bias,
    check_length,
)


async def prepare_prompts(
    request: CompletionRequest, model: Model, request_id: str
) -> list[Prompt]:
    """See that each prompt has ids that are the model's, and fits. Raises BadRequest.

    A text is encoded with what the tokenizer puts around texts by itself (a <bos>), as mlx-lm and
    transformers do; ids are taken as they are.
    """
    check_bias(request, model)
    places = range(len(request.prompts))
    return await asyncio.gather(*(_prepare(request, model, request_id, place) for place in places))


async def _prepare(request: CompletionRequest, model: Model, request_id: str, place: int) -> Prompt:
    given = request.prompts[place]
    param = "prompt" if len(request.prompts) == 1 else f"prompt[{place}]"
    starts: list[int] = []
    if isinstance(given, str):
        check_length(given, model, "prompt")
        encoded = await model.encode(given, special=True, starts=request.echo)
        ids, starts = encoded.ids, encoded.starts
        if not ids:
            raise BadRequest(
                f"Invalid '{param}': it has no tokens, and this model's tokenizer begins texts "
                "with none; there is nothing to go on from.",
                code="empty_string",
                param=param,
            )
    else:
        ids = given
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
    if isinstance(given, str):
        echo = Echo(given, starts) if request.echo else None
    elif request.echo:
        echo = await asyncio.to_thread(_decoded, model.base.vocabulary, ids)
    return Prompt(model, generation, request.stop, continues=True, echo=echo)


def _decoded(vocabulary: Vocabulary, ids: list[int]) -> Echo:
    stream = TextStream(vocabulary)
    pieces: list[str] = []
    starts, length = [], 0
    for token in ids:
        starts.append(length)
        pieces.append(stream.push(token))
        length += len(pieces[-1])
    return Echo("".join([*pieces, stream.finish()]), starts)
