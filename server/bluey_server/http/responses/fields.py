"""The fields of `/v1/responses`: what each may hold and becomes; see request/fields.py."""

from dataclasses import dataclass
from typing import Any

from bluey_server.http.errors import BadRequest
from bluey_server.http.request.fields import (
    COMMON,
    EFFORTS,
    HARMLESS,
    MANY,
    MOST_CHOICES,
    REFUSED,
    Field,
)
from bluey_server.http.request.kinds import Array, Boolean, Either, Integer, Metadata, Object, Text

LOGPROBS = "message.output_text.logprobs"

INCLUDABLE = (
    LOGPROBS,
    "reasoning.encrypted_content",  # Codex always asks for it; there is none to include
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
)


@dataclass(frozen=True)
class Includes:
    """A list of what else an answer shall hold."""

    def check(self, param: str, value: Any) -> frozenset[str]:
        """Raises BadRequest."""
        given = enumerate(Array().check(param, value))
        return frozenset(Text(INCLUDABLE).check(f"{param}[{at}]", word) for at, word in given)


_MEANT_OTHERWISE = ("n", "metadata", "store", "user", "safety_identifier", "prompt_cache_key")
_SUMMARIES = ("auto", "concise", "detailed")
_WORD_OR_OBJECT = Either(Text(), Object(), "a string or an object")
_WORD_OR_ITEMS = Either(Text(), Array(), "a string or an array of items")

RESPONSE_FIELDS: tuple[Field, ...] = (
    Field("model", Text()),
    Field("input", _WORD_OR_ITEMS),
    Field("instructions", Text()),
    Field("previous_response_id", Text()),
    *(field for field in COMMON if field.name not in _MEANT_OTHERWISE),
    Field("max_output_tokens", Integer(1, MANY)),
    Field("top_logprobs", Integer(0, 20)),
    Field("include", Includes()),
    Field("text", Object()),
    Field("reasoning", Object()),
    Field("tools", Array()),
    Field("tool_choice", _WORD_OR_OBJECT),
    Field("parallel_tool_calls", Boolean()),
    Field("chat_template_kwargs", Object()),
    Field("store", Boolean()),
    # Given back as they came, and nothing else.
    Field("metadata", Metadata()),
    Field("user", Text()),
    Field("safety_identifier", Text()),
    Field("prompt_cache_key", Text()),
    # Harmless to leave out.
    Field("background_options", Object(), HARMLESS),
    Field("image", Object(), HARMLESS),
    Field("access_programs", Object(), HARMLESS),
    # Not ours: refused where leaving them out would change the answer.
    Field("n", Integer(1, MOST_CHOICES), REFUSED, (1,).__contains__),
    Field("truncation", Text(("auto", "disabled")), REFUSED, ("disabled",).__contains__),
    Field("background", Boolean(), REFUSED, (False,).__contains__),
    Field("conversation", _WORD_OR_OBJECT, REFUSED),
    Field("prompt", Object(), REFUSED),
    Field("max_tool_calls", Integer(1, MANY), REFUSED),
    Field("context_management", Array(), REFUSED, ([],).__contains__),
    Field("moderation", Object(), REFUSED),
)

TEXT_FIELDS: tuple[Field, ...] = (
    Field("format", Object()),
    Field("verbosity", Text(("low", "medium", "high"))),  # given back; models here know none
)

REASONING_FIELDS: tuple[Field, ...] = (
    Field("effort", Text(EFFORTS)),  # for templates that know it
    Field("summary", Text(_SUMMARIES)),  # given back; nothing is summed up
    Field("generate_summary", Text(_SUMMARIES), HARMLESS),
    Field("context", Text(), HARMLESS),
    Field("mode", Text(), REFUSED, ("standard",).__contains__),
)

_CALLED_HERE = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "messages": "input",
    "response_format": "text.format",
    "functions": "tools",
    "function_call": "tool_choice",
    "logprobs": "top_logprobs",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}


def refuse_moved(given: dict[str, Any]) -> None:
    """Raise BadRequest for a field that only other endpoints call by this name: to name it in a
    header, as one that nobody knows, would not do."""
    for elsewhere, here in _CALLED_HERE.items():
        if given.get(elsewhere) not in (None, False, [], {}):
            raise BadRequest(
                f"Unsupported parameter: '{elsewhere}'. In the Responses API it is called "
                f"'{here}'.",
                code="unsupported_parameter",
                param=elsewhere,
            )
