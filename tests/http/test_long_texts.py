"""Texts that can't fit the context are refused by their length, before anybody encodes them."""

import pytest

from tests.http.rig import Rig

FAR = 8192 * 40  # characters; the base's context has 8,192 tokens of at most so many


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("chat/completions", "messages", {"messages": [{"role": "user", "content": "a" * FAR}]}),
        ("completions", "prompt", {"prompt": "a" * FAR}),
        ("completions", "prompt", {"prompt": ["One", "a" * FAR], "echo": True}),
        ("responses", "input", {"input": "a" * FAR}),
    ],
)
def test_a_text_beyond_the_context_is_refused_unencoded(
    shared: Rig, monkeypatch: pytest.MonkeyPatch, path: str, field: str, body: dict[str, object]
) -> None:
    encoded: list[int] = []
    real = shared.service.tokenizers.encode

    async def encode(base: object, text: str, **options: object) -> object:
        encoded.append(len(text))
        return await real(base, text, **options)

    monkeypatch.setattr(shared.service.tokenizers, "encode", encode)
    answer = shared.http.post(f"/v1/{path}", json={"model": "it", **body})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (
        400,
        "context_length_exceeded",
        field,
    )
    assert error["message"].startswith(
        "This model's maximum context length is 8192 tokens. However, your"
    )
    assert "resulted in at least " in error["message"]
    assert max(encoded, default=0) < FAR


def test_one_within_the_bound_is_counted_exactly(shared: Rig) -> None:
    answer = shared.chat("a b " * 5000)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "context_length_exceeded")
    assert "at least" not in error["message"]
