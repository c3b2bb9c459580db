"""The judge: a chat model at a URL, asked patiently and never twice for the sake of a better reply.

A reply that can't be used is a result. Only requests that brought no reply are made again.
"""

import time
from collections.abc import Callable
from typing import Literal

import msgspec

from bluey_adapters.closing import Closing
from bluey_admin.evaluation.completions import Completion, NoAnswer, Rejected, complete, connect
from bluey_admin.evaluation.judge_prompt import RESPONSE_FORMAT, Winner, read_reply
from bluey_admin.failures import Failure

Outcome = Winner | Literal["refused", "malformed"]

_WAITS = (1.0, 2.0, 4.0)  # seconds before the second try, the third, …
_LONGEST_WAIT = 120.0  # seconds; a server that asks for more has to wait for its user
_LONGEST_REPLY = 2000  # tokens: room to think first; weak models would else never end


class Decision(msgspec.Struct, frozen=True):
    """What came of one question; `reason` is the judge's, or what it said instead of a verdict."""

    outcome: Outcome
    reason: str


class Judge(Closing):
    """Any OpenAI-compatible chat model, for any number of threads."""

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`url` ends in `/v1`. Raises Failure when it, or the key, can't be used."""
        self.url = url
        self.model = model
        self._http = connect(url, api_key)
        self._sleep = sleep
        self._takes_format = True  # until it says otherwise

    def decide(self, message: str) -> Decision:
        """Put the question once. Raises Failure, with the URL, when there is no reply to be had."""
        try:
            said = self._ask(message)
        except Rejected as error:
            if error.code != "content_filter":
                raise
            return Decision("refused", error.message)  # Azure's filter of prompts says 400
        if said.refusal or said.finish_reason == "content_filter":
            return Decision("refused", said.refusal or said.text)
        reply = read_reply(said.text)
        return Decision(reply.winner, reply.reason) if reply else Decision("malformed", said.text)

    def _ask(self, message: str) -> Completion:
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": message}],
            "temperature": 0,
            "max_tokens": _LONGEST_REPLY,
        }
        if not self._takes_format:
            return self._patiently(body)
        try:
            return self._patiently(body | {"response_format": RESPONSE_FORMAT})
        except Rejected as error:
            # Servers that don't know the field say 400, those that check bodies by schema 422.
            if error.status not in (400, 422) or error.code == "content_filter":
                raise
        said = self._patiently(body)
        self._takes_format = False
        return said

    def _patiently(self, body: dict[str, object]) -> Completion:
        for wait in (*_WAITS, None):
            try:
                return complete(self._http, self.url, body)
            except (NoAnswer, Rejected) as error:
                self._sleep(_wait_after(error, wait))
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _wait_after(error: NoAnswer | Rejected, wait: float | None) -> float:
    """The seconds before the next try; `wait` is what they'd be, None when there is no other."""
    if isinstance(error, Rejected) and error.status != 429 and error.status < 500:
        raise error
    if wait is None:
        raise Failure(f"{error.message} (asked {len(_WAITS) + 1} times)") from None
    if isinstance(error, Rejected) and error.retry_after is not None:
        wait = error.retry_after
    if wait > _LONGEST_WAIT:
        raise Failure(f"{error.message}; try again in {wait:.0f} s, as it asks") from None
    return wait
