"""Names: what another process changes holds from the next request on."""

import shutil
import time
from pathlib import Path

import openai
import pytest

from bluey_adapters.bases import Base
from bluey_adapters.home import Home
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_adapters.jobs import JobRequest, JobStatus
from bluey_adapters.registry import Registry
from bluey_server.http.service import Timings
from tests.fakes.scripted_engine import Say, Wait
from tests.http.rig import Launch, Rig, add_adapter, add_base

HI = [{"role": "user", "content": "Hi"}]


def ask(rig: Rig, model: str) -> str | None:
    """The digest that an answer came from."""
    response = rig.post({"model": model, "messages": HI})
    assert response.status_code == 200, response.text
    assert response.json()["model"] == model
    return rig.engine.asked[-1].request.adapter


def refusal(rig: Rig, model: str) -> tuple[int, str, str]:
    """Status, code and message."""
    response = rig.post({"model": model, "messages": HI})
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


def test_bases_by_alias_and_by_name(launch: Launch) -> None:
    rig = launch()
    assert ask(rig, "it") is None
    assert rig.engine.asked[-1].base.base.name == "tiny-it"
    assert ask(rig, "tiny-pt") is None
    assert rig.engine.asked[-1].base.base.name == "tiny-pt"


def test_an_unknown_model(launch: Launch) -> None:
    rig = launch()
    for model in ("nobody", "nobody@1", "it@1"):
        response = rig.post({"model": model, "messages": HI})
        assert response.status_code == 404
        assert response.json()["error"] == {
            "message": f"The model `{model}` does not exist",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }


def test_training_promoting_and_rolling_back_while_the_server_runs(
    launch: Launch, home: Home
) -> None:
    rig = launch()
    assert refusal(rig, "pup")[0] == 404
    first = add_adapter(home, "pup", weights=b"one")
    assert ask(rig, "pup") == first.digest
    second = add_adapter(home, "pup", weights=b"two")
    assert ask(rig, "pup") == second.digest
    assert ask(rig, "pup@1") == first.digest
    with Registry(home) as registry:
        registry.adapters.rollback("pup")
    assert ask(rig, "pup") == first.digest
    assert ask(rig, "pup@2") == second.digest
    with Registry(home) as registry:
        registry.remove("pup", None)
    assert refusal(rig, "pup")[0] == 404


def test_an_adapter_is_deleted(launch: Launch, home: Home) -> None:
    rig = launch()
    old, new = (add_adapter(home, "pup", weights=weights) for weights in (b"one", b"two"))
    models = rig.openai().models
    with pytest.raises(openai.BadRequestError, match="promote another version first"):
        models.delete("pup@2")  # the bare name means it
    assert models.delete("pup@1").to_dict() == {"id": "pup@1", "object": "model", "deleted": True}
    assert refusal(rig, "pup@1")[0] == 404
    assert ask(rig, "pup") == new.digest
    assert rig.engine.dropped.get(timeout=20)[1] == old.digest
    assert models.delete("pup").deleted
    for gone in ("pup", "pup@2"):
        assert refusal(rig, gone)[0] == 404
        with pytest.raises(openai.NotFoundError):
            models.delete(gone)
    assert not {"pup", "pup@2"} & {model.id for model in models.list()}


@pytest.mark.parametrize("base", ["it", "tiny-it"])
def test_a_base_is_not_deleted(launch: Launch, base: str) -> None:
    rig = launch()
    with pytest.raises(openai.PermissionDeniedError, match=base) as caught:
        rig.openai().models.delete(base)
    assert caught.value.code == "model_not_deletable"
    assert ask(rig, base) is None


def test_a_stream_goes_on_with_the_version_it_began_with(launch: Launch, home: Home) -> None:
    first = add_adapter(home, "pup", weights=b"one")
    rig = launch()
    gate = Wait()
    rig.engine.enqueue(Say("One "), gate, Say("two"))
    stream = rig.openai().chat.completions.create(model="pup", messages=HI, stream=True)  # type: ignore[arg-type]
    second = add_adapter(home, "pup", weights=b"two")
    assert ask(rig, "pup") == second.digest
    gate.event.set()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "One two"
    assert rig.engine.asked[0].request.adapter == first.digest


def test_an_alias_that_is_pointed_elsewhere(launch: Launch, home: Home, tmp_path: Path) -> None:
    rig = launch()
    ask(rig, "it")
    add_base(home, "other-it", tmp_path / "other")
    with Registry(home) as registry:
        registry.bases.point("it", "other-it")
    ask(rig, "it")
    assert rig.engine.asked[-1].base.base.name == "other-it"


def test_an_adapter_brings_its_own_template(launch: Launch, home: Home) -> None:
    add_adapter(home, "pup", template="PUP {{ messages[0].content }}")
    rig = launch()
    ask(rig, "pup")
    asked = rig.engine.asked[-1]
    assert asked.request.prompt == asked.base.tokenizer.encode("PUP Hi", special=False)


def test_an_adapter_for_other_weights(launch: Launch, home: Home, tmp_path: Path) -> None:
    folder = add_base(home, "other", tmp_path / "other")
    adapter = add_adapter(home, "pup", base="other")
    rig = launch()
    assert ask(rig, "pup") == adapter.digest
    (folder / "model.safetensors").write_bytes(b"quite other weights")
    status, code, message = refusal(rig, "pup")
    assert (status, code) == (400, "wrong_base")
    assert "pup@1" in message


def test_a_damaged_adapter(launch: Launch, home: Home) -> None:
    adapter = add_adapter(home, "pup")
    (home.store / adapter.digest / "bluey.json").write_text("{}")
    rig = launch()
    response = rig.post({"model": "pup", "messages": HI})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "adapter_damaged"
    assert "pup@1" in response.json()["error"]["message"]
    assert response.headers["x-should-retry"] == "false"


def test_an_adapter_whose_files_are_gone(launch: Launch, home: Home) -> None:
    adapter = add_adapter(home, "pup")
    shutil.rmtree(home.store / adapter.digest)
    assert refusal(launch(), "pup")[:2] == (500, "adapter_missing")


def test_a_base_without_a_template(launch: Launch, home: Home, tmp_path: Path) -> None:
    folder = add_base(home, "plain", tmp_path / "plain", template=False)
    rig = launch()
    status, code, message = refusal(rig, "plain")
    assert (status, code) == (400, "chat_template_missing")
    assert "--chat-template" in message
    # Given one, by another process: the next request works.
    with Registry(home) as registry:
        registry.bases.add(
            Base(name="plain", source=f"path:{folder}", chat_template="{{ messages[0].content }}")
        )
    ask(rig, "plain")


def test_files_of_a_base_that_change(launch: Launch, home: Home, tmp_path: Path) -> None:
    folder = add_base(home, "own", tmp_path / "own")
    rig = launch()
    ask(rig, "own")
    before = rig.engine.asked[-1].base
    ask(rig, "own")
    assert rig.engine.asked[-1].base is before
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}!")
    ask(rig, "own")
    assert rig.engine.asked[-1].request.prompt == before.tokenizer.encode("Hi!", special=False)
    (folder / "model.safetensors").write_bytes(b"new weights")
    ask(rig, "own")
    assert rig.engine.asked[-1].base.fingerprint != before.fingerprint


def test_a_base_that_is_not_here(launch: Launch, home: Home, tmp_path: Path) -> None:
    with Registry(home) as registry:
        registry.bases.add(Base(name="far", source="hub:nobody/nothing"))
        registry.bases.add(Base(name="away", source=f"path:{tmp_path / 'away'}"))
    rig = launch()
    status, code, message = refusal(rig, "far")
    assert (status, code) == (404, "model_not_found")
    assert "bluey-admin bases pull far" in message
    assert refusal(rig, "away")[:2] == (404, "model_not_found")


def test_a_base_whose_files_are_broken(launch: Launch, home: Home, tmp_path: Path) -> None:
    folder = add_base(home, "own", tmp_path / "own")
    (folder / "config.json").write_text("{")
    rig = launch()
    assert refusal(rig, "own")[:2] == (500, "base_unusable")
    shutil.copy(folder / "tokenizer_config.json", folder / "config.json")  # JSON again
    ask(rig, "own")


def test_a_conversation_that_the_template_refuses(launch: Launch) -> None:
    response = launch().post({"model": "it", "messages": [*HI, *HI]})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "messages"
    assert "Roles must alternate" in response.json()["error"]["message"]


def test_running_engines_hear_of_a_promotion(launch: Launch, home: Home) -> None:
    rig = launch(timings=Timings(watch=0.02))
    ask(rig, "it")
    base = rig.engine.asked[-1].base
    rig.engine.run("tiny-it", base.fingerprint)
    adapter = add_adapter(home, "pup")
    assert rig.engine.prefetched.get(timeout=10) == (base.fingerprint, adapter.digest)
    with Registry(home) as registry:
        registry.remove("pup", None)
    assert rig.engine.dropped.get(timeout=10) == (base.fingerprint, adapter.digest)


def test_a_dead_worker_s_job_is_buried(launch: Launch, home: Home) -> None:
    rig = launch(timings=Timings(bury=0.02))
    with Registry(home) as registry:
        job = registry.jobs.create(
            JobRequest(base="tiny-it", adapter="pup", data="x", hyperparameters=Hyperparameters())
        )
        assert registry.jobs.claim(job.id)
        registry._database.execute("UPDATE jobs SET pid = 999999999")
        while registry.jobs.get(job.id).status is JobStatus.RUNNING:
            time.sleep(0.01)
        assert registry.jobs.get(job.id).status is JobStatus.FAILED
    assert rig.get("/health").status_code == 200


def test_the_system_fingerprint_tells_adapters_apart(launch: Launch, home: Home) -> None:
    add_adapter(home, "pup")
    rig = launch()
    bodies = [rig.post({"model": model, "messages": HI}).json() for model in ("it", "pup", "pup@1")]
    base, bare, pinned = (body["system_fingerprint"] for body in bodies)
    assert base != bare == pinned
