"""One HTTP request from arrival to its line in the log."""

import logging
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from litestar.types import Scope

log = logging.getLogger("bluey_server.requests")

_KEY = "bluey.exchange"
_QUIET = ("/health", "/ready", "/metrics")  # asked every few seconds by whoever watches the server
_IGNORED_SHOWN = 64
_LOGGED = 200  # characters of a model's name, which may be as long as a body


@dataclass(eq=False)
class Exchange:
    """What is known of a request while it is answered. Never holds what was said."""

    method: str
    path: str
    id: str = field(default_factory=lambda: f"req_{uuid.uuid4().hex}")
    started: float = field(default_factory=time.perf_counter)
    key: str | None = None  # the name of the API key that was shown, if it has one
    owner: str = ""  # what stands for the key that was shown; "" where none was asked for
    body_bytes: int = 0  # of the request, where it is read as JSON
    generates: bool = False  # it asks for an answer; only such requests are counted by model
    model: str | None = None  # as requested
    model_exists: bool = False
    digest: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None  # of the prompt
    begun: float | None = None  # when it left the queue; like `started`
    first_token: float | None = None
    last_token: float | None = None
    ignored: tuple[str, ...] = ()
    status: int | None = None
    outcome: str | None = None  # "stop" | "length" | "tool_calls" | "cancelled" | "failed:KIND"

    def attach(self, scope: "Scope") -> None:
        """Make `exchange_of` find this from the request's scope."""
        cast(dict[str, object], scope)[_KEY] = self

    def begin(self, cached_tokens: int) -> None:
        """The engine has begun with it, or with another one of its prompts."""
        if self.begun is None:
            self.begun = time.perf_counter()
        self.cached_tokens = (self.cached_tokens or 0) + cached_tokens

    def count(self, completion_tokens: int) -> None:
        """So many tokens have been generated."""
        self.completion_tokens = completion_tokens
        self.last_token = time.perf_counter()
        if self.first_token is None:
            self.first_token = self.last_token

    @property
    def seconds(self) -> float:
        """Since the request came."""
        return time.perf_counter() - self.started

    @property
    def seconds_per_token(self) -> float | None:
        """Of decoding alone: the first token's time is the prompt's. None without a second one."""
        if self.first_token is None or self.last_token is None or (self.completion_tokens or 0) < 2:
            return None
        return (self.last_token - self.first_token) / ((self.completion_tokens or 0) - 1)

    def ignored_header(self) -> str | None:
        """Keys of the request that nobody knows, fit for a header."""
        shown = (quote(key[:64], safe="_-.[]") for key in self.ignored[:_IGNORED_SHOWN])
        return ", ".join(shown) or None

    def write_log(self) -> None:
        """The one line that each request gets."""
        level = logging.DEBUG if self.path in _QUIET else logging.INFO
        fields = {
            "request": self.id,
            "key": self.key,
            "model": self.model and self.model[:_LOGGED],
            "adapter": self.digest and self.digest[:12],
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens or None,
            "completion_tokens": self.completion_tokens,
            "first_token_ms": _ms(self.first_token and self.first_token - self.started),
            "ms": _ms(self.seconds),
            "tokens_per_second": self._speed(),
            "outcome": self.outcome or self.status or "cancelled",
        }
        log.log(level, "%s %s", self.method, quote(self.path, safe="/"), extra={"fields": fields})

    def _speed(self) -> float | None:
        each = self.seconds_per_token
        return None if each is None else round(1 / max(each, 1e-6), 1)


def exchange_of(scope: "Scope") -> Exchange:
    """The exchange that a request belongs to."""
    return cast(dict[str, Exchange], scope)[_KEY]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
