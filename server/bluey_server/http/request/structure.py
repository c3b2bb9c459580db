"""What is done about an answer's form and its calls: in the prompt, in the grammar, in reading."""

from dataclasses import dataclass
from typing import Any

import msgspec

from bluey_server.http.grammar.calls import answer_grammar
from bluey_server.http.grammar.response_format import JsonFormat
from bluey_server.http.names import Model
from bluey_server.http.tools.call_reader import CallReader, JsonCallReader, ParsedCallReader
from bluey_server.http.tools.call_styles import PLAIN, CallStyle, JsonCalls, call_style
from bluey_server.http.tools.functions import ToolUse
from bluey_server.http.tools.turns import describe, for_template, without_tool_turns


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation's answer is to be, beside what its messages say."""

    format: JsonFormat | None = None  # of its text; None is plain
    tools: ToolUse | None = None  # None: there are none to call

    def check(self) -> None:
        """Raise BadRequest for a schema that can't be enforced. Takes a while."""
        if self.format is not None:
            self.format.check()
        for tool in self.tools.tools if self.tools is not None else ():
            tool.check()


@dataclass(frozen=True)
class Calls:
    """How the calls in an answer are found."""

    style: CallStyle
    tools: ToolUse
    marks: dict[int, str]  # token ids that are marks, though special ones are no text

    def reader(self) -> CallReader:
        """For one answer."""
        if isinstance(self.style, JsonCalls):
            return JsonCallReader(self.style)
        return ParsedCallReader(self.style, for_template(self.tools))


@dataclass(frozen=True)
class Structure:
    """One request's, for one model."""

    messages: list[dict[str, Any]]
    extra: dict[str, Any]  # for the template
    grammar: str | None
    calls: Calls | None


def structure(
    wishes: Wishes, messages: list[dict[str, Any]], extra: dict[str, Any], model: Model
) -> Structure:
    """What `wishes` come to. Raises BadRequest. Takes a while: not for the event loop."""
    wishes.check()
    known = call_style(model.template or model.base.chat_template)
    if not known.by_template:
        messages = without_tool_turns(messages)
    tools, added = wishes.tools, model.base.vocabulary.added_tokens
    if tools is None:
        return Structure(messages, extra, answer_grammar(wishes.format, None, None, added), None)
    style = known if _does(known, wishes, tools) else PLAIN
    if style.by_template:
        extra = {**extra, "tools": for_template(tools)}
    else:
        messages = describe(messages, tools)
    marks = {added[piece]: piece for piece in style.pieces if piece in added}
    grammar = None  # calls that are parsed when they are whole can't be bound before
    if isinstance(style, JsonCalls):
        grammar = answer_grammar(wishes.format, tools, style, added)
    return Structure(messages, extra, grammar, Calls(style, tools, marks))


def _does(style: CallStyle, wishes: Wishes, tools: ToolUse) -> bool:
    """Whether calls in this style can be held to all that is wished."""
    if isinstance(style, JsonCalls):
        return True
    free = not tools.must_call and tools.parallel and len(tools.allowed) == len(tools.tools)
    return free and wishes.format is None
