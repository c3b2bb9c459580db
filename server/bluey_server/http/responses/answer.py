"""Writing a response down, whole and in events: both are made of the same pieces."""

import functools
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from bluey_server.http.answer.logprobs import response_logprobs
from bluey_server.http.answer.off_loop import MANY, off_loop
from bluey_server.http.answer.reply import Answer, Collected
from bluey_server.http.answer.text_events import CallArguments, CallBegun
from bluey_server.http.answer.told_tokens import ToldToken
from bluey_server.http.errors import ApiError
from bluey_server.http.names import Model
from bluey_server.http.responses.events import Completed, Created, Failure, Incomplete, InProgress
from bluey_server.http.responses.items import new_id
from bluey_server.http.responses.object import (
    IncompleteDetails,
    InputDetails,
    ResponseObject,
    ResponseUsage,
)
from bluey_server.http.responses.output import OutputWriter
from bluey_server.http.responses.request import ResponseRequest

Keep = Callable[[ResponseObject], Awaitable[None]]


class ResponseAnswer(Answer):
    """Writes one response. There is one answer to each request: the index is always 0."""

    mark = b""

    def __init__(
        self, request: ResponseRequest, model: Model, prompt_tokens: int, keep: Keep
    ) -> None:
        """`keep` is given the response once it is whole."""
        self._vocabulary = model.base.vocabulary
        self._tells = request.logprobs is not None
        self._prompt_tokens = prompt_tokens
        self._keep = keep
        self._numbers = itertools.count()
        self._output = OutputWriter(self._numbers)
        self._response = ResponseObject(
            id=new_id("resp"),
            created_at=int(time.time()),
            model=request.model,
            # Whatever tier was asked for, this is the one there is.
            service_tier=None if request.service_tier is None else "default",
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            **request.echoed,
        )

    async def whole(
        self, answers: Sequence[Collected], completion_tokens: int, cached_tokens: int
    ) -> ResponseObject:
        """The response in one piece."""
        [one] = answers
        write = functools.partial(self.piece, 0, one.text, one.told)
        await off_loop(write, much=len(one.told) > MANY)
        for number, call in enumerate(one.calls):
            self.call(0, CallBegun(number, call.id, call.name))
            self.call(0, CallArguments(number, call.arguments))
        self.closing(0, one.reason)
        await self.last(completion_tokens, cached_tokens)
        return self._response

    def opening(self) -> list[msgspec.Struct]:
        """The response, as yet with nothing in it."""
        return [
            Created(sequence_number=next(self._numbers), response=self._response),
            InProgress(sequence_number=next(self._numbers), response=self._response),
        ]

    def piece(self, index: int, text: str, told: Sequence[ToldToken]) -> list[msgspec.Struct]:
        """More of the message."""
        assert index == 0
        if not (text or told):
            return []
        logprobs = response_logprobs(told, self._vocabulary) if self._tells else ()
        return [*self._output.say(text, logprobs)]

    def call(self, index: int, event: CallBegun | CallArguments) -> list[msgspec.Struct]:
        """The beginning of a call, or more of its arguments."""
        assert index == 0
        match event:
            case CallBegun(id=call_id, name=name):
                return [*self._output.begin_call(call_id, name)]
            case CallArguments(text=text):
                return [*self._output.say_arguments(text)]

    def closing(self, index: int, finish_reason: str) -> list[msgspec.Struct]:
        """The end of what is being written."""
        assert index == 0
        cut_off = finish_reason == "length"
        self._response = msgspec.structs.replace(
            self._response,
            status="incomplete" if cut_off else "completed",
            completed_at=None if cut_off else int(time.time()),
            incomplete_details=IncompleteDetails() if cut_off else None,
        )
        return [*self._output.finish(self._response.status)]

    async def last(self, completion_tokens: int, cached_tokens: int) -> list[msgspec.Struct]:
        """The response once more, with all that is in it; kept by then, if that was asked for:
        who is told that it is completed may go on from it."""
        self._response = msgspec.structs.replace(
            self._response,
            output=tuple(self._output.items),
            usage=ResponseUsage(
                input_tokens=self._prompt_tokens,
                input_tokens_details=InputDetails(cached_tokens),
                output_tokens=completion_tokens,
                total_tokens=self._prompt_tokens + completion_tokens,
            ),
        )
        await self._keep(self._response)
        event = Completed if self._response.status == "completed" else Incomplete
        return [event(sequence_number=next(self._numbers), response=self._response)]

    def pulse(self) -> list[msgspec.Struct]:
        """That it goes on. A comment would do for most, but not for Codex, whose timer only sees
        events. Once there are items, `in_progress` won't do: openai-node takes the response in it,
        which has none, for all there is."""
        if self._output.begun:
            return [*self._output.say_nothing()]
        return [InProgress(sequence_number=next(self._numbers), response=self._response)]

    def failure(self, error: ApiError) -> msgspec.Struct:
        """The error as clients of this endpoint know it, and as all others do."""
        return Failure(
            sequence_number=next(self._numbers),
            code=error.code,
            message=error.message,
            param=error.param,
            error=error.envelope().error,
        )
