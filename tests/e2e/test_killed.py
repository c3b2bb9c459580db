"""Processes killed by a real SIGKILL, in the middle of what they were doing."""

import json
import os
import signal

import openai
import psutil
import pytest

from tests.e2e.running import Bluey, eventually


def test_engine_killed_in_the_middle_of_a_stream(bluey: Bluey) -> None:
    stream = bluey.client.chat.completions.create(
        model="it",
        messages=[{"role": "user", "content": "Tell me a story"}],
        stream=True,
        max_tokens=5000,
        extra_body={"min_tokens": 5000},
    )
    with pytest.raises(openai.APIError, match="SIGKILL"):
        for count, _ in enumerate(stream):
            if count == 5:
                os.kill(bluey.status()["engines"][0]["pid"], signal.SIGKILL)
    assert bluey.say("it", "Hello")
    assert bluey.process.poll() is None
    assert bluey.status()["engines"][0]["restarts"] == 1


def test_worker_killed_in_the_middle_of_a_training(bluey: Bluey) -> None:
    before = bluey.admin("adapters", "list", "--json").stdout
    training = bluey.start_admin("train", "it", "--epochs", "50")

    def step() -> int | None:
        jobs = json.loads(bluey.admin("jobs", "list", "--json").stdout)
        if not jobs or jobs[0]["pid"] is None:
            return None
        events = json.loads(bluey.admin("jobs", "show", jobs[0]["id"], "--json").stdout)["events"]
        measured = any(event["type"] == "metrics" for event in events)
        return int(jobs[0]["pid"]) if measured else None

    os.kill(eventually(step, "first step"), signal.SIGKILL)
    _, stderr = training.communicate(timeout=60)
    assert training.returncode == 1
    assert "SIGKILL" in stderr

    (job,) = json.loads(bluey.admin("jobs", "list", "--json").stdout)
    assert job["status"] == "failed"
    assert "SIGKILL" in job["error"]
    assert bluey.admin("adapters", "list", "--json").stdout == before
    assert not any(path.name[0] != "." for path in bluey.home.store.iterdir())
    with pytest.raises(openai.NotFoundError):
        bluey.say("bluey-it", "Hello")


def test_worker_and_its_parent_killed_at_once(bluey: Bluey) -> None:
    training = bluey.start_admin("train", "it", "--epochs", "50")

    def worker() -> psutil.Process | None:
        found = psutil.Process(training.pid).children()
        return found[0] if found and bluey.status()["worker"] else None

    process = eventually(worker, "running worker")
    training.kill()
    process.kill()
    training.communicate()

    def buried() -> str | None:
        (job,) = json.loads(bluey.admin("jobs", "list", "--json").stdout)
        return job["error"] if job["status"] == "failed" else None

    assert "without finishing" in eventually(buried, "failed job")
