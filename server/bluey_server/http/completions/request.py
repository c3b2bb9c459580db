"""A completion's request, checked: what is left after it is right in itself.

Whether its model exists and its prompts fit is found out later (prompt.py).
"""

from typing import Any

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.fields import COMPLETION_FIELDS, read_fields
from bluey_server.http.request.kinds import missing
from bluey_server.http.request.text_request import TextRequest, check_min_tokens, read_common

_MAX_TOKENS = 16
"""OpenAI's default; whoever evaluates or completes code relies on it being small."""

_MOST_ANSWERS = 2048


class CompletionRequest(TextRequest, frozen=True, kw_only=True):
    """One request for completions."""

    prompts: list[str | list[int]]  # texts or token ids, at least one
    echo: bool


def read_completion_request(given: dict[str, Any]) -> CompletionRequest:
    """Check a request's body. Raises BadRequest naming the field that is wrong."""
    fields, ignored = read_fields(COMPLETION_FIELDS, given)
    if fields.get("model") in (None, ""):
        raise missing("model")
    if "prompt" not in fields:
        raise missing("prompt")
    echo, max_tokens = fields.get("echo", False), fields.get("max_tokens", _MAX_TOKENS)
    if "max_tokens" not in fields:
        max_tokens = max(max_tokens, fields.get("min_tokens", 0))
    if max_tokens == 0 and not echo:
        raise BadRequest(
            "Invalid 'max_tokens': 0 is only allowed when 'echo' is true; there would be no text.",
            code="integer_below_min_value",
            param="max_tokens",
        )
    check_min_tokens(fields.get("min_tokens", 0), max_tokens)
    if len(fields["prompt"]) * fields.get("n", 1) > _MOST_ANSWERS:
        raise BadRequest(
            f"Invalid 'n': {len(fields['prompt'])} prompts times {fields['n']} is more than "
            f"{_MOST_ANSWERS} answers in one request.",
            code="integer_above_max_value",
            param="n",
        )
    return CompletionRequest(
        **read_common(fields, ignored),
        prompts=fields["prompt"],
        max_tokens=max_tokens,
        logprobs=fields.get("logprobs"),
        echo=echo,
    )
