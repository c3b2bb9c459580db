"""The same question to chat completions and to completions, for what both have in common.

Raw, since the client has no words for half of the fields.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

import httpx

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
QUESTION = "Hello, who are you?"
BEGINNING = "Once upon a time there was"


@dataclass(frozen=True)
class Choice:
    """One answer, from either endpoint."""

    text: str
    reason: str | None
    tokens: list[str]  # where log probabilities were asked for, as are these
    logprobs: list[float]


@dataclass(frozen=True)
class Answer:
    """A whole answer, from either endpoint."""

    body: dict[str, Any]
    headers: httpx.Headers

    @property
    def choices(self) -> list[Choice]:
        return [_choice(given) for given in self.body["choices"]]

    @property
    def text(self) -> str:
        return self.choices[0].text

    @property
    def reason(self) -> str | None:
        return self.choices[0].reason

    @property
    def count(self) -> int:
        """Tokens of all answers."""
        return int(self.body["usage"]["completion_tokens"])


@dataclass(frozen=True)
class Asker:
    """One endpoint of one server."""

    client: httpx.Client
    path: str

    @property
    def chats(self) -> bool:
        return self.path == CHAT

    def __call__(self, **fields: Any) -> Answer:
        """Ask; greedily, and for two dozen tokens, unless other fields are given."""
        response = self._post(fields)
        return Answer(response.json(), response.headers)

    def stream(self, **fields: Any) -> list[dict[str, Any]]:
        """The chunks of a streamed answer."""
        response = self._post({"stream": True, **fields})
        assert response.headers["content-type"].startswith("text/event-stream")
        blocks = [block for block in response.text.split("\n\n") if block.startswith("data: ")]
        assert blocks.pop() == "data: [DONE]"
        return [json.loads(block.removeprefix("data: ")) for block in blocks]

    def told(self, **fields: Any) -> Choice:
        """An answer with its tokens."""
        return self(logprobs=True if self.chats else 0, **fields).choices[0]

    def _post(self, fields: dict[str, Any]) -> httpx.Response:
        asked: dict[str, Any] = {"model": "tiny-it", "temperature": 0, "max_tokens": 24}
        if self.chats:
            asked["messages"] = [{"role": "user", "content": QUESTION}]
        else:
            asked["prompt"] = BEGINNING
        response = self.client.post(self.path, json={**asked, **fields})
        assert response.status_code == 200, response.text
        return response


def make_client(url: str) -> httpx.Client:
    """With the key that the environment names, for a server that wants one."""
    key = os.environ.get("BLUEY_API_KEY", "any")
    return httpx.Client(base_url=url, timeout=120, headers={"authorization": f"Bearer {key}"})


def text_of(chunks: list[dict[str, Any]], index: int = 0) -> str:
    """What a stream's chunks say in one choice."""
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(
        choice.get("delta", choice).get("content" if "delta" in choice else "text") or ""
        for choice in choices
        if choice["index"] == index
    )


def _choice(given: dict[str, Any]) -> Choice:
    text = given["message"]["content"] if "message" in given else given["text"]
    told = given["logprobs"] or {"content": []}
    if "content" in told:
        tokens = [entry["token"] for entry in told["content"]]
        logprobs = [entry["logprob"] for entry in told["content"]]
    else:
        tokens, logprobs = told["tokens"], told["token_logprobs"]
    return Choice(text, given["finish_reason"], tokens, logprobs)
