"""The main job, end to end: chat with a base, train a character, swap the model name."""

import json
import threading
from typing import Any

import openai
import pytest

from tests.e2e.running import Bluey, eventually

QUESTION = "What should we play today?"


class Streaming(threading.Thread):
    """Reads one long stream from start to end, beside everything else."""

    def __init__(self, bluey: Bluey, model: str, tokens: int) -> None:
        super().__init__()
        self._client = bluey.client
        self._model = model
        self._tokens = tokens
        self.pieces: list[str] = []
        self.reason: str | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            stream = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "user", "content": "Tell me a very long story"}],
                stream=True,
                max_tokens=self._tokens,
                # Or its turn would end long before the training does.
                extra_body={"min_tokens": self._tokens},
                seed=1,
            )
            for chunk in stream:
                choice = chunk.choices[0]
                if choice.delta.content:
                    self.pieces.append(choice.delta.content)
                self.reason = choice.finish_reason or self.reason
        except Exception as error:
            self.error = error


def test_from_an_empty_home_to_a_rolled_back_character(bluey: Bluey) -> None:
    names = [model.id for model in bluey.client.models.list()]
    assert {"it", "pt"} <= set(names)
    assert "bluey-it" not in names

    plain = bluey.say("it", QUESTION)
    assert plain
    assert bluey.say("pt", QUESTION)
    with pytest.raises(openai.NotFoundError, match="bluey-it"):
        bluey.say("bluey-it", QUESTION)

    # A stream of `it` begins before the training, and ends after the adapter was first used.
    stream = Streaming(bluey, "it", 6000)
    stream.start()
    eventually(lambda: stream.pieces, "first word of the stream")
    trained = bluey.admin("train", "it", "--epochs", "1")
    assert trained.returncode == 0, trained.stderr
    first = bluey.say("bluey-it", QUESTION)
    during = len(stream.pieces)
    assert stream.is_alive(), "the stream was to outlast the training; make it longer"
    assert first != plain
    assert bluey.say("it", QUESTION) == plain, "the base is as it was"
    stream.join()
    assert stream.error is None
    assert stream.reason == "length"
    assert len(stream.pieces) > during

    # The next version takes the name; the first keeps its pinned one.
    again = bluey.admin("train", "it", "--epochs", "1", "--seed", "7", "--promote", "always")
    assert again.returncode == 0, again.stderr
    versions = {model.id for model in bluey.client.models.list()}
    assert {"bluey-it", "bluey-it@1", "bluey-it@2"} <= versions
    second = bluey.say("bluey-it", QUESTION)
    assert second != first
    assert bluey.say("bluey-it@2", QUESTION) == second
    assert bluey.say("bluey-it@1", QUESTION) == first

    rolled = bluey.admin("adapters", "rollback", "bluey-it")
    assert rolled.returncode == 0, rolled.stderr
    assert bluey.say("bluey-it", QUESTION) == first

    jobs = json.loads(bluey.admin("jobs", "list", "--json").stdout)
    assert [job["status"] for job in jobs] == ["succeeded", "succeeded"]
    # One server process and one engine a base from start to end.
    assert bluey.process.poll() is None
    assert [replica["restarts"] for replica in bluey.status()["engines"]] == [0, 0]


def test_streaming_and_not_say_the_same(bluey: Bluey) -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    options: dict[str, Any] = {"temperature": 0.8, "seed": 3, "max_tokens": 30}
    whole = bluey.client.chat.completions.create(model="it", messages=messages, **options)
    stream = bluey.client.chat.completions.create(
        model="it", messages=messages, stream=True, **options
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert "".join(pieces) == whole.choices[0].message.content
