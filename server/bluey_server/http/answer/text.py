"""One answer's tokens, made into what is told of it: text, and calls."""

import uuid

from bluey_adapters.text_stream import TextStream
from bluey_server.http.answer.stop_matcher import StopMatcher
from bluey_server.http.answer.text_events import (
    CallArguments,
    CallBegun,
    TextEnd,
    TextEvent,
    TextPiece,
)
from bluey_server.http.answer.told_tokens import HeldTokens, ToldToken
from bluey_server.http.request.prompt import Prompt
from bluey_server.http.tools.call_reader import Arguments, Begun, Part
from bluey_server.messages import TokenLogprobs

_CONTEXT = 4
"""Tokens of a prompt that decide how the text after them is written."""


class AnswerText:
    """Watches one answer: for characters that take several tokens, for calls, for stop strings.

    Stop strings are looked for in text alone: one that a call happens to hold doesn't end it. Log
    probabilities are told of text's tokens alone.
    """

    def __init__(self, prompt: Prompt, given: int) -> None:
        """`given` characters of text have been given out before the answer."""
        self._vocabulary = prompt.model.base.vocabulary
        self._stream = TextStream(
            self._vocabulary, prompt.generation.prompt[-_CONTEXT:] if prompt.continues else ()
        )
        self._calls = prompt.calls
        self._reader = None if prompt.calls is None else prompt.calls.reader()
        self._matcher = StopMatcher(prompt.stop)
        self._min_tokens = prompt.generation.min_tokens
        self._tokens = self._begun = 0
        self._given = self._decoded = given  # characters told; and those known, some held back
        self._held = HeldTokens()
        self._text = ""  # found, and not yet told
        self._events: list[TextEvent] = []

    @property
    def stopped(self) -> bool:
        """Whether a stop string was found: nothing follows."""
        return self._matcher.matched

    def push(self, ids: list[int], logprobs: list[TokenLogprobs] | None) -> list[TextEvent]:
        """What more tokens tell; a TextPiece at the least, which counts them."""
        for place, token in enumerate(ids):
            self._tokens += 1
            if logprobs is not None and (self._reader is None or self._reader.in_text):
                self._held.add(ToldToken(token, logprobs[place], self._decoded))
            self._take(self._decode(token), may_stop=self._tokens >= self._min_tokens)
            if self.stopped:
                break
        self._tell()
        return self._events_so_far()

    def finish(self, reason: str) -> list[TextEvent]:
        """What is left; the last event is the answer's end."""
        self._take(self._stream.finish(), may_stop=True)
        for part in () if self._reader is None else self._reader.finish():
            self._take_part(part, may_stop=True)
        if self.stopped:
            return [*self._events_so_far(), self.stop()]
        if self._begun and self._reader is not None and not self._reader.in_call:
            reason = "tool_calls"
        end = TextEnd(self._text + self._matcher.finish(), reason, self._held.rest())
        return [*self._events_so_far(), end]

    def stop(self) -> TextEnd:
        """The end of an answer in which a stop string was found."""
        told = self._held.release(self._given + len(self._text))
        return TextEnd(self._text, "tool_calls" if self._begun else "stop", told)

    def _decode(self, token: int) -> str:
        mark = None if self._calls is None else self._calls.marks.get(token)
        if mark is None:
            return self._stream.push(token)
        before, self._stream = self._stream.finish(), TextStream(self._vocabulary, [token])
        return before + mark

    def _take(self, text: str, *, may_stop: bool) -> None:
        if self._reader is None:
            self._decoded += len(text)
            self._take_part(text, may_stop=may_stop)
            return
        if self._reader.in_text:
            self._decoded += len(text)
        for part in self._reader.push(text):
            self._take_part(part, may_stop=may_stop)

    def _take_part(self, part: Part, *, may_stop: bool) -> None:
        match part:
            case Begun(name):
                self._text += self._matcher.finish()
                self._tell()
                self._decoded = self._given
                self._held.rest()  # the mark's own tokens: they are no text
                self._events.append(CallBegun(self._begun, f"call_{uuid.uuid4().hex[:24]}", name))
                self._begun += 1
            case Arguments(text):
                self._events.append(CallArguments(self._begun - 1, text))
            case str() if part.strip() or not self._begun:  # else a line break between calls
                self._text += self._matcher.push(part, may_match=may_stop)

    def _tell(self) -> None:
        self._given += len(self._text)
        told = self._held.release(self._given)
        self._events.append(TextPiece(self._text, self._tokens, told))
        self._text = ""

    def _events_so_far(self) -> list[TextEvent]:
        events, self._events = self._events, []
        return events
