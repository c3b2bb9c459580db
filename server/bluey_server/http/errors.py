"""Every error that a client can see, and the one table that maps what goes wrong to it.

ApiError                 status, message, type, param, code, and what a client may do about it
├── BadRequest           400: the request itself
├── EngineFailure        an engine gave up on a request
└── (all others)         made from exceptions of the floors below by `as_api_error`
HungUp                   the client is gone; nobody sees it
"""

import math
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import msgspec

from bluey_adapters.chat_template import TemplateRefused
from bluey_adapters.errors import (
    BaseError,
    DamagedAdapter,
    NoChatTemplate,
    StoreError,
    UnknownName,
    UnknownResponse,
    WrongBase,
)
from bluey_data.errors import BlueyError
from bluey_server.tokenizer_protocol import TokenizerDied, UnencodableText


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's error object: all four keys, always."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct, frozen=True):
    """The envelope."""

    error: ErrorDetail


class ApiError(Exception):
    """An error as OpenAI's clients know them."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        challenge: str | None = None,
        allow: Sequence[str] = (),
    ) -> None:
        """`retry_after` is in seconds. `should_retry` is for clients that would otherwise go by
        the status: they retry 408, 409, 429 and 5xx. `challenge` says how to show a key, `allow`
        which methods there are instead."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.should_retry = should_retry
        self.challenge = challenge
        self.allow = tuple(allow)

    def envelope(self) -> ErrorBody:
        """What the client reads."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        if self.status == 429:
            kind = "requests"  # what there are too many of; elsewhere it may be "tokens"
        detail = ErrorDetail(message=self.message, type=kind, param=self.param, code=self.code)
        return ErrorBody(detail)

    def body(self) -> bytes:
        """The envelope as JSON."""
        return msgspec.json.encode(self.envelope())

    def headers(self) -> dict[str, str]:
        """Headers that belong to this error."""
        headers = {}
        if self.challenge is not None:
            headers["www-authenticate"] = self.challenge
        if self.allow:
            headers["allow"] = ", ".join(self.allow)
        if self.retry_after is not None:
            headers["retry-after"] = str(math.ceil(self.retry_after))  # whole seconds, by HTTP
            headers["retry-after-ms"] = str(math.ceil(self.retry_after * 1000))
        if self.should_retry is not None:
            headers["x-should-retry"] = "true" if self.should_retry else "false"
        return headers


class BadRequest(ApiError):
    """The request can't be answered as it is."""

    def __init__(self, message: str, *, code: str | None, param: str | None) -> None:
        super().__init__(400, message, code=code, param=param)


class EngineFailure(ApiError):
    """An engine gave up on a request; `kind` is the engine's word for why."""

    kind = "engine"


class HungUp(Exception):
    """The client is gone; there is nobody to answer."""


class _Rest(TypedDict):
    code: str | None
    param: str | None
    retry_after: float | None
    should_retry: bool | None


class _Row(NamedTuple):
    status: int
    code: str
    param: str | None = None
    should_retry: bool | None = None
    retry_after: float | None = None


_OF_EXCEPTIONS: dict[type[Exception], _Row] = {
    UnknownName: _Row(404, "model_not_found", "model"),
    UnknownResponse: _Row(404, "response_not_found"),
    TemplateRefused: _Row(400, "invalid_messages", "messages"),
    NoChatTemplate: _Row(400, "chat_template_missing", "model"),
    WrongBase: _Row(400, "wrong_base", "model"),
    BaseError: _Row(500, "base_unusable", should_retry=False),
    DamagedAdapter: _Row(500, "adapter_damaged", should_retry=False),
    StoreError: _Row(500, "adapter_missing", should_retry=False),
    UnencodableText: _Row(400, "invalid_value", "messages"),
    TokenizerDied: _Row(500, "server_error", should_retry=True, retry_after=1),
    BlueyError: _Row(500, "server_error", should_retry=False),
}

_OF_ENGINE_FAILURES: dict[str, _Row] = {
    "adapter_damaged": _OF_EXCEPTIONS[DamagedAdapter],
    "adapter_missing": _OF_EXCEPTIONS[StoreError],
    "wrong_base": _OF_EXCEPTIONS[WrongBase],
    "base_unusable": _OF_EXCEPTIONS[BaseError],
    "grammar": _Row(400, "invalid_json_schema", "response_format"),
    "no_memory": _Row(400, "context_length_exceeded", "messages"),
    "engine_loading": _Row(503, "model_loading", retry_after=5),
    "queue_timeout": _Row(503, "queue_timeout", retry_after=30),
    # What took too long once will take too long again.
    "request_timeout": _Row(504, "request_timeout", should_retry=False),
}


def as_api_error(error: Exception) -> ApiError:
    """What a client is told of an exception; nothing of its insides unless it was written to be
    read."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, BlueyError):
        row = next(_OF_EXCEPTIONS[kind] for kind in type(error).__mro__ if kind in _OF_EXCEPTIONS)
        return ApiError(row.status, str(error), **_rest(row))
    if isinstance(error, RecursionError):
        return BadRequest("The request is nested too deeply.", code="invalid_value", param=None)
    if isinstance(error, sqlite3.OperationalError):
        return ApiError(503, "The registry is busy. Try again.", code="server_error", retry_after=1)
    return ApiError(
        500,
        "The server had an error while processing your request; its log says more.",
        code="server_error",
    )


def busy(retry_after: float) -> EngineFailure:
    """What a client is told when too many are waiting already."""
    failure = EngineFailure(
        429,
        "Too many requests are waiting for this model. Please try again in "
        f"{math.ceil(retry_after)} s.",
        code="rate_limit_exceeded",
        retry_after=retry_after,
    )
    failure.kind = "busy"
    return failure


def engine_failure(kind: str, message: str, *, retryable: bool) -> EngineFailure:
    """What a client is told when an engine gives up on its request."""
    row = _OF_ENGINE_FAILURES.get(kind) or _Row(
        500, "server_error", should_retry=retryable, retry_after=1 if retryable else None
    )
    failure = EngineFailure(row.status, message, **_rest(row))
    failure.kind = kind
    return failure


def _rest(row: _Row) -> _Rest:
    return {
        "code": row.code,
        "param": row.param,
        "retry_after": row.retry_after,
        "should_retry": row.should_retry,
    }
