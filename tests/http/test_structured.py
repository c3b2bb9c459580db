"""`response_format` and tools in requests: what is read, what is refused, what the engine gets."""

import json
from pathlib import Path
from typing import Any

import pytest
from llguidance import LLMatcher

from bluey_adapters.home import Home
from tests.fakes.scripted_engine import Fail
from tests.http.rig import Launch, Rig, add_base

DOG = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
F: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": DOG}}
G: dict[str, Any] = {"type": "function", "function": {"name": "g"}}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def json_schema(schema: Any, **others: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "dog", "schema": schema, **others}}


def asked(rig: Rig, **fields: Any) -> Any:
    """What the engine is asked for a request that is well."""
    response = rig.chat(**fields)
    assert response.status_code == 200, response.text
    return rig.engine.asked[-1]


def prompt(rig: Rig, **fields: Any) -> str:
    got = asked(rig, **fields)
    return str(got.base.tokenizer.decode(got.request.prompt))


BAD: list[tuple[dict[str, Any], str, str, str]] = [
    ({"response_format": {}}, "response_format.type", "missing_required_parameter", "Missing"),
    ({"response_format": {"type": 1}}, "response_format.type", "invalid_type", "a string"),
    (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
        "Missing required parameter: 'response_format.json_schema'.",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": DOG}}},
        "response_format.json_schema.name",
        "missing_required_parameter",
        "Missing",
    ),
    (
        {"response_format": json_schema(DOG, name="a dog")},
        "response_format.json_schema.name",
        "invalid_value",
        "does not match pattern",
    ),
    (
        {"response_format": json_schema("dog")},
        "response_format.json_schema.schema",
        "invalid_type",
        "expected an object",
    ),
    (
        {"response_format": json_schema(DOG, strict="very")},
        "response_format.json_schema.strict",
        "invalid_type",
        "expected a boolean",
    ),
    ({"tools": [7]}, "tools[0]", "invalid_type", "expected an object"),
    ({"tools": [{}]}, "tools[0].type", "missing_required_parameter", "Missing"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type", "invalid_value", "'function'"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter", ""),
    ({"tools": [F, named("a b")]}, "tools[1].function.name", "invalid_value", "pattern"),
    ({"tools": [named("x" * 65)]}, "tools[0].function.name", "invalid_value", "{1,64}"),
    ({"tools": [F, G, F]}, "tools", "invalid_value", "'f' is given twice"),
    (
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}
            ]
        },
        "tools[0].function.parameters",
        "invalid_function_parameters",
        "schema must be a JSON Schema of 'type: \"object\"', got 'type: 'array''",
    ),
    ({"tools": [F], "tool_choice": "perhaps"}, "tool_choice", "invalid_value", "'required'"),
    ({"tools": [F], "tool_choice": {"type": "tool"}}, "tool_choice.type", "invalid_value", ""),
    ({"tools": [F], "tool_choice": named("h")}, "tool_choice", "invalid_value", "'h' is not among"),
    ({"tool_choice": named("f")}, "tool_choice", "invalid_value", "only allowed when 'tools'"),
    (
        {"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "none"}}},
        "tool_choice.allowed_tools.mode",
        "invalid_value",
        "'auto' and 'required'",
    ),
    (
        {
            "tools": [F],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [named("h")]},
            },
        },
        "tool_choice",
        "invalid_value",
        "'h' is not among",
    ),
    ({"functions": [{"name": "a b"}]}, "functions[0].name", "invalid_value", "pattern"),
    ({"functions": [{"name": "f"}], "tools": [F]}, "functions", "invalid_value", "older form"),
    (
        {"functions": [{"name": "f"}], "function_call": {"name": "g"}},
        "function_call",
        "invalid_value",
        "'g' is not among",
    ),
    (
        {"functions": [{"name": "f"}], "function_call": "required"},
        "function_call",
        "invalid_value",
        "Supported values are: 'none' and 'auto'",
    ),
]


@pytest.mark.parametrize(("fields", "param", "code", "message"), BAD)
def test_what_is_wrong(
    shared: Rig, fields: dict[str, Any], param: str, code: str, message: str
) -> None:
    before = len(shared.engine.asked)
    response = shared.chat(**fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert message in error["message"]
    assert len(shared.engine.asked) == before


DEFECTS: list[tuple[dict[str, Any], str]] = [
    ({"not": {"type": "string"}}, "Unimplemented keys"),
    ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    ({"type": "object", "propertyNames": {"pattern": "a"}}, "propertyNames"),
    ({"type": "string", "format": "recipe"}, "Unknown format: recipe"),
    ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
    ({"type": "wrong"}, "Invalid type: wrong"),
    ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum (5) is greater than maximum (3)"),
    ({"$ref": "http://elsewhere/x"}, "http://elsewhere/x"),
    ({"oneOf": [{"type": "string"}, {"maxLength": 4}]}, "oneOf"),
    ({"$ref": "#"}, "no value is valid"),
    ({"properties": {"a": {"$ref": "#"}}, "required": ["a"], "type": "object"}, "Too many items"),
    ({"x-guidance": {"lenient": True}}, "x-guidance"),
    ({"enum": ["x" * 300_000]}, "longer than"),
]


@pytest.mark.parametrize(("schema", "reason"), DEFECTS)
def test_a_schema_that_can_not_be_enforced(
    shared: Rig, schema: dict[str, Any], reason: str
) -> None:
    before = len(shared.engine.asked)
    response = shared.chat(response_format=json_schema(schema, strict=False))
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["code"]) == ("response_format", "invalid_json_schema")
    assert error["message"].startswith("Invalid schema for response_format 'dog': ")
    assert reason in error["message"]
    assert "<" not in error["message"]
    inner = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    bad = {"type": "function", "function": {"name": "bad", "parameters": inner}}
    if "x-guidance" not in schema and "$ref" not in str(schema):  # those mean the root
        response = shared.chat(tools=[F, bad])
        assert response.status_code == 400
        error = response.json()["error"]
        assert error["param"] == "tools[1].function.parameters"
        assert error["code"] == "invalid_function_parameters"
        assert error["message"].startswith("Invalid schema for function 'bad': ")
    assert len(shared.engine.asked) == before


def test_a_schema_that_is_nested_too_deeply(shared: Rig) -> None:
    schema: dict[str, Any] = {}
    for _ in range(600):
        schema = {"type": "array", "items": schema}
    response = shared.chat(response_format=json_schema(schema))
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "response_format"


@pytest.mark.parametrize(
    "form",
    [{"type": "json_object"}, json_schema(DOG), json_schema(None), json_schema(DOG, strict=True)],
)
def test_a_format_reaches_the_engine_as_a_grammar(shared: Rig, form: dict[str, Any]) -> None:
    grammar = asked(shared, response_format=form).request.grammar
    assert LLMatcher.validate_grammar(grammar) == ""


def test_plain_text_is_free(shared: Rig) -> None:
    for form in ({"type": "text"}, None):
        assert asked(shared, response_format=form).request.grammar is None


FREE: list[dict[str, Any]] = [
    {},
    {"tools": []},
    {"tools": [], "tool_choice": "auto"},
    {"tools": [F], "tool_choice": "none"},
    {"functions": [F["function"]], "function_call": "none"},
]


@pytest.mark.parametrize("fields", FREE)
def test_nothing_to_call(shared: Rig, fields: dict[str, Any]) -> None:
    got = asked(shared, **fields).request
    assert got.grammar is None
    assert got.prompt == asked(shared).request.prompt


def test_tools_are_told_of(shared: Rig) -> None:
    told = prompt(shared, tools=[F, G])
    assert '{"name":"f","parameters":{"type":"object"' in told
    assert '{"name":"g"' in told
    assert '<tool_call>{"name":"NAME","arguments":{…}}</tool_call>' in told


def test_all_tools_are_shown_though_some_are_not_allowed(shared: Rig) -> None:
    """So that what was computed of the prompt holds, whatever is allowed."""
    choice = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [named("g")]},
    }
    some = asked(shared, tools=[F, G], tool_choice=choice).request
    every = asked(shared, tools=[F, G]).request
    assert some.prompt == every.prompt
    assert some.grammar != every.grammar


KNOWING = (
    "{% if tools %}TOOLS {% for tool in tools %}{{ tool | tojson }}{% endfor %}\n{% endif %}"
    "{% for message in messages %}{{ message.role }}: {{ message.content }}"
    "{% for tool_call in message.tool_calls or [] %}"
    "<tool_call>{{ tool_call.function.name }} {{ tool_call.function.arguments | tojson }}"
    "{# tool_call.name #}</tool_call>{% endfor %}\n{% endfor %}"
)
"""A template that was taught tools."""


@pytest.fixture
def knowing(launch: Launch, home: Home, tmp_path: Path) -> Rig:
    folder = add_base(home, "knowing", tmp_path / "knowing")
    (folder / "chat_template.jinja").write_text(KNOWING)
    return launch()


def test_a_template_that_knows_tools_is_given_them(knowing: Rig) -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "call_1", **named("f"), "function": {"name": "f", "arguments": '{"a":1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "7"},
    ]
    told = prompt(knowing, model="knowing", messages=messages, tools=[F])
    assert told.startswith('TOOLS {"type": "function", "function": {"name": "f"')
    assert '<tool_call>f {"a": 1}</tool_call>' in told
    assert "tool: 7" in told
    assert "You can call these functions" not in told


def test_tools_are_not_the_clients_to_slip_in(shared: Rig) -> None:
    response = shared.chat(chat_template_kwargs={"tools": [F]})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "chat_template_kwargs.tools"


def test_a_grammar_that_the_engine_finds_impossible(shared: Rig) -> None:
    shared.engine.enqueue(Fail("grammar", "the grammar can't be used: so", retryable=False))
    response = shared.chat(response_format={"type": "json_object"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "response_format"


def test_fields_that_nobody_asked_to_be_there(shared: Rig) -> None:
    """Descriptions are null now and then; parameters are missing."""
    tool = {"type": "function", "function": {"name": "f", "description": None, "strict": None}}
    grammar = json.loads(asked(shared, tools=[tool], tool_choice="required").request.grammar)
    assert grammar["grammars"][1]["json_schema"]["additionalProperties"] is False
