"""What OpenAI's own client gets: only things that hold for any server, wherever it runs."""

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionUserMessageParam

HELLO: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello, who are you?"}]


def test_it_is_there(url: str) -> None:
    assert httpx.get(f"{url}/health").status_code == 200


def test_models_are_listed_and_found(client: OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"it", "pt", "tiny-it", "tiny-pt"} <= set(listed)
    assert client.models.retrieve("it") == listed["it"]
    assert listed["it"].object == "model"
    assert listed["it"].created > 0


@pytest.mark.parametrize("model", ["it", "pt"])
def test_an_answer(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model, messages=HELLO, max_tokens=20, temperature=0
    )
    [choice] = answer.choices
    assert answer.object == "chat.completion"
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 20
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("model", ["it", "pt"])
def test_a_stream_says_the_same(client: OpenAI, model: str) -> None:
    whole = client.chat.completions.create(
        model=model, messages=HELLO, max_tokens=20, temperature=0
    )
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=HELLO,
            max_tokens=20,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert reasons[-1] == whole.choices[0].finish_reason
    assert set(reasons[:-1]) == {None}
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_seed_gives_the_same_answer_again(client: OpenAI) -> None:
    def ask(seed: int) -> str | None:
        answer = client.chat.completions.create(
            model="it", messages=HELLO, max_tokens=30, temperature=1, seed=seed
        )
        return answer.choices[0].message.content

    assert ask(1) == ask(1)
    assert len({ask(seed) for seed in range(1, 5)}) > 1


def test_a_limit_is_kept_and_told(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="it", messages=HELLO, max_completion_tokens=3, extra_body={"min_tokens": 3}
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_an_unknown_model(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nope", messages=HELLO)
    assert caught.value.code == "model_not_found"
    assert "`nope`" in caught.value.message
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"logit_bias": {"99999999": 1}}, "logit_bias"),
        ({"presence_penalty": 3}, "presence_penalty"),
    ],
)
def test_a_bad_request_names_the_field(
    client: OpenAI, wrong: dict[str, object], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="it", messages=HELLO, extra_body=wrong)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
