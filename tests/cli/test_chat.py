"""`bluey-admin chat`, through a pipe."""

from collections.abc import Iterator

import pytest

from bluey_adapters.home import Home
from tests.cli.conftest import Admin, fails
from tests.cli.fake_server import FakeServer

OVERLOADED = {"error": {"message": "The engine\nhas died", "code": "engine_died"}}


@pytest.fixture
def server(home: Home) -> Iterator[FakeServer]:
    with FakeServer().serving(home) as server:
        yield server


def test_a_conversation_is_kept_and_the_model_swapped(admin: Admin, server: FakeServer) -> None:
    server.script = [["G'", "day"], ["Hel", "lo"]]
    result = admin("chat", "it", "--system", "Be kind", stdin="Hi\n\n/model bluey-it\n Again \n")
    assert (result.exit_code, result.stdout) == (0, "G'day\nHello\n")
    assert "bluey-it answers from now on" in result.stderr
    first, second = server.requests
    assert first == {
        "model": "it",
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be kind"},
            {"role": "user", "content": "Hi"},
        ],
    }
    assert second["model"] == "bluey-it"
    assert second["messages"][1:] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "G'day"},
        {"role": "user", "content": "Again"},
    ]


def test_reset_help_and_quit(admin: Admin, server: FakeServer) -> None:
    server.script = [["a"], ["b"]]
    result = admin("chat", "it", stdin="one\n/reset\ntwo\n/help\n/quit\nthree\n")
    assert result.stdout == "a\nb\n"
    assert "/model NAME" in result.stderr
    assert [each["messages"][0]["content"] for each in server.requests] == ["one", "two"]


def test_what_is_asked_for_is_sent(admin: Admin, server: FakeServer) -> None:
    server.script = [["a"]]
    flags = ["--temperature", "0", "--max-tokens", "5", "--seed", "7", "--api-key", "k"]
    admin("chat", "it", *flags, stdin="one\n")
    sent = server.requests[0]
    assert (sent["temperature"], sent["max_tokens"], sent["seed"]) == (0, 5, 7)
    assert server.keys == {"Bearer k"}


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ([OVERLOADED], "error: The engine has died"),
        (["Hel", OVERLOADED], "error: The engine has died"),
        (["Hel", ""], "error: the answer broke off: the server closed the connection"),
    ],
)
def test_a_failed_turn_is_one_line_and_leaves_no_trace(
    admin: Admin, server: FakeServer, answer: list[str | dict[str, object]], line: str
) -> None:
    server.script = [["fine"], answer, ["good"]]
    result = admin("chat", "it", stdin="one\ntwo\nthree\n")
    assert result.exit_code == 1  # a script must see that not all went well
    assert result.stderr.splitlines() == [line]
    assert result.stdout.endswith("good\n")
    said = [message["content"] for message in server.requests[-1]["messages"]]
    assert said == ["one", "fine", "three"]


def test_commands_that_fail_change_nothing(admin: Admin, server: FakeServer) -> None:
    server.script = [["a"]]
    result = admin("chat", "it", stdin="/model nope\n/model\n/what\nhi\n")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["error"] * 3
    assert server.requests[0]["model"] == "it"


def test_an_unknown_model_is_found_at_once(admin: Admin, server: FakeServer) -> None:
    fails(admin("chat", "nope", stdin="hi\n"), "The model `nope` does not exist")
    assert server.requests == []


def test_without_a_server_an_unknown_model_starts_none(admin: Admin, home: Home) -> None:
    fails(admin("chat", "nope", stdin="hi\n"), "The model `nope` does not exist")
    assert not home.server_file.exists()


def test_without_a_server_one_is_started_for_the_time_of_the_chat(admin: Admin, home: Home) -> None:
    result = admin("chat", "it", "--max-tokens", "5", "--temperature", "0", stdin="Hello\n")
    assert result.exit_code == 0
    assert result.stdout.strip()
    assert result.stderr == "no server is running: starting one for this chat\n"
    assert not home.server_file.exists()


def test_what_a_killed_server_left_behind_deceives_nobody(admin: Admin, home: Home) -> None:
    admin("bases", "list")
    home.server_file.write_text('{"url": "http://127.0.0.1:9", "pid": 1}')
    fails(admin("chat", "nope", stdin=""), "does not exist")
