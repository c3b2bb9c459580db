"""What every answer tells of its cost and of what it was made with."""

import hashlib
import time
import uuid
from typing import Any

import msgspec

from bluey_server.http.names import Model
from bluey_server.http.request.text_request import TextRequest
from bluey_server.http.version import version


class PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int = 0
    audio_tokens: int = 0


class CompletionDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    """Tokens in and out."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails = PromptDetails()
    completion_tokens_details: CompletionDetails = CompletionDetails()


def usage(prompt_tokens: int, completion_tokens: int, cached_tokens: int) -> Usage:
    """Of a whole request: its prompts counted once each, all answers to them together."""
    return Usage(
        prompt_tokens,
        completion_tokens,
        prompt_tokens + completion_tokens,
        PromptDetails(cached_tokens),
    )


def system_fingerprint(model: Model) -> str:
    """What equal seeds give equal answers under: weights, adapter and engine."""
    parts = (model.base.fingerprint, model.digest or "-", version())
    return "fp_" + hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def same_in_every_part(prefix: str, request: TextRequest, model: Model) -> dict[str, Any]:
    """Members of a whole answer and of each of its parts, with a new id."""
    same = {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": request.model,
        "system_fingerprint": system_fingerprint(model),
    }
    if request.service_tier is not None:
        same["service_tier"] = "default"  # whatever was asked for, this is the one there is
    return same
