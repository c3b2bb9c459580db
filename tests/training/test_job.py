"""Jobs from end to end: the command line, its worker, the registry, the store; and how they end
when somebody pulls a plug."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from bluey_adapters.bases import Base
from bluey_adapters.home import Home
from bluey_adapters.jobs import Job, JobStatus
from bluey_adapters.registry import Registry
from bluey_adapters.store import read_card
from bluey_admin.training.launch import follow, start_worker
from bluey_admin.training.prepare import prepare_job
from tests.training.conftest import CommandLine, step_reached, wait_for, write_rows

ENDLESS = ("--epochs", "1000")


def nothing_published(registry: Registry, home: Home) -> bool:
    return not registry.catalog().versions and not list(home.store.iterdir())


@pytest.mark.usefixtures("mlx")
def test_a_training_makes_a_version_that_mlx_lm_can_load(
    registry: Registry, admin: CommandLine, data: Path, mini_folder: Path
) -> None:
    done = admin.run("train", "mini", "--data", str(data))
    assert done.returncode == 0, done.stderr
    assert 'pet-mini@1 is published and promoted: ask for model "pet-mini"' in done.stdout
    assert "no server is running" in done.stdout
    version = registry.catalog().require_adapter("pet-mini")
    assert version.metrics["train_loss_last"] < version.metrics["train_loss_first"]
    assert version.metrics["valid_loss_last"] < version.metrics["valid_loss_first"]
    assert version.metrics["steps"] == 18
    folder = registry.store.fetch(version.digest)
    assert read_card(folder).base_fingerprint == version.base_fingerprint
    (job,) = registry.jobs.all()
    assert (job.status, job.version, version.job_id) == (JobStatus.SUCCEEDED, 1, job.id)
    events = registry.jobs.events(job.id)
    steps = [event.data for event in events if event.data.get("step", 0) > 0]
    assert [step["step"] for step in steps] == list(range(1, 19))
    assert sum("valid_loss" in step for step in steps) == 3
    assert {"learning_rate", "tokens_per_second", "trained_tokens"} <= steps[0].keys()

    import mlx.core as mx
    from mlx_lm.utils import load_adapters, load_model

    plain, adapted = load_model(mini_folder)[0], load_adapters(load_model(mini_folder)[0], folder)
    ids = mx.array([[2, 4, 90, 88]])
    assert not mx.allclose(plain(ids), adapted(ids)).item()


def test_the_same_seed_gives_the_same_digest(registry: Registry, home: Home, data: Path) -> None:
    digests = []
    for seed in (1, 1, 2):
        request = prepare_job(registry, "mini", str(data), seed=seed, epochs=1, promote="always")
        job = run(registry, home, registry.jobs.create(request))
        assert job.status is JobStatus.SUCCEEDED
        digests.append(registry.catalog().versions["pet-mini", job.version or 0].digest)
    assert digests[0] == digests[1] != digests[2]
    assert registry.catalog().current["pet-mini"] == 3


def run(registry: Registry, home: Home, job: Job) -> Job:
    worker = start_worker(home, job.id)
    for _ in follow(registry, job.id, worker=worker):
        pass
    worker.wait()
    return registry.jobs.get(job.id)


def test_a_clearly_worse_version_is_held_back(
    registry: Registry, admin: CommandLine, tmp_path: Path
) -> None:
    data = str(write_rows(tmp_path / "pet.jsonl", 90))
    assert admin.run("train", "mini", "--data", data, "--epochs", "1").returncode == 0
    idle = ("--epochs", "1", "--learning-rate", "1e-8")
    done = admin.run("train", "mini", "--data", data, *idle)
    assert done.returncode == 0
    assert "pet-mini@2 is not promoted, because it is clearly worse than pet-mini@1" in done.stderr
    assert "bluey-admin adapters promote pet-mini@2" in done.stdout
    assert registry.catalog().current["pet-mini"] == 1
    done = admin.run("train", "mini", "--data", data, "--epochs", "2")
    assert "Compared with pet-mini@1: held-out loss" in done.stderr
    assert registry.catalog().current["pet-mini"] == 3


def test_a_base_full_of_nan_fails_the_job(
    registry: Registry, home: Home, mini_folder: Path, tmp_path: Path, data: Path
) -> None:
    poisoned = tmp_path / "poisoned"
    poisoned.mkdir()
    for file in mini_folder.iterdir():
        (poisoned / file.name).write_bytes(file.read_bytes())
    weights = load_file(poisoned / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][:] = float("nan")
    save_file(weights, poisoned / "model.safetensors", {"format": "pt"})
    registry.bases.add(Base(name="poisoned", source=f"path:{poisoned}"))
    job = registry.jobs.create(prepare_job(registry, "poisoned", str(data)))
    job = run(registry, home, job)
    assert job.status is JobStatus.FAILED
    assert job.error == "training stopped: the held-out loss is nan"
    assert "Traceback" in (home.job(job.id) / "worker.log").read_text()
    assert nothing_published(registry, home)


@pytest.fixture
def endless(
    registry: Registry, admin: CommandLine, data: Path
) -> Callable[[], tuple["subprocess.Popen[str]", Job]]:
    def start() -> tuple["subprocess.Popen[str]", Job]:
        process = admin.start("train", "mini", "--data", str(data), *ENDLESS)
        while not registry.jobs.all():
            assert process.poll() is None
        (job,) = registry.jobs.all()
        wait_for(registry, job.id, step_reached(8))
        return process, registry.jobs.get(job.id)

    return start


Start = Callable[[], tuple["subprocess.Popen[str]", Job]]


def test_a_killed_worker_fails_its_job_with_the_reason(
    registry: Registry, home: Home, endless: Start
) -> None:
    process, job = endless()
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "its worker was killed by SIGKILL (signal 9) at step" in err
    job = registry.jobs.get(job.id)
    assert job.status is JobStatus.FAILED
    assert (job.error or "").startswith("its worker was killed by SIGKILL (signal 9) at step")
    assert nothing_published(registry, home)


def test_ctrl_c_cancels_and_keeps_a_checkpoint(
    registry: Registry, home: Home, endless: Start
) -> None:
    process, job = endless()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"{job.id} was cancelled, nothing was published; its last checkpoint is" in err
    assert registry.jobs.get(job.id).status is JobStatus.CANCELLED
    checkpoints = sorted((home.job(job.id) / "checkpoints").iterdir())
    state = json.loads((checkpoints[-1] / "state.json").read_text())
    assert checkpoints[-1].name == f"step-{state['step']:06d}"
    assert (checkpoints[-1] / "optimizer.safetensors").is_file()
    assert not (checkpoints[0] / "optimizer.safetensors").exists()
    assert nothing_published(registry, home)


def test_a_second_ctrl_c_kills(registry: Registry, home: Home, endless: Start) -> None:
    process, job = endless()
    assert job.pid is not None
    os.kill(job.pid, signal.SIGSTOP)  # it can't answer the first
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping; press Ctrl-C again to kill it" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert registry.jobs.get(job.id).status is JobStatus.CANCELLED
    assert nothing_published(registry, home)


def test_a_worker_does_not_outlive_its_parent(
    registry: Registry, home: Home, endless: Start
) -> None:
    process, job = endless()
    process.kill()
    process.communicate()
    wait_for(registry, job.id, lambda event: "cancelled" in event.message)
    assert registry.jobs.get(job.id).status is JobStatus.CANCELLED
    assert nothing_published(registry, home)


def test_detached_jobs_queue_and_can_be_cancelled(
    registry: Registry, admin: CommandLine, data: Path
) -> None:
    for _ in range(2):
        done = admin.run("train", "mini", "--data", str(data), *ENDLESS, "--detach")
        assert done.returncode == 0, done.stderr
    second, first = registry.jobs.all()
    running = {first.id: second.id, second.id: first.id}
    wait_for(registry, first.id, lambda _: registry.jobs.running() is not None)
    runs = registry.jobs.running()
    assert runs is not None
    waits = running[runs.id]
    wait_for(registry, waits, lambda event: event.message.startswith("Waiting: the job"))
    listed = json.loads(admin.run("jobs", "list", "--json").stdout)
    assert {job["status"] for job in listed} == {"running", "queued"}
    for job_id in (waits, runs.id):
        done = admin.run("jobs", "cancel", job_id)
        assert (done.returncode, done.stdout) == (0, f"{job_id} is cancelled\n"), done.stderr
    again = admin.run("jobs", "cancel", runs.id)
    assert (again.returncode, again.stdout) == (1, "")
    shown = json.loads(admin.run("jobs", "show", runs.id, "--json").stdout)
    assert shown["status"] == "cancelled" and shown["events"]
