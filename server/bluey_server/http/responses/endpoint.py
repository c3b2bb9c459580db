"""POST /v1/responses: conversations of which only the new is sent.

What each turn asked and answered is kept in the registry for a while (stored.py shows
it), so that the next turn may name it, at this server or at another one with the same registry.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.types import ASGIApp

from bluey_adapters.chat_template import TemplateRefused
from bluey_adapters.errors import UnknownResponse
from bluey_adapters.registry import Registry
from bluey_adapters.response_table import StoredResponse
from bluey_server.http.answer.reply import Reply
from bluey_server.http.errors import BadRequest
from bluey_server.http.exchange import exchange_of
from bluey_server.http.names import Model
from bluey_server.http.request.prompt import Prompt, prepare_prompt
from bluey_server.http.responses.answer import ResponseAnswer
from bluey_server.http.responses.items import Item
from bluey_server.http.responses.messages import (
    Message,
    check_calls,
    messages_of,
    neighbours_joined,
)
from bluey_server.http.responses.object import ResponseObject
from bluey_server.http.responses.request import ResponseRequest, read_response_request
from bluey_server.http.service import Service


class ResponseForm:
    """One turn of a conversation; see reply.Form."""

    params: ClassVar[Mapping[str, str]] = {"messages": "input", "response_format": "text.format"}

    def __init__(self, service: Service, request: ResponseRequest, owner: str) -> None:
        """`owner` is whose responses may be gone on from, and whose this will be."""
        self.request = request
        self._service = service
        self._owner = owner
        self._items: list[Item] = []  # of this turn, once what they refer to is found

    async def prompts(self, model: Model, request_id: str) -> list[Prompt]:
        """The whole conversation, written down. Raises BadRequest, NoChatTemplate."""
        earlier = await self._earlier()
        self._items = await self._own()
        items = [*earlier, *self._items]
        forms = await asyncio.to_thread(_forms, items, self.request.instructions)
        refusal: TemplateRefused | None = None
        for form in forms:
            request = msgspec.structs.replace(self.request, messages=form)
            try:
                return [await prepare_prompt(request, model, request_id, "input")]
            except TemplateRefused as error:
                refusal = refusal or error
        raise BadRequest(str(refusal), code="invalid_messages", param="input")

    def answer(self, model: Model, prompt_tokens: int) -> ResponseAnswer:
        """Writes the response."""
        return ResponseAnswer(self.request, model, prompt_tokens, self._keep)

    async def _earlier(self) -> list[Item]:
        previous, owner = self.request.previous_response_id, self._owner
        if previous is None:
            return []
        try:
            return await self._service.registry.call(
                lambda registry: registry.responses.conversation(previous, owner)
            )
        except UnknownResponse as error:
            told = f"Previous response with id '{previous}' not found."
            if error.response_id != previous:
                told = (
                    f"Previous response with id '{previous}' can't be continued: it goes back to "
                    f"'{error.response_id}', which was deleted or has expired."
                )
            raise BadRequest(
                told, code="previous_response_not_found", param="previous_response_id"
            ) from None

    async def _own(self) -> list[Item]:
        """The items of this turn, with what they refer to in its place."""
        items, owner = self.request.items, self._owner
        wanted = {item["id"] for item in items if item["type"] == "item_reference"}
        if not wanted:
            return items
        known = await self._service.registry.call(
            lambda registry: {found: registry.responses.item(found, owner) for found in wanted}
        )
        return [
            _found(place, item, known) if item["type"] == "item_reference" else item
            for place, item in enumerate(items)
        ]

    async def _keep(self, response: ResponseObject) -> None:
        if not self.request.store:
            return
        keep = self._service.timings.responses

        def add(registry: Registry) -> None:
            body = msgspec.to_builtins(response)
            stored = StoredResponse(
                id=response.id,
                previous_id=response.previous_response_id,
                owner=self._owner,
                output=body.pop("output"),
                body=body,
                input=self._items,
            )
            registry.responses.add(stored, keep=keep)

        await self._service.registry.call(add)


def _forms(items: list[Item], instructions: str | None) -> tuple[list[Message], list[Message]]:
    """The messages that items come to, and a second try. Takes a while if there are many."""
    check_calls(items)
    messages = messages_of(items, instructions)
    return messages, neighbours_joined(messages)


def _found(place: int, reference: Item, known: Mapping[str, Item | None]) -> Item:
    found = known[reference["id"]]
    if found is None:
        raise BadRequest(
            f"Item with id '{reference['id']}' not found. Items are kept with their response: for "
            "a day, and not when its 'store' is false.",
            code="item_not_found",
            param=f"input[{place}].id",
        )
    return found


class InputTokens(msgspec.Struct, frozen=True):
    """How long a prompt would be."""

    input_tokens: int
    object: str = "response.input_tokens"


@post("/v1/responses", status_code=200)
async def create_response(
    request: Request[Any, Any, Any], service: NamedDependency[Service]
) -> ASGIApp:
    """Go on with a conversation, or begin one."""
    exchange = exchange_of(request.scope)
    exchange.generates = True
    service.refuse_when_draining()
    asked = await service.bodies.read(request, read_response_request)
    return Reply(service, ResponseForm(service, asked, exchange.owner))


@post("/v1/responses/input_tokens", status_code=200)
async def count_input_tokens(
    request: Request[Any, Any, Any], service: NamedDependency[Service]
) -> InputTokens:
    """Count the tokens of what would be the prompt."""
    exchange = exchange_of(request.scope)
    asked = await service.bodies.read(request, read_response_request)
    exchange.model, exchange.ignored = asked.model, asked.ignored
    model = await service.names.resolve(asked.model)
    form = ResponseForm(service, asked, exchange.owner)
    [prompt] = await service.bodies.take_turn(exchange.body_bytes, form.prompts(model, exchange.id))
    return InputTokens(len(prompt.generation.prompt))
