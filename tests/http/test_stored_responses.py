"""What is kept of responses, and for whom."""

from typing import Any

import httpx
import pytest
from openai.types.responses.response_item_list import ResponseItemList

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_server.http.service import Timings
from tests.http.responding import HELLO, kept, refused, said, streamed
from tests.http.rig import Launch, Rig
from tests.openai_types import strict_response, strictly


def test_it_comes_back_as_it_was(shared: Rig) -> None:
    for first in (said(shared, top_logprobs=1), streamed(shared)[-1]["response"]):
        again = shared.get(f"/v1/responses/{first['id']}", params={"include[]": "x"})
        assert again.status_code == 200
        assert strict_response(again.json()).id == first["id"]
        assert again.json() == first


def test_replaying_its_stream_is_refused(shared: Rig) -> None:
    first = said(shared)
    response = shared.get(f"/v1/responses/{first['id']}?stream=true")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "stream"
    assert shared.get(f"/v1/responses/{first['id']}?stream=false").json() == first


def test_deleting_one_in_the_middle(shared: Rig) -> None:
    first = said(shared)
    second = said(shared, previous_response_id=first["id"])
    third = said(shared, previous_response_id=second["id"])
    gone = shared.http.delete(f"/v1/responses/{second['id']}")
    assert gone.json() == {"id": second["id"], "object": "response", "deleted": True}
    for again in (shared.http.delete, shared.http.get):
        error = again(f"/v1/responses/{second['id']}")
        assert error.status_code == 404
        assert second["id"] in error.json()["error"]["message"]
    error = refused(shared, previous_response_id=third["id"])
    assert error["code"] == "previous_response_not_found"
    assert "deleted or has expired" in error["message"]
    assert second["id"] in error["message"]
    said(shared, previous_response_id=first["id"])


def test_after_its_time_it_is_gone(launch: Launch, home: Home) -> None:
    rig = launch(timings=Timings(responses=0, sweep=0.02))
    first = said(rig)
    assert rig.get(f"/v1/responses/{first['id']}").status_code == 404
    assert refused(rig, previous_response_id=first["id"])["code"] == "previous_response_not_found"
    error = refused(rig, input=[{"type": "item_reference", "id": first["output"][0]["id"]}])
    assert error["code"] == "item_not_found"
    for _ in range(1000):  # the server sweeps by itself
        if kept(home) == 0:
            return
        rig.thread.join(0.02)
    pytest.fail("nothing was swept")


def test_one_key_s_responses_are_not_another_s(launch: Launch, home: Home) -> None:
    with Registry(home) as registry:
        marie, paul = registry.keys.add("marie"), registry.keys.add("paul")
    rig = launch()

    def with_key(key: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"api-key": key}
        return rig.http.request(method, f"/v1/responses{path}", json=body, headers=headers)

    first = with_key(marie, "POST", "", HELLO).json()["id"]
    for method, path in (
        ("GET", ""),
        ("GET", "/input_items"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        assert with_key(paul, method, f"/{first}{path}").status_code == 404
    stolen = with_key(paul, "POST", "", {**HELLO, "previous_response_id": first})
    assert stolen.json()["error"]["code"] == "previous_response_not_found"
    assert with_key(marie, "GET", f"/{first}").status_code == 200
    with Registry(home) as registry:
        registry.keys.remove("marie")
        another = registry.keys.add("marie")
    assert with_key(another, "GET", f"/{first}").status_code == 404
    with Registry(home) as registry:
        registry.keys.remove("marie")
        registry.keys.remove("paul")
    assert with_key("", "GET", f"/{first}").status_code == 404


def test_its_input_items_in_pages(shared: Rig) -> None:
    items: list[Any] = [{"role": "user", "content": f"Item {number}"} for number in range(7)]
    first = said(shared, input=items)
    said(shared, previous_response_id=first["id"])

    def page(**params: Any) -> Any:
        found = shared.get(f"/v1/responses/{first['id']}/input_items", params=params)
        assert found.status_code == 200
        strictly(ResponseItemList, found.json())
        return found.json()

    def texts(found: Any) -> list[str]:
        return [item["content"][0]["text"] for item in found["data"]]

    newest_first = [f"Item {number}" for number in reversed(range(7))]
    assert texts(page()) == newest_first
    assert texts(page(order="asc")) == newest_first[::-1]
    one = page(limit=3)
    assert (one["has_more"], one["first_id"]) == (True, one["data"][0]["id"])
    two = page(limit=4, after=one["last_id"])
    assert (two["has_more"], texts(one) + texts(two)) == (False, newest_first)
    for params, param in (
        ({"limit": 0}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": 101}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "msg_nope"}, "after"),
    ):
        found = shared.get(f"/v1/responses/{first['id']}/input_items", params=params)
        assert (found.status_code, found.json()["error"]["param"]) == (400, param)


def test_only_its_own_input_is_listed(shared: Rig) -> None:
    first = said(shared)
    second = said(shared, input="And now?", previous_response_id=first["id"])
    [item] = shared.get(f"/v1/responses/{second['id']}/input_items").json()["data"]
    assert item["content"] == [{"type": "input_text", "text": "And now?"}]


def test_nothing_is_to_be_cancelled(shared: Rig) -> None:
    first = said(shared)
    response = shared.http.post(f"/v1/responses/{first['id']}/cancel")
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "Cannot cancel a synchronous response."
    assert shared.http.post("/v1/responses/resp_nope/cancel").status_code == 404
