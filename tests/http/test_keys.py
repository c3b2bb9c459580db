"""API keys: the settings' and named ones, under a running server."""

import json

import openai
import pytest

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_server.http.access import Access
from tests.http.rig import ADMIN_KEY, Launch

BEARER = 'Bearer realm="bluey"'


def add(home: Home, name: str) -> str:
    """Make a key, as another process would."""
    with Registry(home) as registry:
        return registry.keys.add(name)


def remove(home: Home, name: str) -> None:
    """Remove one, likewise."""
    with Registry(home) as registry:
        registry.keys.remove(name)


def test_a_running_server_notices_from_the_next_request(launch: Launch, home: Home) -> None:
    rig = launch()
    assert rig.openai(api_key="any").models.list().data
    marie = add(home, "marie")
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key") as refused:
        rig.openai(api_key="any").models.list()
    assert refused.value.code == "invalid_api_key"
    assert refused.value.response.headers["www-authenticate"] == BEARER
    assert rig.get("/v1/models").status_code == 401
    assert rig.get("/metrics").status_code == 401
    assert rig.openai(api_key=marie).models.list().data
    paul = add(home, "paul")
    assert rig.openai(api_key=paul).models.list().data
    remove(home, "marie")
    with pytest.raises(openai.AuthenticationError):
        rig.openai(api_key=marie).models.list()
    assert rig.openai(api_key=paul).models.list().data
    remove(home, "paul")
    assert rig.openai(api_key="any").models.list().data


def test_the_settings_key_stays_beside_named_ones(launch: Launch, home: Home) -> None:
    rig = launch(access=Access(api_key="sesame"))
    marie = add(home, "marie")
    for key in ("sesame", marie, ADMIN_KEY):
        assert rig.get("/v1/models", headers={"api-key": key}).status_code == 200
    remove(home, "marie")
    assert rig.get("/v1/models", headers={"api-key": marie}).status_code == 401
    assert rig.get("/v1/models", headers={"api-key": "sesame"}).status_code == 200


@pytest.mark.parametrize("shown", [b"", b"Basic %s", b"%s", b"Bearer %s x", b"Bearer \xff\xfe"])
def test_other_ways_to_show_a_key_are_none(launch: Launch, home: Home, shown: bytes) -> None:
    rig = launch()
    value = shown.replace(b"%s", add(home, "marie").encode())
    response = rig.get("/v1/models", headers={"authorization": value})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == BEARER
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert [rig.get(path).status_code for path in ("/", "/health", "/ready")] == [200] * 3


def test_where_others_can_reach_it_the_last_key_s_end_opens_nothing(
    launch: Launch, home: Home
) -> None:
    marie = add(home, "marie")
    access = Access.of(api_key=None, bound="0.0.0.0", hosts=(), origins=())
    rig = launch(access=access)
    shown = {"authorization": f"Bearer {marie}"}
    assert rig.get("/v1/models", headers=shown).status_code == 200
    remove(home, "marie")
    assert rig.get("/v1/models", headers=shown).status_code == 401
    assert rig.get("/v1/models").status_code == 401


def test_the_name_is_in_the_log_and_the_key_is_not(
    launch: Launch, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    rig = launch()
    marie = add(home, "marie")
    rig.openai(api_key=marie).models.list()
    rig.get("/v1/models", headers={"api-key": "sk-wrong"})
    rig.serving.stop()
    rig.thread.join(20)
    lines = [record for record in caplog.records if record.name == "bluey_server.requests"]
    assert {line.fields["key"] for line in lines} == {"marie", None}  # type: ignore[attr-defined]
    told = json.dumps([[record.getMessage(), str(record.__dict__)] for record in caplog.records])
    assert marie not in told
    assert "sk-wrong" not in told


def test_a_registry_that_fails_lets_nobody_in(launch: Launch) -> None:
    rig = launch()
    rig.service.registry.call_blocking(lambda registry: registry.close())
    response = rig.get("/v1/models")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "server_error"
