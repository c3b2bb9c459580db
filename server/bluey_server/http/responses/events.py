"""The events of a streamed response. Each goes by its type, and is numbered from 0."""

import msgspec

from bluey_server.http.answer.logprobs import ResponseTokenLogprob
from bluey_server.http.errors import ErrorDetail
from bluey_server.http.responses.object import OutputItem, OutputText, ResponseObject


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all of them have."""

    sequence_number: int


class Created(Event, frozen=True, kw_only=True, tag="response.created"):
    response: ResponseObject


class InProgress(Event, frozen=True, kw_only=True, tag="response.in_progress"):
    """Also repeated until there is something else to say: some clients' timers don't see
    comments."""

    response: ResponseObject


class Completed(Event, frozen=True, kw_only=True, tag="response.completed"):
    response: ResponseObject


class Incomplete(Event, frozen=True, kw_only=True, tag="response.incomplete"):
    response: ResponseObject


class ItemAdded(Event, frozen=True, kw_only=True, tag="response.output_item.added"):
    output_index: int
    item: OutputItem


class ItemDone(Event, frozen=True, kw_only=True, tag="response.output_item.done"):
    output_index: int
    item: OutputItem


class _OfItem(Event, frozen=True, kw_only=True):
    item_id: str
    output_index: int


class PartAdded(_OfItem, frozen=True, kw_only=True, tag="response.content_part.added"):
    content_index: int = 0
    part: OutputText


class PartDone(_OfItem, frozen=True, kw_only=True, tag="response.content_part.done"):
    content_index: int = 0
    part: OutputText


class TextDelta(_OfItem, frozen=True, kw_only=True, tag="response.output_text.delta"):
    content_index: int = 0
    delta: str
    logprobs: tuple[ResponseTokenLogprob, ...] = ()


class TextDone(_OfItem, frozen=True, kw_only=True, tag="response.output_text.done"):
    content_index: int = 0
    text: str
    logprobs: tuple[ResponseTokenLogprob, ...] = ()


class ArgumentsDelta(
    _OfItem, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"
):
    delta: str


class ArgumentsDone(
    _OfItem, frozen=True, kw_only=True, tag="response.function_call_arguments.done"
):
    name: str
    arguments: str


class Failure(Event, frozen=True, kw_only=True, tag="error"):
    """The last event of a stream that goes wrong: some clients read the flat members, some the
    envelope."""

    code: str | None
    message: str
    param: str | None
    error: ErrorDetail
