"""POST /v1/completions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.types import ASGIApp

from bluey_server.http.answer.reply import Reply
from bluey_server.http.completions.answer import CompletionAnswer
from bluey_server.http.completions.prompt import prepare_prompts
from bluey_server.http.completions.request import CompletionRequest, read_completion_request
from bluey_server.http.exchange import exchange_of
from bluey_server.http.names import Model
from bluey_server.http.request.prompt import Prompt
from bluey_server.http.service import Service


@dataclass(frozen=True)
class CompletionForm:
    """Bare prompts; see reply.Form."""

    request: CompletionRequest
    params: ClassVar[Mapping[str, str]] = {"messages": "prompt"}

    async def prompts(self, model: Model, request_id: str) -> list[Prompt]:
        """As given, in token ids."""
        return await prepare_prompts(self.request, model, request_id)

    def answer(self, model: Model, prompt_tokens: int) -> CompletionAnswer:
        """Writes completions."""
        return CompletionAnswer(self.request, model, prompt_tokens)


@post("/v1/completions", status_code=200)
async def create_completion(
    request: Request[Any, Any, Any], service: NamedDependency[Service]
) -> ASGIApp:
    """Continue prompts."""
    exchange_of(request.scope).generates = True
    service.refuse_when_draining()
    asked = await service.bodies.read(request, read_completion_request)
    return Reply(service, CompletionForm(asked))
