"""Models, health, readiness, status, and what is answered where there is nothing."""

import json
import os
import threading
import time
from pathlib import Path

import openai
import pytest

from bluey_adapters.bases import Base
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_server.http.access import Access
from bluey_server.logs import _JsonFormatter, _TextFormatter
from tests.fakes.scripted_engine import Fail, Say, ScriptedEngine, Wait
from tests.http.rig import Launch, Rig, add_adapter


def test_every_name_is_listed(launch: Launch, home: Home, tmp_path: Path) -> None:
    add_adapter(home, "pup", weights=b"one")
    adapter = add_adapter(home, "pup", weights=b"two", promote=False)
    with Registry(home) as registry:
        registry.bases.add(Base(name="away", source=f"path:{tmp_path / 'away'}"))
    rig = launch()
    assert len(rig.openai().models.list().data) == 7
    cards = {card["id"]: card for card in rig.get("/v1/models").json()["data"]}
    assert list(cards) == ["it", "pt", "tiny-it", "tiny-pt", "pup", "pup@1", "pup@2"]
    assert cards["it"]["root"] == "tiny-it"
    assert cards["it"]["parent"] is None
    assert cards["pup"]["root"] == "pup@1"
    assert cards["pup@2"] | {"created": 0} == {
        "id": "pup@2",
        "object": "model",
        "created": 0,
        "owned_by": "bluey",
        "root": "pup@2",
        "parent": "tiny-it",
        "base_fingerprint": adapter.base_fingerprint,
        "version": 2,
        "digest": adapter.digest,
        "dataset_digest": None,
        "job": None,
        "metrics": {"valid_loss": 1.5},
    }


def test_one_name(launch: Launch, home: Home) -> None:
    add_adapter(home, "pup")
    client = launch().openai()
    assert client.models.retrieve("pup@1").id == "pup@1"
    assert client.models.retrieve("it").id == "it"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("org/m:tag@3")
    assert caught.value.code == "model_not_found"
    assert "`org/m:tag@3`" in caught.value.message


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("org%2Fm:tag", "org/m:tag"),
        ("org/m:tag", "org/m:tag"),
        ("org/m:tag/", "org/m:tag"),
        ("org%2fm%3Atag", "org/m:tag"),
        ("org/m@2", "org/m@2"),
        ("org%2Fm%402", "org/m@2"),
    ],
)
def test_names_with_slashes_and_colons(shared: Rig, method: str, spelling: str, name: str) -> None:
    response = shared.http.request(method, f"{shared.url}/v1/models/{spelling}")
    assert response.status_code == 404
    assert f"`{name}`" in response.json()["error"]["message"]


def test_deleting_wants_the_api_key_and_no_more(launch: Launch, home: Home) -> None:
    add_adapter(home, "pup")
    rig = launch(access=Access(api_key="sesame"))
    with pytest.raises(openai.AuthenticationError):
        rig.openai().models.delete("pup")
    assert rig.openai(api_key="sesame").models.delete("pup").deleted


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/x", 404, "Invalid URL (POST /v1/x)"),
        ("GET", "/nothing", 404, "Invalid URL (GET /nothing)"),
        (
            "POST",
            "/v1/embeddings",
            404,
            "Invalid URL (POST /v1/embeddings): embeddings are not made here.",
        ),
        ("GET", "/v1/chat/completions", 405, "Not allowed to GET on /v1/chat/completions."),
        ("DELETE", "/v1/models", 405, "Not allowed to DELETE on /v1/models."),
    ],
)
def test_where_there_is_nothing(
    shared: Rig, method: str, path: str, status: int, message: str
) -> None:
    response = shared.http.request(method, path)
    assert response.status_code == status
    assert response.json()["error"]["message"] == message
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"].startswith("req_")


def test_a_body_that_is_too_large(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluey_server.http.app.MAX_BODY", 2**20)
    rig = launch()
    for content in (b" " * 2**21, iter([b" " * 2**20] * 3)):  # with its length told, and without
        response = rig.http.post("/v1/chat/completions", content=content)
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "request_too_large"


def test_a_body_of_many_megabytes(shared: Rig) -> None:
    response = shared.chat(padding="x" * (11 * 2**20))
    assert response.status_code == 200
    assert response.headers["x-bluey-ignored"] == "padding"


def test_an_error_of_ours_shows_nothing_of_the_inside(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig = launch()

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(rig.service.names, "resolve", broken)
    for stream in (False, True):
        response = rig.chat(stream=stream)
        assert response.status_code == 500
        assert "secret" not in response.text
    assert "secret detail" in caplog.text  # but the log has it


def test_health_also_by_head(shared: Rig) -> None:
    assert shared.get("/health").json() == {"status": "ok"}
    response = shared.http.head("/health")
    assert (response.status_code, response.content) == (200, b"")


def preloaded(rig: Rig, name: str) -> None:
    """Wait until that is over, however it went."""
    while rig.service.preloads[name] == "loading":
        time.sleep(0.005)


def test_readiness_follows_the_preload(launch: Launch, home: Home) -> None:
    adapter = add_adapter(home, "pup")
    engine = ScriptedEngine()
    engine.preload_gate = threading.Event()
    rig = launch(engine=engine, preload=("pup",))
    response = rig.get("/ready")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "reasons": ["preload of pup: loading"]}
    engine.preload_gate.set()
    assert engine.prefetched.get(timeout=10) == (adapter.base_fingerprint, adapter.digest)
    preloaded(rig, "pup")
    assert rig.get("/ready").status_code == 200


def test_readiness_tells_of_failures(launch: Launch) -> None:
    rig = launch(preload=("nobody",))
    preloaded(rig, "nobody")
    assert rig.get("/ready").json()["reasons"] == [
        "preload of nobody: failed: The model `nobody` does not exist"
    ]
    assert rig.get("/health").status_code == 200
    rig.engine.run("tiny-it", "f", state="restarting")
    assert "the engine of tiny-it is restarting" in rig.get("/ready").json()["reasons"]
    rig.engine.run("tiny-it", "f", state="loading", error="the engine was killed by SIGKILL")
    assert rig.get("/ready").json()["reasons"][1:] == [
        "the engine of tiny-it is loading: the engine was killed by SIGKILL"
    ]
    rig.engine.run("tiny-it", "f", state="loading")  # for the first time: nothing is wrong
    assert len(rig.get("/ready").json()["reasons"]) == 1


def test_status(launch: Launch, home: Home) -> None:
    adapter = add_adapter(home, "pup")
    rig = launch()
    figures = {
        "steps": 4,
        "rows_stepped": 10,
        "prompt_tokens": 200,
        "cached_tokens": 50,
        "prefix_bytes": 7,
        "kv_bytes": 8,
        "memory_bytes": 9,
    }
    rig.engine.run("tiny-it", adapter.base_fingerprint, adapters=(adapter.digest,), **figures)
    gate = Wait()
    rig.engine.enqueue(Say("One"), gate)
    stream = rig.openai().chat.completions.create(
        model="pup", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    next(iter(stream))
    status = rig.get("/admin/status").json()
    gate.event.set()
    list(stream)
    assert status["pid"] == os.getpid()
    assert status["worker"] is None
    assert status["draining"] is False
    (engine,) = status["engines"]
    assert engine["pid"] == 4711
    assert engine["slots"] == [
        {"slot": 1, "adapter": adapter.digest, "requests": [], "names": ["pup", "pup@1"]}
    ]
    assert engine["queue"] == {"waiting": 0, "most": None}
    assert engine["batch"] == {"running": [], "waiting": [], "mean_rows": 2.5}
    assert engine["prefix_cache"] == {
        "entries": 0,
        "bytes": 7,
        "prompt_tokens": 200,
        "cached_tokens": 50,
        "share_cached": 0.25,
    }
    assert engine["memory"] == {"bytes": 9, "limit_bytes": 0, "kv_bytes": 8}
    assert engine["adapters"]["resident"] == 1
    assert engine["adapters"]["mean_load_seconds"] is None
    assert engine["totals"]["steps"] == 4
    (request,) = status["requests"]
    assert (request["model"], request["adapter"]) == ("pup", adapter.digest)


def test_each_request_has_one_line(launch: Launch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rig = launch()
    rig.engine.enqueue(Say("private words"))
    rig.chat("my secret", stream=True)
    rig.chat("my secret", temperature=9)
    rig.engine.enqueue(Say("private words"), Fail())
    rig.chat("my secret", stream=True)
    rig.serving.stop()
    rig.thread.join(20)
    lines = [record for record in caplog.records if record.name == "bluey_server.requests"]
    # A line is written when its answer is out: the next request may overtake it.
    lines.sort(key=lambda line: str(line.fields["outcome"]))  # type: ignore[attr-defined]
    fields = [line.fields for line in lines]  # type: ignore[attr-defined]
    assert [entry["outcome"] for entry in fields] == [400, "failed:engine_died", "stop"]
    assert fields[2]["model"] == "it"
    assert fields[2]["completion_tokens"] > 0
    assert fields[2]["first_token_ms"] <= fields[2]["ms"]
    for formatter in (_TextFormatter(), _JsonFormatter()):
        shown = "\n".join(formatter.format(line) for line in lines)
        assert "secret" not in shown
        assert "private" not in shown
        assert len(shown.splitlines()) == 3
    assert json.loads(_JsonFormatter().format(lines[2]))["outcome"] == "stop"


def test_a_model_s_name_cannot_forge_a_line(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rig = launch()
    rig.post({"model": "x\nfake line", "messages": [{"role": "user", "content": "Hi"}]})
    rig.serving.stop()
    rig.thread.join(20)
    (line,) = [record for record in caplog.records if record.name == "bluey_server.requests"]
    assert len(_TextFormatter().format(line).splitlines()) == 1
