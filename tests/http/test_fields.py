"""The table of fields: what each takes, what it refuses, and in which words."""

from pathlib import Path
from typing import Any

import pytest

from bluey_adapters.home import Home
from bluey_server.http.errors import BadRequest
from bluey_server.http.fields import CHAT_FIELDS, Treatment, read_fields
from tests.http.rig import Launch, Rig, add_base

BAD: list[tuple[str, Any, str, str]] = [
    # field, value, code, the message or its beginning
    (
        "temperature",
        200,
        "decimal_above_max_value",
        "Invalid 'temperature': decimal above maximum value. "
        "Expected a value <= 2, but got 200 instead.",
    ),
    (
        "temperature",
        -0.5,
        "decimal_below_min_value",
        "Invalid 'temperature': decimal below minimum value. "
        "Expected a value >= 0, but got -0.5 instead.",
    ),
    (
        "temperature",
        "hot",
        "invalid_type",
        "Invalid type for 'temperature': expected a decimal, but got a string instead.",
    ),
    ("temperature", True, "invalid_type", "Invalid type for 'temperature'"),
    ("top_p", 1.5, "decimal_above_max_value", "Invalid 'top_p'"),
    ("min_p", -1, "decimal_below_min_value", "Invalid 'min_p'"),
    ("top_k", -2, "integer_below_min_value", "Invalid 'top_k'"),
    ("top_k", 1.5, "invalid_type", "Invalid type for 'top_k': expected an integer"),
    ("repetition_penalty", 0, "decimal_below_min_value", "Invalid 'repetition_penalty'"),
    ("max_tokens", 0, "integer_below_min_value", "Invalid 'max_tokens'"),
    ("max_completion_tokens", -1, "integer_below_min_value", "Invalid 'max_completion_tokens'"),
    ("min_tokens", -1, "integer_below_min_value", "Invalid 'min_tokens'"),
    ("seed", 2**63, "integer_above_max_value", "Invalid 'seed'"),
    ("seed", "7", "invalid_type", "Invalid type for 'seed'"),
    ("stop", 7, "invalid_type", "Invalid type for 'stop'"),
    ("stop", [1], "invalid_type", "Invalid type for 'stop[0]'"),
    ("stop", "", "empty_string", "Invalid 'stop[0]': empty string."),
    ("stop", ["x"] * 65, "array_above_max_length", "Invalid 'stop': array too long."),
    ("stream", "yes", "invalid_type", "Invalid type for 'stream'"),
    ("stream_options", {"include_usage": 1}, "invalid_type", "Invalid type for 'stream_options."),
    ("chat_template_kwargs", [], "invalid_type", "Invalid type for 'chat_template_kwargs'"),
    ("chat_template_kwargs", {"messages": []}, "unsupported_parameter", "Unsupported parameter"),
    ("reasoning_effort", "huge", "invalid_value", "Invalid value: 'huge'. Supported values are: "),
    ("metadata", "x", "invalid_type", "Invalid type for 'metadata'"),
    ("n", 33, "integer_above_max_value", "Invalid 'n': integer above maximum value."),
    ("n", 0, "integer_below_min_value", "Invalid 'n'"),
    ("presence_penalty", -2.5, "decimal_below_min_value", "Invalid 'presence_penalty'"),
    ("presence_penalty", "1", "invalid_type", "Invalid type for 'presence_penalty'"),
    ("frequency_penalty", 3, "decimal_above_max_value", "Invalid 'frequency_penalty'"),
    ("logit_bias", [5], "invalid_type", "Invalid type for 'logit_bias': expected an object"),
    ("logit_bias", {"5": "1"}, "invalid_type", "Invalid type for 'logit_bias.5'"),
    ("logit_bias", {"5": 101}, "decimal_above_max_value", "Invalid 'logit_bias.5': decimal above"),
    ("logit_bias", {"5": -101}, "decimal_below_min_value", "Invalid 'logit_bias.5': decimal below"),
    ("logit_bias", {"the": 1}, "invalid_value", "Invalid key in 'logit_bias': 'the'. You should"),
    ("logit_bias", {"-1": 1}, "invalid_value", "Invalid key in 'logit_bias': '-1'."),
    ("logit_bias", {"05": 1}, "invalid_value", "Invalid key in 'logit_bias': '05'."),
    ("logit_bias", {"٣": 1}, "invalid_value", "Invalid key in 'logit_bias': '٣'."),
    ("logit_bias", {"": 1}, "invalid_value", "Invalid key in 'logit_bias': ''."),
    ("logit_bias", {"9" * 30: 1}, "invalid_value", "Invalid key in 'logit_bias': '999"),
    (
        "logit_bias",
        {"5": 1, "4096": 1},
        "invalid_value",
        "Invalid key in 'logit_bias': 4096. Maximum value is 4095.",
    ),
    ("logprobs", 1, "invalid_type", "Invalid type for 'logprobs': expected a boolean"),
    ("top_logprobs", 21, "integer_above_max_value", "Invalid 'top_logprobs'"),
    ("top_logprobs", 2, "invalid_value", "Invalid 'top_logprobs': it is only allowed when"),
    ("response_format", {"type": "xml"}, "invalid_value", "Invalid value: 'xml'. Supported"),
    ("tools", {}, "invalid_type", "Invalid type for 'tools': expected an array"),
    ("tool_choice", "required", "invalid_value", "Invalid value for 'tool_choice'"),
    ("parallel_tool_calls", "no", "invalid_type", "Invalid type"),
    ("functions", {}, "invalid_type", "Invalid type for 'functions'"),
    ("function_call", {"name": "f"}, "invalid_value", "Invalid value for"),
    ("modalities", ["text", "audio"], "unsupported_parameter", "Unsupported parameter"),
    ("audio", {"voice": "x"}, "unsupported_parameter", "Unsupported parameter: 'audio'"),
    ("web_search_options", {}, "unsupported_parameter", "Unsupported parameter"),
    ("ignore_eos", True, "unsupported_value", "Unsupported value: 'ignore_eos'"),
    ("model", 5, "invalid_type", "Invalid type for 'model'"),
    ("model", "", "missing_required_parameter", "Missing required parameter: 'model'."),
    ("model", None, "missing_required_parameter", "Missing required parameter: 'model'."),
    ("messages", None, "missing_required_parameter", "Missing required parameter: 'messages'."),
    ("messages", [], "empty_array", "Invalid 'messages': empty array."),
    ("messages", "Hello", "invalid_type", "Invalid type for 'messages': expected an array"),
]


@pytest.mark.parametrize(("field", "value", "code", "message"), BAD)
def test_bad_values(shared: Rig, field: str, value: Any, code: str, message: str) -> None:
    response = (
        shared.chat(**{field: value})
        if field not in ("model", "messages")
        else shared.post(
            {"model": "it", "messages": [{"role": "user", "content": "Hi"}], field: value}
        )
    )
    error = response.json()["error"]
    assert response.status_code == 400
    assert error["code"] == code
    assert error["param"].partition("[")[0].partition(".")[0] == field
    assert error["message"].startswith(message)
    assert error["type"] == "invalid_request_error"


INERT: dict[str, Any] = {
    "response_format": {"type": "text"},
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "functions": [],
    "function_call": "none",
    "modalities": ["text"],
    "moderation": {},
    "ignore_eos": False,
}
HARMLESS: dict[str, Any] = {
    "prediction": {"type": "content", "content": "x"},
    "metadata": {"a": "b"},
    "store": True,
    "user": "me",
    "safety_identifier": "me",
    "verbosity": "low",
    "prompt_cache_key": "k",
    "prompt_cache_options": {},
    "prompt_cache_retention": "24h",
}


def test_values_that_change_nothing_are_accepted(shared: Rig) -> None:
    response = shared.chat(**INERT, **HARMLESS)
    assert response.status_code == 200
    assert "x-bluey-ignored" not in response.headers


def test_these_tests_know_every_field() -> None:
    assert set(HARMLESS) == {
        field.name for field in CHAT_FIELDS if field.treatment is Treatment.HARMLESS
    }
    refused = {field.name for field in CHAT_FIELDS if field.treatment is Treatment.REFUSED}
    assert refused - set(INERT) == {"audio", "web_search_options"}
    tried = {field for field, *_ in BAD}
    used = {field.name for field in CHAT_FIELDS if field.treatment is Treatment.USED}
    assert used - tried == {"service_tier"}


def test_penalties_and_biases_reach_the_engine(shared: Rig) -> None:
    asked = {
        "presence_penalty": 1,
        "frequency_penalty": -0.5,
        "logit_bias": {"5": -100, "4095": 2.5, "7": None},
    }
    assert shared.chat(**asked).status_code == 200
    sampling = shared.engine.asked[-1].request.sampling
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (1.0, -0.5)
    assert sampling.logit_bias == ((5, -100.0), (4095, 2.5))
    assert shared.chat(logit_bias={}).status_code == 200
    assert shared.engine.asked[-1].request.sampling.logit_bias == ()


def test_ids_that_the_model_has_no_row_for(launch: Launch, home: Home, tmp_path: Path) -> None:
    folder = add_base(home, "narrow", tmp_path / "narrow")
    (folder / "config.json").write_text('{"vocab_size": 300}')  # the tokenizer knows 4,096
    rig = launch()
    hello = {"model": "narrow", "messages": [{"role": "user", "content": "Hello"}]}
    error = rig.post(hello).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "messages")
    error = rig.post({**hello, "logit_bias": {"300": 1}}).json()["error"]
    assert error["message"] == "Invalid key in 'logit_bias': 300. Maximum value is 299."
    assert rig.engine.asked == []


def test_null_means_absent_at_every_level(shared: Rig) -> None:
    nothing = {field.name: None for field in CHAT_FIELDS if field.name not in ("model", "messages")}
    assert shared.chat(**nothing).status_code == 200
    assert shared.chat(stream_options={"include_usage": None}).status_code == 200
    with_nulls = {"role": "user", "content": "Hi", "name": None, "tool_calls": None}
    assert shared.post({"model": "it", "messages": [with_nulls]}).status_code == 200


def test_unknown_keys_are_named(shared: Rig) -> None:
    response = shared.chat(mirostat=2, stream_options={"x": 1}, **{"bad\r\nkey,": 1})
    assert response.status_code == 200
    ignored = response.headers["x-bluey-ignored"].split(", ")
    assert ignored == ["mirostat", "bad%0D%0Akey%2C", "stream_options.x"]


def test_unknown_keys_are_named_on_errors_of_the_model_too(shared: Rig) -> None:
    response = shared.post(
        {"model": "nobody", "messages": [{"role": "user", "content": "Hi"}], "mirostat": 2}
    )
    assert response.status_code == 404
    assert response.headers["x-bluey-ignored"] == "mirostat"


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 5000, b'{"a": NaN}'])
def test_bodies_that_are_no_object(shared: Rig, body: bytes) -> None:
    response = shared.http.post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_the_first_wrong_field_in_the_table_s_order_is_named() -> None:
    with pytest.raises(BadRequest) as caught:
        read_fields(CHAT_FIELDS, {"top_p": 9, "temperature": 9})
    assert caught.value.param == "temperature"
