"""Whether an answer is what its type in the `openai` package says, to the letter.

The client itself takes whatever comes: it builds its objects without looking.
"""

from typing import Any

from openai import BaseModel
from openai.pagination import SyncCursorPage
from openai.types import Completion, CompletionChoice, CompletionUsage, Model
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    chat_completion,
    chat_completion_chunk,
)
from openai.types.responses import (
    Response,
    ResponseFunctionCallArgumentsDoneEvent,
    response_text_delta_event,
    response_text_done_event,
)
from pydantic import TypeAdapter

MORE: dict[type[BaseModel], set[str]] = {
    Model: {
        *("root", "parent", "base_fingerprint"),
        *("version", "digest", "dataset_digest", "job", "metrics"),
    },
    # What OpenAI's API has and this version's types don't.
    SyncCursorPage: {"object", "first_id", "last_id"},
    Response: {"store"},
    ResponseFunctionCallArgumentsDoneEvent: {"name"},  # in those of 2.x, be there it must
    response_text_delta_event.Logprob: {"bytes"},
    response_text_delta_event.LogprobTopLogprob: {"bytes"},
    response_text_done_event.Logprob: {"bytes"},
    response_text_done_event.LogprobTopLogprob: {"bytes"},
}
"""Keys beyond those of the types."""

PROMISED: dict[type[BaseModel], set[str]] = {
    ChatCompletion: {"system_fingerprint", "usage"},
    chat_completion.Choice: {"logprobs"},
    ChatCompletionMessage: {"content", "refusal"},
    ChatCompletionChunk: {"system_fingerprint"},
    chat_completion_chunk.Choice: {"finish_reason", "logprobs"},
    Completion: {"system_fingerprint"},
    CompletionChoice: {"logprobs"},
    CompletionUsage: {"prompt_tokens_details", "completion_tokens_details"},
}
"""Keys that OpenAI always sends though the types let them be absent."""


def strictly(answer: BaseModel) -> None:
    """Raise AssertionError or ValidationError for what isn't so: a wrong type, a key too few or
    too many."""
    checked: BaseModel = TypeAdapter(type(answer)).validate_json(
        answer.to_json(exclude_unset=True), strict=True
    )
    _check_keys(checked, type(checked).__name__)


def _check_keys(value: Any, place: str) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check_keys(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_keys(item, f"{place}[{key!r}]")
    elif isinstance(value, BaseModel):
        known = {key for kind, keys in MORE.items() if isinstance(value, kind) for key in keys}
        unknown = set(value.model_extra or ()) - known
        assert not unknown, f"{place} has keys that nobody knows: {unknown}"
        missing = PROMISED.get(type(value), set()) - value.model_fields_set
        assert not missing, f"{place} lacks {missing}"
        for name in value.model_fields_set:
            _check_keys(getattr(value, name), f"{place}.{name}")
