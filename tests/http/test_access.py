"""Who is let in: keys, hosts, pages; and CORS for those who are."""

import openai
import pytest

from bluey_server.http.access import Access
from tests.http.rig import Launch, Rig

KEY = "sesame-öffne-dich"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"authorization": f"Bearer {KEY}"}, 200),
        ({"authorization": f"bearer {KEY}"}, 200),
        ({"api-key": KEY}, 200),
        ({"api-key": "wrong"}, 401),
    ],
)
def test_keys(launch: Launch, headers: dict[str, str], status: int) -> None:
    rig = launch(access=Access(api_key=KEY))
    sent = {name: value.encode() for name, value in headers.items()}
    for path in ("/v1/models", "/metrics", "/v1/nothing", "//v1/models/"):
        response = rig.get(path, headers=sent)
        assert response.status_code == (404 if status == 200 and "nothing" in path else status)
        if status == 401:
            error = response.json()["error"]
            assert error["code"] == "invalid_api_key"
            assert error["message"].startswith("Incorrect API key provided")
            assert set(error) == {"message", "type", "param", "code"}
            assert response.headers["www-authenticate"] == 'Bearer realm="bluey"'
            assert response.headers["x-request-id"].startswith("req_")


def test_health_needs_no_key(launch: Launch) -> None:
    rig = launch(access=Access(api_key=KEY))
    assert [rig.get(path).status_code for path in ("/", "/health", "/ready")] == [200] * 3


def test_the_client_with_and_without_the_key(launch: Launch) -> None:
    rig = launch(access=Access(api_key="sesame"))
    assert rig.openai(api_key="sesame").models.list().data
    with pytest.raises(openai.AuthenticationError):
        rig.openai(api_key="wrong").models.list()


def test_without_a_key_any_is_taken(shared: Rig) -> None:
    assert shared.get("/v1/models", headers={"authorization": "Bearer x"}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:1",
        "LOCALHOST.",
        "127.0.0.1",
        "127.1.2.3:80",
        "[::1]:80",
        "a.localhost",
    ],
)
def test_loopback_names_are_ours(shared: Rig, host: str) -> None:
    assert shared.get("/v1/models", headers={"host": host}).status_code == 200
    assert shared.get("/v1/models", headers={"host": "host.docker.internal:5"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:25839", "127.0.0.1.evil.example"])
def test_other_names_are_refused_with_the_flag(shared: Rig, host: str) -> None:
    response = shared.get("/v1/models", headers={"host": host})
    assert response.status_code == 403
    assert f"--allow-host {host.partition(':')[0]}" in response.json()["error"]["message"]
    assert shared.get("/health", headers={"host": host}).status_code == 200


def test_names_that_are_allowed(launch: Launch) -> None:
    access = Access.of(api_key=None, bound="127.0.0.1", hosts=["bluey.lan"], origins=[])
    rig = launch(access=access)
    assert rig.get("/v1/models", headers={"host": "Bluey.lan:80"}).status_code == 200
    assert rig.get("/v1/models", headers={"host": "other.lan"}).status_code == 403


def test_the_address_that_a_connection_came_in_at_is_ours() -> None:
    assert Access().allows_host("192.168.7.7:25839", "192.168.7.7")
    assert not Access().allows_host("192.168.7.8:25839", "192.168.7.7")
    assert Access(hosts=frozenset("*")).allows_host("any.thing", None)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:1"])
def test_pages_of_this_machine(shared: Rig, origin: str) -> None:
    for response in (
        shared.chat(),
        shared.post({}, headers={"origin": origin}),
        shared.get("/v1/nothing", headers={"origin": origin}),
    ):
        if "origin" in response.request.headers:
            assert response.headers["access-control-allow-origin"] == origin
            assert "x-request-id" in response.headers["access-control-expose-headers"]
        else:
            assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[broken"])
def test_pages_from_elsewhere_are_refused_with_the_flag(shared: Rig, origin: str) -> None:
    response = shared.get("/v1/models", headers={"origin": origin})
    assert response.status_code == 403
    assert "--allow-origin" in response.json()["error"]["message"]
    assert "access-control-allow-origin" not in response.headers


def test_pages_that_are_allowed(launch: Launch) -> None:
    access = Access.of(api_key=None, bound="127.0.0.1", hosts=[], origins=["https://app.example/"])
    rig = launch(access=access)
    origin = {"origin": "https://app.example"}
    assert rig.get("/v1/models", headers=origin).status_code == 200


def test_streams_carry_the_headers_too(shared: Rig) -> None:
    body = {"model": "it", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    response = shared.post(body, headers={"origin": "http://localhost"})
    assert response.headers["access-control-allow-origin"] == "http://localhost"
    assert response.headers["x-request-id"].startswith("req_")
