"""One chat completion of any OpenAI-compatible server, and the ways in which there is none."""

import math
import time
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from bluey_admin.failures import Failure

_PATIENCE = httpx.Timeout(120.0, connect=10.0)  # seconds
_LONGEST_REASON = 300  # characters of what a server says for itself


class Completion(msgspec.Struct, frozen=True):
    """What a model said, and how it ended; `finish_reason` is "" where the server names none."""

    text: str
    finish_reason: str
    refusal: str | None = None


class NoAnswer(Failure):
    """The server can't be reached, broke off, or took too long."""


class Rejected(Failure):
    """The server answered, and not with 200."""

    def __init__(
        self, message: str, status: int, code: str | None, retry_after: float | None
    ) -> None:
        """`code` is the error's own, `retry_after` the seconds that the server asks for."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Body(msgspec.Struct):
    choices: list[_Choice]


def connect(url: str, api_key: str | None = None) -> httpx.Client:
    """A client for the server at `url`, for any number of threads.

    Raises Failure when the URL or the key can't be used.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Failure(f"'{url}' is no address of a server; it looks like http://127.0.0.1:8000/v1")
    # The library's own complaint would show the key.
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise Failure(f"the API key for {url} holds a character that no header may hold")
    return httpx.Client(
        headers={"authorization": f"Bearer {api_key}"} if api_key else {},
        timeout=_PATIENCE,
        # A proxy that the environment names can't reach this machine's own servers.
        trust_env=parsed.host not in ("localhost", "::1") and not parsed.host.startswith("127."),
    )


def complete(http: httpx.Client, url: str, body: dict[str, object]) -> Completion:
    """Ask once; `url` ends in `/v1`, `body` is the request.

    Raises NoAnswer, Rejected, or Failure for a 200 that is no completion, each with the URL and,
    where there are any, the server's words.
    """
    try:
        response = http.post(f"{url.rstrip('/')}/chat/completions", json=body)
    except httpx.HTTPError as error:
        raise NoAnswer(f"{url} does not answer: {str(error) or type(error).__name__}") from None
    code, words = _error(response.content)
    if response.status_code != 200:
        raise Rejected(
            f"{url} said {response.status_code}: {words or 'no reason given'}",
            response.status_code,
            code,
            _seconds(response.headers.get("retry-after")),
        )
    try:
        choice = msgspec.json.decode(response.content, type=_Body).choices[0]
    except (msgspec.DecodeError, IndexError, UnicodeDecodeError):
        raise Failure(f"{url} said 200 and no chat completion: {words or 'no error'}") from None
    message = choice.message
    return Completion(message.content or "", choice.finish_reason or "", message.refusal)


def _error(content: bytes) -> tuple[str | None, str | None]:
    """The code and the words of an error body, each None where there is none."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, "no JSON"
    error = body.get("error", body.get("detail")) if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    line = " ".join(str(words).split())[:_LONGEST_REASON] if words else None
    return (code if isinstance(code, str) else None), line


def _seconds(header: str | None) -> float | None:
    """What `Retry-After` asks for, as a number of seconds or as a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
