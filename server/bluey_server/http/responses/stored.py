"""GET and DELETE /v1/responses/{id}, and what was said to it: responses that are kept."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from bluey_adapters.response_table import Json, StoredResponse
from bluey_server.http.errors import BadRequest
from bluey_server.http.exchange import exchange_of
from bluey_server.http.request.kinds import Integer, Text
from bluey_server.http.service import Service

_MOST = 100
_USUAL = 20


class ItemPage(msgspec.Struct, frozen=True):
    """Some of the items."""

    data: list[Json]
    first_id: str
    last_id: str
    has_more: bool
    object: str = "list"


class DeletedResponse(msgspec.Struct, frozen=True):
    id: str
    object: str = "response"
    deleted: bool = True


class StoredResponsesController(Controller):
    """What `store` has kept, for whoever has the key that it was made with."""

    path = "/v1/responses/{response_id:str}"

    @get()
    async def get_response(
        self,
        request: Request[Any, Any, Any],
        service: NamedDependency[Service],
        response_id: FromPath[str],
    ) -> Json:
        """The response as it was answered."""
        if request.query_params.get("stream", "false").lower() not in ("false", "0", ""):
            raise BadRequest(
                "Unsupported value: 'stream' does not support true here: events are not kept. Get "
                "the response without it.",
                code="unsupported_value",
                param="stream",
            )
        stored = await _stored(request, service, response_id)
        return {**stored.body, "output": stored.output}

    @delete(status_code=200)
    async def delete_response(
        self,
        request: Request[Any, Any, Any],
        service: NamedDependency[Service],
        response_id: FromPath[str],
    ) -> DeletedResponse:
        """Forget it. What goes on from it can't be gone on from any more."""
        owner = exchange_of(request.scope).owner
        await service.registry.call(lambda registry: registry.responses.remove(response_id, owner))
        return DeletedResponse(response_id)

    @get("/input_items")
    async def list_input_items(
        self,
        request: Request[Any, Any, Any],
        service: NamedDependency[Service],
        response_id: FromPath[str],
    ) -> ItemPage:
        """What was said in its own turn, the last first unless `order` says otherwise."""
        asked = request.query_params
        limit = _number(asked.get("limit", str(_USUAL)))
        order = Text(("asc", "desc")).check("order", asked.get("order", "desc"))
        items = list((await _stored(request, service, response_id)).input)
        if order == "desc":
            items.reverse()
        if "after" in asked:
            items = items[_place(items, asked["after"]) + 1 :]
        page = items[:limit]
        first, last = (page[0]["id"], page[-1]["id"]) if page else ("", "")
        return ItemPage(page, first, last, has_more=len(items) > limit)

    @post("/cancel", status_code=200)
    async def cancel_response(
        self,
        request: Request[Any, Any, Any],
        service: NamedDependency[Service],
        response_id: FromPath[str],
    ) -> Response[bytes]:
        """Refused: one that is kept is over, and one that isn't is cancelled by hanging up."""
        await _stored(request, service, response_id)
        raise BadRequest("Cannot cancel a synchronous response.", code="invalid_value", param=None)


async def _stored(
    request: Request[Any, Any, Any], service: Service, response_id: str
) -> StoredResponse:
    owner = exchange_of(request.scope).owner
    return await service.registry.call(lambda registry: registry.responses.get(response_id, owner))


def _number(given: str) -> int:
    number: Any = int(given) if given.isdecimal() and len(given) < 10 else given
    return Integer(1, _MOST).check("limit", number)


def _place(items: list[Json], item_id: str) -> int:
    for place, item in enumerate(items):
        if item["id"] == item_id:
            return place
    raise BadRequest(
        f"Invalid 'after': there is no item with id '{item_id[:100]}' here.",
        code="invalid_value",
        param="after",
    )
