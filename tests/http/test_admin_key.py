"""The admin key, and how a browser shows it."""

import base64
import re
from typing import Any

import pytest

from bluey_adapters.home import Home
from bluey_server.http.access import Access
from bluey_server.http.keys import is_admin
from tests.http.rig import ADMIN, ADMIN_KEY, Launch, Rig
from tests.http.test_keys import BEARER, add


def basic(password: str) -> dict[str, str]:
    """What a browser sends once its user has typed the password."""
    return {"authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


def browser(site: str, mode: str = "navigate", goal: str = "document") -> dict[str, str]:
    """What a browser tells of who asks."""
    told = {"site": site, "mode": mode, "dest": goal}
    return {"accept": "text/html,*/*", **{f"sec-fetch-{key}": word for key, word in told.items()}}


@pytest.mark.parametrize("path", ["/admin/status", "/admin/reports", "//admin/status/", "/admin/x"])
def test_admin_wants_the_admin_key_even_where_no_other_is(shared: Rig, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"api-key": ""}, basic("wrong")):
        response = shared.http.get(shared.url + path, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == BEARER
        assert response.json()["error"]["code"] == "invalid_api_key"
    for headers in (ADMIN, {"api-key": ADMIN_KEY}, basic(ADMIN_KEY)):
        status = shared.http.get(shared.url + path, headers=headers).status_code
        assert status == (404 if path.endswith("x") else 200)


def test_no_api_key_opens_admin(launch: Launch, home: Home) -> None:
    rig = launch(access=Access(api_key="sesame"))
    for key in ("sesame", add(home, "marie")):
        headers = {"authorization": f"Bearer {key}"}
        assert rig.http.get("/v1/models", headers=headers).status_code == 200
        assert rig.http.get("/admin/status", headers=headers).status_code == 401


def test_without_an_admin_key_admin_is_closed() -> None:
    assert Access().admin_key is None
    assert is_admin("/admin") and is_admin("//admin//x")
    assert not is_admin("/administrator") and not is_admin("/v1/admin") and not is_admin("/")


def test_a_browser_is_asked_and_let_in(shared: Rig) -> None:
    asked = shared.http.get("/admin/reports", headers=browser("none"))
    assert asked.status_code == 401
    assert re.match(r'Basic realm=".+", charset="UTF-8"$', asked.headers["www-authenticate"])
    let_in = shared.http.get("/admin/reports", headers={**browser("none"), **basic(ADMIN_KEY)})
    assert let_in.status_code == 200
    assert "text/html" in let_in.headers["content-type"]
    assert let_in.headers["x-frame-options"] == "DENY"
    assert let_in.headers["cross-origin-resource-policy"] == "same-origin"
    assert "x-frame-options" not in shared.get("/v1/models").headers
    # A link on another page leads there too; it sees nothing of what it leads to.
    linked = {**browser("cross-site"), **basic(ADMIN_KEY)}
    assert shared.http.get("/admin/reports", headers=linked).status_code == 200


@pytest.mark.parametrize(
    ("mode", "goal"),
    [("no-cors", "script"), ("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")],
)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_pages_cannot_use_what_the_browser_remembers(
    shared: Rig, site: str, mode: str, goal: str
) -> None:
    headers = {**browser(site, mode, goal), **basic(ADMIN_KEY)}
    response = shared.http.get("/admin/status", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == BEARER  # no dialog over somebody's page


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_the_browser_remembers_can_change_nothing(shared: Rig, method: str) -> None:
    def ask(headers: dict[str, Any]) -> int:
        return shared.http.request(method, "/admin/status", headers=headers).status_code

    assert ask({**browser("same-origin"), **basic(ADMIN_KEY)}) == 401
    assert ask(ADMIN) == 405


def test_admin_is_for_our_names_only_whatever_key_is_shown(shared: Rig) -> None:
    for headers in (ADMIN, basic(ADMIN_KEY)):
        rebound = {**headers, "host": "evil.example"}
        assert shared.http.get("/admin/status", headers=rebound).status_code == 403
        page = {**headers, "origin": "https://evil.example"}
        assert shared.http.get("/admin/status", headers=page).status_code == 403


@pytest.mark.parametrize("token", ["x", "!!", "bm9jb2xvbg==", "/w=="])
def test_a_basic_header_that_is_none(shared: Rig, token: str) -> None:
    headers = {"authorization": f"Basic {token}"}
    assert shared.http.get("/admin/status", headers=headers).status_code == 401
