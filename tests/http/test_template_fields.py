"""Fields that are for templates which know them; for all others they are left out."""

from typing import Any

import pytest

from bluey_adapters.home import Home
from tests.http.rig import Launch, Rig, add_adapter

HI = [{"role": "user", "content": "Hi"}]
TEMPLATE = (
    "{{ reasoning_effort or 'no effort' }}|{{ mood or 'no mood' }}|"
    "{% for message in messages %}{{ message.name or 'nobody' }}: {{ message.content }}{% endfor %}"
)


@pytest.fixture
def rig(launch: Launch, home: Home) -> Rig:
    """A server with a model, `knows`, whose template knows these fields."""
    add_adapter(home, "knows", template=TEMPLATE)
    return launch()


def written(rig: Rig, model: str = "knows", **fields: Any) -> str:
    """How the conversation is written down for the model."""
    response = rig.post({"model": model, "messages": HI, **fields})
    assert response.status_code == 200, response.text
    asked = rig.engine.asked[-1]
    return asked.base.tokenizer.decode(asked.request.prompt)


def test_reasoning_effort(rig: Rig) -> None:
    assert written(rig) == "no effort|no mood|nobody: Hi"
    assert written(rig, reasoning_effort="low") == "low|no mood|nobody: Hi"
    assert written(rig, "it", reasoning_effort="low") == written(rig, "it")


def test_chat_template_kwargs(rig: Rig) -> None:
    assert written(rig, chat_template_kwargs={"mood": "gay"}) == "no effort|gay|nobody: Hi"
    both = written(rig, chat_template_kwargs={"reasoning_effort": "own"}, reasoning_effort="low")
    assert both == "own|no mood|nobody: Hi"
    assert written(rig, "it", chat_template_kwargs={"mood": "gay"}) == written(rig, "it")


def test_name(rig: Rig) -> None:
    named = [{**HI[0], "name": "Ann"}]
    assert written(rig, messages=named) == "no effort|no mood|Ann: Hi"
    assert written(rig, "it", messages=named) == written(rig, "it")
