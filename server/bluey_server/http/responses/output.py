"""What a response gives, written item by item, with the events that tell of it.

An item is opened when there is something to put into it, and closed before the next one.
"""

from collections.abc import Iterator, Sequence

import msgspec

from bluey_server.http.answer.logprobs import ResponseTokenLogprob
from bluey_server.http.responses.events import (
    ArgumentsDelta,
    ArgumentsDone,
    Event,
    ItemAdded,
    ItemDone,
    PartAdded,
    PartDone,
    TextDelta,
    TextDone,
)
from bluey_server.http.responses.items import new_id
from bluey_server.http.responses.object import (
    FunctionCallItem,
    MessageItem,
    OutputItem,
    OutputText,
)


class OutputWriter:
    """The items of one response."""

    def __init__(self, numbers: Iterator[int]) -> None:
        """`numbers` are those of the response's events."""
        self.items: list[OutputItem] = []  # those that are over
        self._numbers = numbers
        self._open: OutputItem | None = None
        self._text = ""  # of the open item: what it says, or its arguments
        self._logprobs: list[ResponseTokenLogprob] = []

    @property
    def begun(self) -> bool:
        """Whether there is an item, or the beginning of one."""
        return bool(self.items) or self._open is not None

    def say(self, text: str, logprobs: Sequence[ResponseTokenLogprob]) -> list[Event]:
        """More of a message."""
        events = [] if isinstance(self._open, MessageItem) else self._begin_message()
        assert self._open is not None
        self._text += text
        self._logprobs += logprobs
        delta = TextDelta(
            sequence_number=next(self._numbers),
            item_id=self._open.id,
            output_index=len(self.items),
            delta=text,
            logprobs=tuple(logprobs),
        )
        return [*events, delta]

    def begin_call(self, call_id: str, name: str) -> list[Event]:
        """A call, as yet without arguments."""
        return self._begin(
            FunctionCallItem(id=new_id("fc"), status="in_progress", call_id=call_id, name=name)
        )

    def say_arguments(self, text: str) -> list[Event]:
        """More of the arguments of the call that was begun last."""
        assert isinstance(self._open, FunctionCallItem)
        self._text += text
        delta = ArgumentsDelta(
            sequence_number=next(self._numbers),
            item_id=self._open.id,
            output_index=len(self.items),
            delta=text,
        )
        return [delta]

    def say_nothing(self) -> list[Event]:
        """More of what is open, with nothing in it."""
        match self._open:
            case MessageItem():
                return self.say("", ())
            case FunctionCallItem():
                return self.say_arguments("")
        return []

    def finish(self, status: str) -> list[Event]:
        """No more. An answer without a word is an empty message; an item that is cut off has the
        response's status."""
        events = [] if self.begun else self._begin_message()
        return [*events, *self._close(status)]

    def _begin_message(self) -> list[Event]:
        message = MessageItem(id=new_id("msg"), status="in_progress")
        events = self._begin(message)
        part = PartAdded(
            sequence_number=next(self._numbers),
            item_id=message.id,
            output_index=len(self.items),
            part=OutputText(),
        )
        return [*events, part]

    def _begin(self, item: OutputItem) -> list[Event]:
        """Open an item, once the one before it is closed."""
        events = self._close("completed")
        self._open, self._text, self._logprobs = item, "", []
        index = len(self.items)
        added = ItemAdded(sequence_number=next(self._numbers), output_index=index, item=item)
        return [*events, added]

    def _close(self, status: str) -> list[Event]:
        """End the item that is open, if one is."""
        index = len(self.items)
        item: OutputItem
        events: list[Event]
        match self._open:
            case None:
                return []
            case MessageItem(id=item_id):
                part = OutputText(self._text, logprobs=tuple(self._logprobs))
                item = msgspec.structs.replace(self._open, status=status, content=(part,))
                events = [
                    TextDone(
                        sequence_number=next(self._numbers),
                        item_id=item_id,
                        output_index=index,
                        text=part.text,
                        logprobs=part.logprobs,
                    ),
                    PartDone(
                        sequence_number=next(self._numbers),
                        item_id=item_id,
                        output_index=index,
                        part=part,
                    ),
                ]
            case FunctionCallItem(id=item_id, name=name):
                item = msgspec.structs.replace(self._open, status=status, arguments=self._text)
                events = [
                    ArgumentsDone(
                        sequence_number=next(self._numbers),
                        item_id=item_id,
                        output_index=index,
                        name=name,
                        arguments=self._text,
                    )
                ]
        self._open = None
        self.items.append(item)
        done = ItemDone(sequence_number=next(self._numbers), output_index=index, item=item)
        return [*events, done]
