"""What an answer with tools may say, and what it may not, token by token."""

from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer

from bluey_adapters.tokenizer import Tokenizer
from bluey_data.catalog import embedded_model
from bluey_server.http.grammar.calls import answer_grammar
from bluey_server.http.grammar.response_format import JsonFormat
from bluey_server.http.tools.call_styles import PLAIN, JsonCalls, call_style
from bluey_server.http.tools.functions import Tool, ToolUse

TINY = embedded_model("tiny-it")
TOKENIZER = Tokenizer.load(TINY)
LIBRARYS = LLTokenizer(str(TINY / "tokenizer.json"))
ADDED = TOKENIZER.vocabulary().added_tokens
TURN = ADDED["<start_of_turn>"]

CITY = {"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"]}
TOOLS = (
    Tool(name="weather", parameters=CITY, param="tools[0]"),
    Tool(name="time", parameters={"type": "object", "properties": {}}, param="tools[1]"),
)
ROME = '<tool_call>{"name":"weather","arguments":{"city":"Rome"}}</tool_call>'
TIME = '<tool_call>{"name":"time","arguments":{}}</tool_call>'
TRUTH = JsonFormat(schema={"type": "boolean"})


def grammar(
    *,
    form: JsonFormat | None = None,
    style: JsonCalls = PLAIN,
    added: dict[str, int] | None = None,
    **options: Any,
) -> str:
    allowed = tuple(tool.name for tool in TOOLS)
    use = {"tools": TOOLS, "allowed": allowed, "must_call": False, "parallel": True, **options}
    made = answer_grammar(form, ToolUse(**use), style, added or ADDED)
    assert made is not None
    return made


def says(grammar: str, *pieces: str | int) -> str:
    """What becomes of text and tokens: "no", "so far" or "whole"."""
    matcher = LLMatcher(LIBRARYS, grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    ids: list[int] = []
    for piece in pieces:
        ids += [piece] if isinstance(piece, int) else TOKENIZER.encode(piece, special=False)
    if matcher.try_consume_tokens(ids) < len(ids):
        return "no"
    return "whole" if matcher.is_accepting() else "so far"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("", "whole"),
        ("It is <b>warm</b>, 1 < 2 <tool", "whole"),
        ("Let me see.\n" + ROME, "whole"),
        (ROME, "whole"),
        (f"{ROME}\n{TIME}\n{ROME}", "whole"),
        ("Well <tool_call>", "so far"),
        (ROME[:-3], "so far"),
        ("Well <tool_call> is a mark", "no"),
        ('<tool_call>{"name":"dance"', "no"),
        (ROME.replace("Rome", "Bonn"), "no"),
        (ROME.replace('"city":"Rome"', ""), "no"),
        (ROME + " and so on", "no"),
        (ROME.replace(":", ": "), "no"),
    ],
)
def test_free_to_call(text: str, becomes: str) -> None:
    assert says(grammar(), text) == becomes


def test_special_tokens_are_no_one_elses_business() -> None:
    assert says(grammar(), "Hm", TURN, "well", TURN, ROME) == "whole"
    assert says(grammar(), "Hm <tool", TURN, "_call> is no mark") == "whole"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [("", "so far"), ("Well", "no"), (ROME, "whole"), (f"{ROME}\n{TIME}", "whole")],
)
def test_bound_to_call(text: str, becomes: str) -> None:
    assert says(grammar(must_call=True), text) == becomes


@pytest.mark.parametrize("must_call", [True, False])
def test_one_call_at_most(must_call: bool) -> None:
    one = grammar(parallel=False, must_call=must_call)
    assert says(one, ROME) == "whole"
    assert says(one, ROME + "\n") == "no"


@pytest.mark.parametrize("must_call", [True, False])
def test_some_are_not_to_be_called(must_call: bool) -> None:
    some = grammar(allowed=("time",), must_call=must_call)
    assert says(some, TIME) == "whole"
    assert says(some, ROME) == "no"


def test_a_format_or_a_call() -> None:
    both = grammar(form=TRUTH)
    assert [says(both, text) for text in ("true", ROME, "", "Well", "true" + ROME)] == [
        "whole",
        "whole",
        "so far",
        "no",
        "no",
    ]


def test_a_format_does_not_stand_for_a_call() -> None:
    assert says(grammar(form=TRUTH, must_call=True), "true") == "no"


def test_without_wishes_there_is_no_grammar() -> None:
    assert answer_grammar(None, None, None, {}) is None


HERMES = call_style("{{ tools }}<tool_call>{{ tool_call.name }}")


def test_a_mark_that_is_a_token_of_its_own() -> None:
    """Only the token is the mark; text that looks like it is text."""
    assert isinstance(HERMES, JsonCalls)
    added = {"<tool_call>": TURN, "</tool_call>": 0}
    bound = grammar(style=HERMES, added=added)
    call = '\n{"name": "weather", "arguments": {"city":"Rome"}}\n'
    assert says(bound, "Hm <tool_call> hm", TURN, call, 0) == "whole"
    assert says(bound, "Hm", TURN, call, 0, "\n", TURN, call, 0) == "whole"
    assert says(bound, "Hm", TURN, call) == "so far"
    assert says(bound, "Hm", TURN, "Well") == "no"
    assert says(bound, 2, 3, "thinking", 3) == "whole"


def test_a_list_of_calls() -> None:
    style = call_style("{{ tools }}[TOOL_CALLS]")
    assert isinstance(style, JsonCalls)
    bound = grammar(style=style)
    one = '{"name": "time", "arguments": {}}'
    assert says(bound, f"[TOOL_CALLS][{one}]") == "whole"
    assert says(bound, f"[TOOL_CALLS][{one}, {one}]") == "whole"
    assert says(bound, f"[TOOL_CALLS][{one}") == "so far"
    assert says(grammar(style=style, parallel=False), f"[TOOL_CALLS][{one}, ") == "no"
