"""Asking a model everything, of an endpoint that does as it is told."""

import threading
import time

import pytest

from bluey_admin.evaluation.asking import Answer, Question, Sampling, ask_all
from bluey_admin.failures import Failure
from tests.evaluation.scripted_endpoint import (
    Request,
    Response,
    dead_url,
    fails,
    says,
    scripted,
)

QUESTIONS = [Question(name, [{"role": "user", "content": name}]) for name in ("a", "b", "c")]


def test_answers_come_in_the_order_of_questions_and_seeds() -> None:
    last_has_come = threading.Event()

    def the_last_first(request: Request) -> Response:
        if request.prompt == "c" and request.body["seed"] == 2:
            last_has_come.set()
        assert last_has_come.wait(10)
        return says(f"{request.prompt}{request.body['seed']}", "length")

    heard: list[Answer] = []
    with scripted(the_last_first) as endpoint:
        answers = ask_all(endpoint.url, "m", QUESTIONS, [1, 2], Sampling(), heard=heard.append)
    assert [answer.text for answer in answers] == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert answers[1] == Answer("m", "a", 2, "a2", "length")
    assert sorted(a.text for a in heard) == sorted(a.text for a in answers)


def test_what_is_sent() -> None:
    with scripted(lambda _: says("hello")) as endpoint:
        sampling = Sampling(temperature=0.2, top_p=0.5, max_tokens=7)
        # A slash too many is no reason to fail.
        ask_all(f"{endpoint.url}/", "m", QUESTIONS[:1], [4, 5], sampling, api_key="secret")
        ask_all(endpoint.url, "m", QUESTIONS[:1], [6], sampling)
    assert {request.key for request in endpoint.requests[:2]} == {"Bearer secret"}
    assert endpoint.requests[2].key is None
    assert sorted(request.body.pop("seed") for request in endpoint.requests) == [4, 5, 6]
    for request in endpoint.requests:
        assert request.body == {
            "model": "m",
            "messages": QUESTIONS[0].messages,
            "temperature": 0.2,
            "top_p": 0.5,
            "max_tokens": 7,
        }


def test_the_first_failure_stops_the_rest() -> None:
    def behave(request: Request) -> Response:
        if request.number == 2:
            return fails(500, "no\n memory")
        if request.number > 2:
            time.sleep(0.05)  # so that the failure is heard of before the rest is through
        return says("x")

    heard: list[Answer] = []
    with scripted(behave) as endpoint, pytest.raises(Failure) as failure:
        ask_all(endpoint.url, "m", QUESTIONS, range(100), Sampling(), at_once=1, heard=heard.append)
    assert failure.value.message == f"{endpoint.url} said 500: no memory"
    assert len(endpoint.requests) < 100  # of 300: one may have been sent while the failure came
    assert len(heard) == len(endpoint.requests) - 1


def test_a_late_failure_waits_for_no_early_answer_and_loses_none() -> None:
    failed = threading.Event()

    def behave(request: Request) -> Response:
        if request.prompt == "b":
            failed.set()
            return fails(404, "no such model")
        assert failed.wait(10)
        return says("late")

    heard: list[Answer] = []
    with scripted(behave) as endpoint, pytest.raises(Failure, match="404: no such model"):
        ask_all(endpoint.url, "m", QUESTIONS[:2], [1], Sampling(), at_once=2, heard=heard.append)
    assert [answer.text for answer in heard] == ["late"]


def test_heard_is_told_in_the_callers_thread() -> None:
    threads: set[threading.Thread] = set()
    with scripted(lambda _: says("x")) as endpoint:
        ask_all(
            endpoint.url,
            "m",
            QUESTIONS,
            [1, 2],
            Sampling(),
            heard=lambda _: threads.add(threading.current_thread()),
        )
    assert threads == {threading.current_thread()}


def test_an_answer_without_text_is_an_empty_one() -> None:
    with scripted(lambda _: says(None)) as endpoint:
        [answer] = ask_all(endpoint.url, "m", QUESTIONS[:1], [1], Sampling())
    assert answer.text == ""


@pytest.mark.parametrize(
    ("response", "complaint"),
    [
        (Response(200, b"<html>"), "said 200 and no chat completion: no JSON"),
        (Response(200, b"\xff\xfe"), "said 200 and no chat completion: no JSON"),
        (Response(502, b"<html>\n<body>"), "said 502: no JSON"),
        (Response(200, {"choices": []}), "said 200 and no chat completion: no error"),
        (Response(200, {"choices": [{"message": {"content": [1]}}]}), "and no chat completion"),
        (Response(200, {"error": {"message": "overloaded"}}), "no chat completion: overloaded"),
        (Response(200, [1]), "said 200 and no chat completion"),
        (Response(400, {"error": "bad"}), "said 400: bad"),
        (Response(404, {"detail": "Not Found"}), "said 404: Not Found"),
        (Response(418, {}), "said 418: no reason given"),
        (None, "does not answer: Server disconnected"),
    ],
)
def test_what_is_no_answer(response: Response | None, complaint: str) -> None:
    with scripted(lambda _: response) as endpoint, pytest.raises(Failure) as failure:
        ask_all(endpoint.url, "m", QUESTIONS[:1], [1], Sampling())
    assert failure.value.message.startswith(endpoint.url)
    assert complaint in failure.value.message
    assert "\n" not in failure.value.message


def test_nobody_there() -> None:
    url = dead_url()
    with pytest.raises(Failure, match=f"{url} does not answer: .*refused"):
        ask_all(url, "m", QUESTIONS, [1], Sampling())


@pytest.mark.parametrize("url", ["", "localhost:80/v1", "ftp://x/v1", "http://[::1", "http:///v1"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(Failure, match="is no address of a server"):
        ask_all(url, "m", QUESTIONS, [1], Sampling())


@pytest.mark.parametrize("key", ["secret\n", "secr\u00e9t"])
def test_a_key_that_cannot_be_sent_is_not_shown(key: str) -> None:
    with scripted(lambda _: says("x")) as endpoint, pytest.raises(Failure) as failure:
        ask_all(endpoint.url, "m", QUESTIONS, [1], Sampling(), api_key=key)
    assert "API key" in failure.value.message
    assert "secr" not in failure.value.message
    assert endpoint.requests == []


def test_a_proxy_is_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with scripted(lambda _: says("x")) as endpoint:
        monkeypatch.setenv("HTTP_PROXY", dead_url())
        monkeypatch.setenv("http_proxy", dead_url())
        assert len(ask_all(endpoint.url, "m", QUESTIONS, [1], Sampling())) == 3
        monkeypatch.setenv("HTTP_PROXY", endpoint.url)
        monkeypatch.setenv("http_proxy", endpoint.url)
        # The proxy that was asked says what it was asked for.
        with pytest.raises(Failure, match=r"404: no http://far\.invalid/v1/chat/completions"):
            ask_all("http://far.invalid/v1", "m", QUESTIONS[:1], [1], Sampling())
