"""What schemathesis is told beyond the schema: names that exist, and answers that stay short.

It reads this file by itself, in a process of its own.
"""

import os
import random
import re
from typing import Any

import schemathesis

NAMES = os.environ["BLUEY_TEST_NAMES"].split(",")
LIMITS = {
    "createChatCompletion": "max_tokens",
    "createCompletion": "max_tokens",
    "createResponse": "max_output_tokens",
    "countInputTokens": "max_output_tokens",
}
"""Operations that generate, and the field that says how much."""

TOKENS, CHOICES = 8, 3
STORED = 50
RESPONSE_ID = re.compile("[A-Za-z0-9_-]+")
MUST_AGREE = ("tools", "tool_choice", "functions", "function_call", "response_format", "text")
VOCABULARY = 4096  # of the embedded bases

_stored: list[str] = []
"""The ids of the newest responses that the server said it keeps."""


@schemathesis.hook
def after_call(_: Any, case: Any, response: Any) -> None:
    """Remember what was made, for the operations that ask for it."""
    made = case.operation.definition.raw.get("operationId") == "createResponse"
    if not made or response.status_code != 200 or case.body.get("store") is False:
        return
    if "application/json" in response.headers["content-type"][0]:
        _stored.append(response.json()["id"])
        del _stored[:-STORED]


@schemathesis.hook
def before_call(_: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """Change what is about to be sent; what is wrong in it stays wrong."""
    chance = random.Random(repr((case.body, case.path_parameters)))
    parameters = case.path_parameters or {}
    if isinstance(parameters.get("model_id"), str) and chance.random() < 0.5:
        case.path_parameters["model_id"] = chance.choice(NAMES)
    response_id = str(parameters.get("response_id", ""))
    # One that is wrong stays wrong; one that came along a link stays, deleted or not.
    if _stored and RESPONSE_ID.fullmatch(response_id) and response_id not in _stored:
        case.path_parameters["response_id"] = chance.choice(_stored)
    limit = LIMITS.get(case.operation.definition.raw.get("operationId"))
    if limit is not None and isinstance(case.body, dict):
        _shorten(case.body, limit, chance)


def _shorten(body: dict[str, Any], limit: str, chance: random.Random) -> None:
    if isinstance(body.get("model"), str) and body["model"] and chance.random() < 0.9:
        body["model"] = chance.choice(NAMES)
    for name, most in ((limit, TOKENS), ("max_completion_tokens", TOKENS), ("n", CHOICES)):
        # What is more than the context holds is refused without an answer: it may stay.
        if _is_whole(body.get(name)) and most < body[name] <= 8192:
            body[name] = most
    if body.get(limit) is None:
        body[limit] = TOKENS
    if isinstance(body.get("prompt"), list):
        body["prompt"] = body["prompt"][:CHOICES] or body["prompt"]
    if chance.random() < 0.8:
        _reconcile(body, limit)


def _reconcile(body: dict[str, Any], limit: str) -> None:
    """Take out what no schema can know to be wrong, or most of what is tried ends at that."""
    for name in (limit, "max_completion_tokens", "min_tokens"):
        if _is_whole(body.get(name)) and body[name] > TOKENS:
            body[name] = TOKENS
    if body.get("min_tokens"):
        body[limit] = TOKENS
        if "max_completion_tokens" in body:
            body["max_completion_tokens"] = TOKENS
    chats = "messages" in body
    if chats and body.get("top_logprobs") and body.get("logprobs") in (None, False):
        body["logprobs"] = True
    if isinstance(body.get("logit_bias"), dict):
        body["logit_bias"] = {_own(key): added for key, added in body["logit_bias"].items()}
    if isinstance(body.get("prompt"), list):
        body["prompt"] = [_token(one) for one in body["prompt"]]
    for name in MUST_AGREE:
        body.pop(name, None)
    if not str(body.get("previous_response_id")).startswith("resp_"):
        body.pop("previous_response_id", None)
    if isinstance(body.get("messages"), list):
        body["messages"] = body["messages"][:1]  # templates want roles to take turns


def _own(key: str) -> str:
    return str(int(key) % VOCABULARY) if key.isascii() and key.isdigit() else key


def _token(one: Any) -> Any:
    if isinstance(one, list):
        return [_token(token) for token in one]
    return one % VOCABULARY if _is_whole(one) and one >= 0 else one


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
