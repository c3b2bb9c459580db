"""Finding calls in text, however it is cut into pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluey_server.http.tools.call_reader import (
    Arguments,
    Begun,
    CallReader,
    JsonCallReader,
    ParsedCallReader,
    Part,
)
from bluey_server.http.tools.call_styles import PLAIN, JsonCalls, ParsedCalls, call_style

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


def read(reader: CallReader, pieces: list[str]) -> list[Part]:
    """All parts, those of one kind joined."""
    parts = [part for piece in pieces for part in reader.push(piece)] + reader.finish()
    joined: list[Part] = []
    for _, group in itertools.groupby(parts, lambda part: (type(part), part is None)):
        same = list(group)
        if isinstance(same[0], str):
            joined.append("".join(part for part in same if isinstance(part, str)))
        elif isinstance(same[0], Arguments):
            joined.append(Arguments("".join(p.text for p in same if isinstance(p, Arguments))))
        else:
            joined += same
    return joined


def cut(text: str, places: list[int]) -> list[str]:
    """`text` in pieces."""
    borders = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(borders)]


places = st.lists(st.integers(0, 400), max_size=12)

TRICKY = '{"a":"}]\\"{","b":[{"c":"\\\\"},{}],"d":"</tool_call>"}'

TEXTS: dict[str, list[Part]] = {
    "no call at all": ["no call at all"],
    "almost <tool_cal a call <": ["almost <tool_cal a call <"],
    '<tool_call>{"name":"f","arguments":{}}</tool_call>': [Begun("f"), Arguments("{}")],
    f'Well <tool_call>{{"name":"f","arguments":{TRICKY}}}</tool_call>': [
        "Well ",
        Begun("f"),
        Arguments(TRICKY),
    ],
    '<tool_call>{"name":"f","arguments":{}}</tool_call>\n'
    '<tool_call>{"name":"g","arguments":{"a":1}}</tool_call>': [
        Begun("f"),
        Arguments("{}"),
        Begun("g"),
        Arguments('{"a":1}'),
    ],
}


@given(text=st.sampled_from(list(TEXTS)), at=places)
def test_plain_calls(text: str, at: list[int]) -> None:
    reader = JsonCallReader(PLAIN)
    assert read(reader, cut(text, at)) == TEXTS[text]
    assert not reader.in_call


@given(at=places, length=st.integers(12, 60))
def test_a_call_that_is_cut_short(at: list[int], length: int) -> None:
    """The answer was not to be longer; what there is of the arguments is told."""
    text = 'x<tool_call>{"name":"f","arguments":{"a":"b"}}</tool_call>'[:length]
    reader = JsonCallReader(PLAIN)
    parts = read(reader, cut(text, at))
    assert parts[0] == "x"
    told = "".join(part.text for part in parts if isinstance(part, Arguments))
    assert '{"a":"b"}'.startswith(told)
    assert reader.in_call == (told != '{"a":"b"}')


def test_arguments_are_told_as_they_come() -> None:
    reader = JsonCallReader(PLAIN)
    assert reader.push('<tool_call>{"name":"f') == []
    assert reader.push('","arguments":{"a') == [Begun("f"), Arguments('{"a')]
    assert reader.push('":"b') == [Arguments('":"b')]
    assert reader.push('c"}}</tool') == [Arguments('c"}')]
    assert reader.push("_call>") == []


FAMILIES: dict[str, tuple[str, str]] = {
    "hermes": (
        "{% for tool in tools %}{{ tool | tojson }}{% endfor %}<tool_call>{{ tool_call.name }}",
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Rom"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Rom"}}\n</tool_call>',
    ),
    "mistral": (
        "{{ tools }}[TOOL_CALLS]",
        '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Rom"}}, '
        '{"name": "weather", "arguments": {"city": "Rom"}}]',
    ),
    "mistral, later": (
        "{{ tools }}[TOOL_CALLS][ARGS]",
        '[TOOL_CALLS]weather[ARGS]{"city": "Rom"}[TOOL_CALLS]weather[ARGS]{"city": "Rom"}',
    ),
    "qwen coder": (
        "{{ tools }}<tool_call>\n<function=",
        "<tool_call>\n<function=weather>\n<parameter=city>\nRom\n</parameter>\n</function>\n"
        "</tool_call>\n<tool_call>\n<function=weather>\n<parameter=city>\nRom\n</parameter>\n"
        "</function>\n</tool_call>",
    ),
    "gemma 4": (
        "{{ tools }}<|tool_call><tool_call|>",
        '<|tool_call>call:weather{city:<|"|>Rom<|"|>}<tool_call|>'
        '<|tool_call>call:weather{city:<|"|>Rom<|"|>}<tool_call|>',
    ),
    "function gemma": (
        "{{ tools }}<start_function_call>",
        "<start_function_call>call:weather{city:<escape>Rom<escape>}<end_function_call>"
        "<start_function_call>call:weather{city:<escape>Rom<escape>}<end_function_call>",
    ),
    "glm": (
        "{{ tools }}<tool_call><arg_key>",
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Rom</arg_value>\n</tool_call>"
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Rom</arg_value>\n</tool_call>",
    ),
    "lfm": (
        "{{ tools }}<|tool_call_start|>",
        '<|tool_call_start|>[weather(city="Rom"), weather(city="Rom")]<|tool_call_end|>',
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_families(family: str) -> None:
    template, text = FAMILIES[family]
    style = call_style(template)
    assert style.by_template
    for pieces in (["Well. ", text], list("Well. " + text)):
        reader: CallReader
        match style:
            case JsonCalls():
                reader = JsonCallReader(style)
            case ParsedCalls():
                reader = ParsedCallReader(style, [WEATHER])
        first, *parts = read(reader, pieces)
        assert first == "Well. "
        calls = [part for part in parts if not (isinstance(part, str) and not part.strip())]
        assert [call for call in calls if isinstance(call, Begun)] == [Begun("weather")] * 2
        told = [call.text for call in calls if isinstance(call, Arguments)]
        assert [text.replace(" ", "") for text in told] == ['{"city":"Rom"}'] * 2
        assert not reader.in_call


@pytest.mark.parametrize("template", [None, "{{ messages }}", "{{ tools }} in an unknown way"])
def test_whoever_was_taught_no_way_gets_ours(template: str | None) -> None:
    assert call_style(template) is PLAIN


STYLE = ParsedCalls("qwen3_coder", "<tool_call>", "</tool_call>")


@pytest.mark.parametrize(
    "inner", ["nonsense", "<function=another>\n</function>", "<function=weather"]
)
def test_what_can_not_be_read_is_text(inner: str) -> None:
    reader = ParsedCallReader(STYLE, [WEATHER])
    text = f"a<tool_call>{inner}</tool_call>b"
    assert read(reader, list(text)) == [text]


def test_a_parsed_call_that_is_cut_short() -> None:
    reader = ParsedCallReader(STYLE, [WEATHER])
    assert read(reader, ["a<tool_call>\n<function=weather>\n<para"]) == ["a"]
    assert reader.in_call


def test_parsers_come_without_mlx() -> None:
    import subprocess
    import sys

    script = (
        "import sys\n"
        "from bluey_server.http.tools.call_parsers import parser\n"
        "parser('laguna'), parser('mistral')\n"
        "assert not {'mlx', 'mlx.core', 'mlx_lm'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
