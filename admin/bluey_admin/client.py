"""Talking to a server over its own HTTP interface, as any OpenAI client does."""

from collections.abc import Generator, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from bluey_adapters.closing import Closing
from bluey_admin.failures import Failure

_SILENCE = 60.0  # seconds without a byte, after which an answer is given up


class Client(Closing):
    """A connection to one server."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        """`url` is the server's, without `/v1`."""
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        # trust_env would send requests for 127.0.0.1 through a proxy.
        self._http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(_SILENCE, connect=5.0),
            trust_env=False,
        )

    def healthy(self) -> bool:
        """Whether a server answers there."""
        try:
            return self._http.get("/health", timeout=2.0).status_code == 200
        except httpx.HTTPError:
            return False

    def check_model(self, name: str) -> None:
        """Raise Failure, in the server's words, when it knows no such model."""
        try:
            _raise_for(self._http.get(f"/v1/models/{quote(name, safe='')}"))
        except httpx.HTTPError as error:
            raise Failure(f"the server does not answer: {_words(error)}") from None

    def chat(
        self, model: str, messages: list[dict[str, str]], **options: Any
    ) -> Generator[str, None, None]:
        """The answer to a conversation, piece by piece as it is made.

        Raises Failure in one line when there is none, or when it breaks off.
        """
        body = {
            "model": model,
            "messages": messages,
            "stream": True,
            **{key: value for key, value in options.items() if value is not None},
        }
        try:
            with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
                if response.status_code != 200:
                    response.read()
                    _raise_for(response)
                yield from _pieces(response.iter_lines())
        except httpx.HTTPError as error:
            raise Failure(f"the answer broke off: {_words(error)}") from None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _pieces(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        field, _, data = line.partition(":")
        if field != "data":
            continue
        if data.strip() == "[DONE]":
            return
        event = msgspec.json.decode(data)
        if "error" in event:
            raise Failure(_message(event, "the server failed"))
        for choice in event.get("choices", ()):
            if content := choice.get("delta", {}).get("content"):
                yield content
    # An answer that is whole says so.
    raise Failure("the answer broke off: the server closed the connection")


def _raise_for(response: httpx.Response) -> None:
    if response.status_code == 200:
        return
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        body = None
    raise Failure(_message(body, f"the server said {response.status_code}"))


def _message(body: Any, fallback: str) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(message).split()) if message else fallback


def _words(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
