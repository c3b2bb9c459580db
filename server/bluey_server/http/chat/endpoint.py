"""POST /v1/chat/completions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.types import ASGIApp

from bluey_server.http.answer.reply import Reply
from bluey_server.http.chat.answer import ChatAnswer
from bluey_server.http.chat.request import ChatRequest, read_chat_request
from bluey_server.http.exchange import exchange_of
from bluey_server.http.names import Model
from bluey_server.http.request.prompt import Prompt, prepare_prompt
from bluey_server.http.service import Service


@dataclass(frozen=True)
class ChatForm:
    """Conversations; see reply.Form."""

    request: ChatRequest
    params: ClassVar[Mapping[str, str]] = {}

    async def prompts(self, model: Model, request_id: str) -> list[Prompt]:
        """The conversation, written down."""
        return [await prepare_prompt(self.request, model, request_id)]

    def answer(self, model: Model, prompt_tokens: int) -> ChatAnswer:
        """Writes chat completions."""
        return ChatAnswer(self.request, model, prompt_tokens)


@post("/v1/chat/completions", status_code=200)
async def create_chat_completion(
    request: Request[Any, Any, Any], service: NamedDependency[Service]
) -> ASGIApp:
    """Continue a conversation."""
    exchange_of(request.scope).generates = True
    service.refuse_when_draining()
    return Reply(service, ChatForm(await service.bodies.read(request, read_chat_request)))
