"""How models write calls down.

Each family was taught a way of its own, and its chat template shows which. Where calls are JSON
between marks, an answer can be bound to it as soon as the first mark is there; other ways are read
when a call is whole, by mlx-lm's parser for the family. A model that was taught none, or one that
isn't known here, is told of a way by us (turns.py).
"""

from dataclasses import dataclass

_NAME, _ARGUMENTS = '{"name": "', '", "arguments": '


@dataclass(frozen=True)
class JsonCalls:
    """Calls of the form: begin, name, middle, arguments, end; then again, name, middle, … and at
    last close. Pieces that the tokenizer has as added tokens are those; all others are text."""

    begin: tuple[str, ...]  # the first of them is what no text holds
    middle: tuple[str, ...]
    end: tuple[str, ...]
    again: tuple[str, ...]
    close: tuple[str, ...] = ()
    by_template: bool = True  # the template describes tools and writes calls

    @property
    def pieces(self) -> tuple[str, ...]:
        """All of them."""
        return self.begin + self.middle + self.end + self.again + self.close


@dataclass(frozen=True)
class ParsedCalls:
    """Calls that one of mlx-lm's parsers reads."""

    parser: str  # in mlx_lm.tool_parsers
    opening: str
    closing: str  # "": the answer's end
    by_template: bool = True

    @property
    def pieces(self) -> tuple[str, ...]:
        """Both marks."""
        return (self.opening, self.closing) if self.closing else (self.opening,)


CallStyle = JsonCalls | ParsedCalls

PLAIN = JsonCalls(
    begin=("<tool_call>", '{"name":"'),
    middle=('","arguments":',),
    end=("}", "</tool_call>"),
    again=("\n", "<tool_call>", '{"name":"'),
    by_template=False,
)
"""Ours, for models that were taught none: common enough that large ones have seen it."""

_HERMES = JsonCalls(
    begin=("<tool_call>", "\n" + _NAME),
    middle=(_ARGUMENTS,),
    end=("}\n", "</tool_call>"),
    again=("\n", "<tool_call>", "\n" + _NAME),
)
_MISTRAL_LIST = JsonCalls(
    begin=("[TOOL_CALLS]", "[" + _NAME),
    middle=(_ARGUMENTS,),
    end=("}",),
    again=(", " + _NAME,),
    close=("]",),
)
_MISTRAL = JsonCalls(begin=("[TOOL_CALLS]",), middle=("[ARGS]",), end=(), again=("[TOOL_CALLS]",))

_FAMILIES: tuple[tuple[tuple[str, ...], CallStyle], ...] = (
    (
        ("<minimax:tool_call>",),
        ParsedCalls("minimax_m2", "<minimax:tool_call>", "</minimax:tool_call>"),
    ),
    (("<|tool_call>", "<tool_call|>"), ParsedCalls("gemma4", "<|tool_call>", "<tool_call|>")),
    (
        ("<start_function_call>",),
        ParsedCalls("function_gemma", "<start_function_call>", "<end_function_call>"),
    ),
    (
        ("<longcat_tool_call>",),
        ParsedCalls("longcat", "<longcat_tool_call>", "</longcat_tool_call>"),
    ),
    (("<tool_call>", "<arg_key>"), ParsedCalls("glm47", "<tool_call>", "</tool_call>")),
    (
        ("<|tool_call_start|>",),
        ParsedCalls("pythonic", "<|tool_call_start|>", "<|tool_call_end|>"),
    ),
    (("<tool_call>", "<function="), ParsedCalls("qwen3_coder", "<tool_call>", "</tool_call>")),
    (
        ("<|tool_calls_section_begin|>",),
        ParsedCalls("kimi_k2", "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
    ),
    (("[TOOL_CALLS]", "[ARGS]"), _MISTRAL),
    (("[TOOL_CALLS]",), _MISTRAL_LIST),
    (("<tool_call>", "tool_call.name"), _HERMES),
)
"""What a template that knows tools holds all of, the first that fits."""


def call_style(template: str | None) -> CallStyle:
    """The way in which models with this chat template call functions."""
    if template is None or "tools" not in template:
        return PLAIN
    fitting = (style for marks, style in _FAMILIES if all(mark in template for mark in marks))
    return next(fitting, PLAIN)
