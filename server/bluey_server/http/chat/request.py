"""A chat completion's request, checked: what is left after it is right in itself.

Whether its model exists and its prompt fits is found out later (request/prompt.py).
"""

from typing import Any

from bluey_server.http.chat.tools import read_tools
from bluey_server.http.errors import BadRequest
from bluey_server.http.grammar.response_format import JsonFormat, read_format
from bluey_server.http.request.conversation import read_messages
from bluey_server.http.request.fields import CHAT_FIELDS, read_fields
from bluey_server.http.request.kinds import missing
from bluey_server.http.request.message_keys import unknown_keys
from bluey_server.http.request.structure import Wishes
from bluey_server.http.request.text_request import TextRequest, check_min_tokens, read_common

GIVEN_BY_US = ("messages", "add_generation_prompt", "tools")


class ChatRequest(TextRequest, frozen=True, kw_only=True):
    """One request for a chat completion."""

    messages: list[dict[str, Any]]
    template_extra: dict[str, Any]
    wishes: Wishes = Wishes()
    legacy: bool = False  # calls are to be told in the older form, `function_call`


def read_chat_request(given: dict[str, Any]) -> ChatRequest:
    """Check a request's body. Raises BadRequest naming the field that is wrong."""
    fields, ignored = read_fields(CHAT_FIELDS, given)
    for required in ("model", "messages"):
        if fields.get(required) in (None, ""):
            raise missing(required)
    max_tokens = fields.get("max_completion_tokens", fields.get("max_tokens"))
    check_min_tokens(fields.get("min_tokens", 0), max_tokens)
    tools, legacy = read_tools(fields)
    messages = read_messages(fields["messages"])
    ignored += unknown_keys(fields["messages"])
    return ChatRequest(
        **read_common(fields, ignored),
        messages=messages,
        max_tokens=max_tokens,
        logprobs=_logprobs(fields),
        template_extra=template_extra(fields),
        wishes=Wishes(format=_format(fields), tools=tools),
        legacy=legacy,
    )


def _format(fields: dict[str, Any]) -> JsonFormat | None:
    given = fields.get("response_format")
    return None if given is None else read_format("response_format", given)


def _logprobs(fields: dict[str, Any]) -> int | None:
    alternatives: int = fields.get("top_logprobs", 0)
    if fields.get("logprobs", False):
        return alternatives
    if alternatives:
        raise BadRequest(
            "Invalid 'top_logprobs': it is only allowed when 'logprobs' is true.",
            code="invalid_value",
            param="top_logprobs",
        )
    return None


def template_extra(fields: dict[str, Any]) -> dict[str, Any]:
    """What a template is handed beside the messages. Raises BadRequest for what is ours to set."""
    extra = dict(fields.get("chat_template_kwargs", {}))
    for key in extra:
        if key in GIVEN_BY_US or key.endswith("_token"):
            raise BadRequest(
                f"Unsupported parameter: 'chat_template_kwargs.{key}' is set by the server.",
                code="unsupported_parameter",
                param=f"chat_template_kwargs.{key}",
            )
    if "reasoning_effort" in fields:
        extra.setdefault("reasoning_effort", fields["reasoning_effort"])
    return extra
