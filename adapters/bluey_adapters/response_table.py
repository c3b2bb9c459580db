"""The registry's responses: what was asked and answered, for a while, so that others may go on.

Each holds its own turn and the id of the one before, so that a conversation of any length takes
up no more than what was said in it. What objects and items look like is the server's affair: here
they are JSON, and only an item's `id` is looked at.

A response is its owner's. To anybody else it is as if it weren't there.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from bluey_adapters.database import NOW, Database
from bluey_adapters.errors import UnknownResponse

Json = dict[str, Any]

_CHAIN = f"""
    WITH RECURSIVE chain (id, previous_id, depth) AS (
        SELECT id, previous_id, 0 FROM responses
        WHERE id = ? AND owner = ? AND expires_at > {NOW}
        UNION ALL
        SELECT earlier.id, earlier.previous_id, depth + 1
        FROM chain JOIN responses AS earlier ON earlier.id = chain.previous_id
        WHERE earlier.owner = ? AND earlier.expires_at > {NOW}
    )
"""


class StoredResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of a conversation."""

    id: str
    previous_id: str | None
    owner: str
    body: Json  # the object, but for its output
    input: Sequence[Json]  # items that were new in this turn; each has an "id"
    output: Sequence[Json]


class ResponseTable:
    """Responses and their items."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, response: StoredResponse, *, keep: float) -> None:
        """Keep a response for `keep` seconds, and as long what it goes on from: a conversation
        ends a while after its last turn, not after its first."""
        items = [(item, False) for item in response.input]
        items += [(item, True) for item in response.output]
        with self._database.transaction():
            if response.previous_id is not None:
                self._database.execute(
                    f"{_CHAIN} UPDATE responses SET expires_at = MAX(expires_at, {NOW} + ?)"
                    " WHERE id IN (SELECT id FROM chain)",
                    response.previous_id,
                    response.owner,
                    response.owner,
                    keep,
                )
            self._database.execute(
                "INSERT INTO responses (id, previous_id, owner, created_at, expires_at, body)"
                f" VALUES (?, ?, ?, {NOW}, {NOW} + ?, ?)",
                response.id,
                response.previous_id,
                response.owner,
                keep,
                _dump(response.body),
            )
            for place, (item, output) in enumerate(items):
                self._database.execute(
                    "INSERT INTO response_items (response_id, place, output, id, item)"
                    " VALUES (?, ?, ?, ?, ?)",
                    response.id,
                    place,
                    output,
                    item["id"],
                    _dump(item),
                )

    def get(self, response_id: str, owner: str) -> StoredResponse:
        """One response. Raises UnknownResponse."""
        row = self._database.execute(
            f"SELECT * FROM responses WHERE id = ? AND owner = ? AND expires_at > {NOW}",
            response_id,
            owner,
        ).fetchone()
        if row is None:
            raise UnknownResponse(response_id)
        items = self._database.execute(
            "SELECT * FROM response_items WHERE response_id = ? ORDER BY place", response_id
        ).fetchall()
        return StoredResponse(
            id=response_id,
            previous_id=row["previous_id"],
            owner=owner,
            body=msgspec.json.decode(row["body"]),
            input=[_item(item) for item in items if not item["output"]],
            output=[_item(item) for item in items if item["output"]],
        )

    def conversation(self, response_id: str, owner: str) -> list[Json]:
        """All items up to and with a response, from the first one's on.

        Raises UnknownResponse for it, or for one before it that is no longer there.
        """
        with self._database.snapshot():
            first = self._database.execute(
                f"{_CHAIN} SELECT id, previous_id FROM chain ORDER BY depth DESC LIMIT 1",
                response_id,
                owner,
                owner,
            ).fetchone()
            if first is None:
                raise UnknownResponse(response_id)
            if first["previous_id"] is not None:
                raise UnknownResponse(first["previous_id"])
            items = self._database.execute(
                f"{_CHAIN} SELECT item FROM chain"
                " JOIN response_items ON response_items.response_id = chain.id"
                " ORDER BY depth DESC, place",
                response_id,
                owner,
                owner,
            ).fetchall()
        return [_item(item) for item in items]

    def item(self, item_id: str, owner: str) -> Json | None:
        """An item of any response, by its id; the newest, where a client has given an id twice."""
        row = self._database.execute(
            "SELECT item FROM response_items JOIN responses"
            " ON responses.id = response_items.response_id"
            f" WHERE response_items.id = ? AND owner = ? AND expires_at > {NOW}"
            " ORDER BY responses.rowid DESC LIMIT 1",
            item_id,
            owner,
        ).fetchone()
        return None if row is None else _item(row)

    def remove(self, response_id: str, owner: str) -> None:
        """Forget a response. Raises UnknownResponse."""
        removed = self._database.execute(
            f"DELETE FROM responses WHERE id = ? AND owner = ? AND expires_at > {NOW}",
            response_id,
            owner,
        )
        if removed.rowcount == 0:
            raise UnknownResponse(response_id)

    def sweep(self) -> int:
        """Forget all that have been kept for long enough; return how many."""
        return self._database.execute(f"DELETE FROM responses WHERE expires_at <= {NOW}").rowcount


def _dump(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def _item(row: sqlite3.Row) -> Json:
    item: Json = msgspec.json.decode(row["item"])
    return item
