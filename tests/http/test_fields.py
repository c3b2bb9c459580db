"""What holds for fields in general, and for some together; test_every_field.py has each."""

from pathlib import Path

import pytest

from bluey_adapters.home import Home
from bluey_server.http.errors import BadRequest
from bluey_server.http.request.fields import CHAT_FIELDS, read_fields
from tests.http.rig import Launch, Rig, add_base


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


def test_null_means_absent_below_the_top_too(shared: Rig) -> None:
    assert shared.chat(stream_options={"include_usage": None}).status_code == 200
    with_nulls = {"role": "user", "content": "Hi", "name": None, "tool_calls": None}
    assert shared.post({"model": "it", "messages": [with_nulls]}).status_code == 200


def test_unknown_keys_are_named(shared: Rig) -> None:
    response = shared.chat(mirostat=2, stream_options={"x": 1}, **{"bad\r\nkey,": 1})
    assert response.status_code == 200
    ignored = response.headers["x-bluey-ignored"].split(", ")
    assert ignored == ["mirostat", "bad%0D%0Akey%2C", "stream_options.x"]


def test_unknown_keys_of_messages_are_named(shared: Rig) -> None:
    echoed = {"refusal": None, "annotations": [], "parsed": {}, "reasoning_content": "Hm."}
    part = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}, "x": None}
    messages = [
        {"role": "user", "content": "Hi", "name": "Ann", "timestamp": 5, "tool_calls": None},
        {"role": "assistant", "content": "Ho", **echoed, "usage": {}, "audio": {"id": "1"}},
        {"role": "user", "content": [part]},
    ]
    response = shared.post({"model": "it", "messages": messages})
    assert response.status_code == 200
    assert response.headers["x-bluey-ignored"].split(", ") == [
        "messages[0].timestamp",
        "messages[1].usage",
        "messages[1].audio",
        "messages[2].content[0].cache_control",
    ]


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
