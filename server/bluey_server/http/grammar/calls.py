"""The grammar of an answer that may or must call functions.

What a model says before a call is its own affair; from the opening mark on it is bound, so that a
call is always to a function that there is, with arguments valid against its schema.
"""

import json
from collections.abc import Iterable, Mapping

from bluey_server.http.grammar.response_format import JsonFormat
from bluey_server.http.grammar.schema import schema_grammar, schema_part
from bluey_server.http.tools.call_styles import JsonCalls
from bluey_server.http.tools.functions import ToolUse

_MOST_CALLS = 16
"""In one answer: a model that must call and finds no end would go on until its tokens are spent,
and its last call be cut short."""


def answer_grammar(
    form: JsonFormat | None,
    tools: ToolUse | None,
    style: JsonCalls | None,
    added: Mapping[str, int],
) -> str | None:
    """llguidance's grammar of an answer; None leaves it free. `added` are the tokenizer's added
    tokens: a mark that is one of them isn't text."""
    if tools is None or style is None:
        return None if form is None else schema_grammar(form.schema)
    rules = [*_call_rules(tools, style, added)]
    if tools.must_call:
        rules = [f"start: {_sequence(style.begin, added)} calls", *rules]
    elif form is not None:
        rules = [f"start: @answer | {_sequence(style.begin, added)} calls", *rules]
    else:
        rules = [*_free_text(style, added), *rules]
    parts = [
        schema_part(tool.parameters, f"arguments_{place}")
        for place, tool in enumerate(tools.callable)
    ]
    if form is not None and not tools.must_call:
        parts.append(schema_part(form.schema, "answer"))
    first = {"name": "start", "lark_grammar": "\n".join(rules)}
    return json.dumps({"grammars": [first, *parts]}, ensure_ascii=False)


def _call_rules(tools: ToolUse, style: JsonCalls, added: Mapping[str, int]) -> Iterable[str]:
    """From the first function's name on."""
    again = f"({_sequence(style.again, added)} call){{0,{_MOST_CALLS - 1}}}"
    more = again if tools.parallel else ""
    yield f"calls: call {more} {_sequence(style.close, added)}"
    ways = (
        f"{_quoted(tool.name)} {_sequence(style.middle, added)} @arguments_{place} "
        f"{_sequence(style.end, added)}"
        for place, tool in enumerate(tools.callable)
    )
    yield f"call: {' | '.join(ways)}"


def _free_text(style: JsonCalls, added: Mapping[str, int]) -> list[str]:
    """Anything but the opening mark; then, perhaps, calls."""
    opening, *rest = style.begin
    begin = _sequence(rest, added)
    if opening in added:
        mark = added[opening]
        return [f"start: <[^{mark}]>* (<[{mark}]> {begin} calls)?"]
    # A mark that is text ends the text that leads to it as soon as it is there; text that leads
    # to none is text without it.
    regex = "".join(f"\\x{byte:02x}" for byte in opening.encode())
    others = f"(TEXT? <[{_ranges(added.values())}]>)*" if added else ""
    return [
        f"start: {others} (TEXT? | led {begin} calls)",
        f"TEXT: /(?s:.+)/ & ~/(?s:.*){regex}(?s:.*)/",
        f"led[lazy]: /(?s:.*){regex}/",
    ]


def _sequence(pieces: Iterable[str], added: Mapping[str, int]) -> str:
    return " ".join(f"<[{added[piece]}]>" if piece in added else _quoted(piece) for piece in pieces)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _ranges(ids: Iterable[int]) -> str:
    """Token ids as llguidance lists them: 0-5,9."""
    runs: list[list[int]] = []
    for token in sorted(ids):
        if runs and token == runs[-1][1] + 1:
            runs[-1][1] = token
        else:
            runs.append([token, token])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)
