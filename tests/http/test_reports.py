"""Reports: listed, shown, and nothing else shown in their place."""

import http.client
import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bluey_adapters.home import Home
from bluey_server.http.access import Access
from tests.http.rig import ADMIN, Launch, Rig

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def add_report(folder: Path, figures: dict[str, Any] | bytes | None = None) -> Path:
    """Write a report, with the figures given or those of any report."""
    if figures is None:
        figures = {"id": folder.name, "title": f"About {folder.name}", "created_at": 1.7e9}
    folder.mkdir(parents=True)
    (folder / "report.html").write_text(f"<!doctype html><title>{folder.name} ä</title>")
    content = figures if isinstance(figures, bytes) else json.dumps(figures).encode()
    (folder / "report.json").write_bytes(content)
    return folder


def get_raw(rig: Rig, path: str) -> tuple[int, bytes]:
    """A path as it stands: httpx would take the dots out of it before it is sent."""
    connection = http.client.HTTPConnection(urlsplit(rig.url).netloc, timeout=30)
    try:
        connection.request("GET", path, headers=ADMIN)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Links(HTMLParser):
    """The links of a page: address and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str | None, str]] = []
        self._href: str | None = None
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self._href = dict(attrs)["href"]

    def handle_data(self, data: str) -> None:
        if self._href is not None:
            self.found.append((self._href, data))
            self._href = None


def test_there_are_none_at_first(launch: Launch, home: Home) -> None:
    rig = launch()
    assert home.reports.is_dir()
    assert rig.get("/admin/reports").json() == []
    assert "none yet" in rig.get("/admin/reports", headers=BROWSER).text
    home.reports.rmdir()
    assert rig.get("/admin/reports").json() == []


def test_the_newest_is_first_and_none_waits_for_a_restart(launch: Launch, home: Home) -> None:
    rig = launch()
    add_report(home.reports / "a", {"title": "Old", "created_at": 100, "models": [{}]})
    add_report(home.reports / "b", {"title": "New", "created_at": 300.5})
    add_report(home.reports / "c", {"title": "Between", "created_at": 200})
    assert rig.get("/admin/reports").json() == [
        {"id": "b", "title": "New", "created_at": 300.5, "url": "/admin/reports/b"},
        {"id": "c", "title": "Between", "created_at": 200, "url": "/admin/reports/c"},
        {"id": "a", "title": "Old", "created_at": 100, "url": "/admin/reports/a"},
    ]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (BROWSER["accept"], "text/html"),
        ("text/html", "text/html"),
        ("*/*", "application/json"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("image/png", "application/json"),
    ],
)
def test_a_page_for_browsers_and_json_for_others(shared: Rig, accept: str, kind: str) -> None:
    response = shared.get("/admin/reports", headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == kind
    assert response.headers["vary"] == "accept"


def test_the_page_links_to_each(launch: Launch, home: Home) -> None:
    title = '<script>alert("1")</script> & {more}'
    add_report(home.reports / "2024-01_a.b", {"title": title, "created_at": 1.7e9})
    add_report(home.reports / "broken", b"{")
    rig = launch()
    page = rig.get("/admin/reports", headers=BROWSER).text
    links = Links(page)
    assert links.found == [
        ("/admin/reports/2024-01_a.b", title),
        ("/admin/reports/broken", "broken"),
    ]
    assert "script" not in links.tags
    assert "2023-11-14 22:13 UTC" in page
    for href, _ in links.found:
        assert rig.get(str(href)).status_code == 200


@pytest.mark.parametrize(
    "figures",
    [
        b"",
        b"[]",
        b"{}",
        b'{"title": "T"}',
        b'{"title": 1, "created_at": 1}',
        b'{"title": "T", "created_at": "yesterday"}',
        b'{"title": "T", "created_at": NaN}',
        b'{"title": "T", "created_at": 1e20}',
        b'{"title": "T", "created_at": -1e20}',
        b'{"title": "\xff", "created_at": 1}',
        b'{"deep": ' + b"[" * 100_000,
    ],
    ids=lambda figures: figures[:40].decode("latin-1"),
)
def test_a_broken_one_is_listed_by_its_id(launch: Launch, home: Home, figures: bytes) -> None:
    add_report(home.reports / "broken", figures)
    add_report(home.reports / "whole", {"title": "Whole", "created_at": 0})
    rig = launch()
    whole, broken = rig.get("/admin/reports").json()
    assert whole["title"] == "Whole"
    url = "/admin/reports/broken"
    assert broken == {"id": "broken", "title": None, "created_at": None, "url": url}
    assert (url, "broken") in Links(rig.get("/admin/reports", headers=BROWSER).text).found
    assert rig.get(url).status_code == 200
    assert rig.get(f"{url}/report.json").content == figures


def test_only_whole_folders_are_reports(launch: Launch, home: Home) -> None:
    (home.reports / "empty").mkdir(parents=True)
    (home.reports / "a-file").write_text("")
    (add_report(home.reports / "no-page") / "report.html").unlink()
    (add_report(home.reports / "no-figures") / "report.json").unlink()
    (add_report(home.reports / "page-is-folder") / "report.html").unlink()
    (home.reports / "page-is-folder" / "report.html").mkdir()
    (add_report(home.reports / "page-is-pipe") / "report.html").unlink()
    os.mkfifo(home.reports / "page-is-pipe" / "report.html")
    add_report(home.reports / "other letters")
    add_report(home.reports / ".being-written")
    names = [folder.name for folder in home.reports.iterdir()]
    rig = launch()
    assert rig.get("/admin/reports").json() == []
    for name in names:
        assert rig.get(f"/admin/reports/{name}").status_code == 404


def test_one_report_and_its_figures(launch: Launch, home: Home) -> None:
    folder = add_report(home.reports / "Pup-1_v2.0")
    rig = launch()
    page = rig.get("/admin/reports/Pup-1_v2.0")
    assert page.content == (folder / "report.html").read_bytes()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    figures = rig.get("/admin/reports/Pup-1_v2.0/report.json")
    assert figures.json()["title"] == "About Pup-1_v2.0"
    assert figures.headers["content-type"] == "application/json"
    assert rig.http.head("/admin/reports/Pup-1_v2.0", headers=ADMIN).content == b""


def test_pages_may_load_nothing(launch: Launch, home: Home) -> None:
    add_report(home.reports / "a")
    rig = launch()
    for path in ("/admin/reports", "/admin/reports/a", "/admin/reports/a/report.json"):
        headers = rig.get(path, headers=BROWSER).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["nobody", "nobody/report.json", "a%0A", "%C3%A4", "x" * 5000])
def test_one_that_is_not_there(launch: Launch, home: Home, path: str) -> None:
    add_report(home.reports / "a")
    status, content = get_raw(launch(), f"/admin/reports/{path}")
    assert status == 404
    error = json.loads(content)["error"]
    assert error["code"] == "report_not_found"
    assert error["type"] == "invalid_request_error"
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "%2e%2e",
        ".",
        "%2e",
        "../outside",
        "..%2Foutside",
        "%2e%2e%2foutside",
        "a/../../outside",
        "a/secret.txt",
        "%252e%252e",
        "a%00",
    ],
)
@pytest.mark.parametrize("file", ["", "/report.json"])
def test_no_path_leads_outside(launch: Launch, home: Home, path: str, file: str) -> None:
    # The home itself and both neighbours look like reports, so that a path to them would find one.
    add_report(home.root)
    add_report(home.root / "outside")
    (add_report(home.reports / "a") / "secret.txt").write_text("secret")
    for name in ("report.html", "report.json"):
        (home.reports / name).write_text("{}")
    status, content = get_raw(launch(), f"/admin/reports/{path}{file}")
    assert status == 404
    assert set(json.loads(content)["error"]) == {"message", "type", "param", "code"}


def test_links_lead_nowhere_outside(launch: Launch, home: Home) -> None:
    outside = add_report(home.root / "outside")
    add_report(home.reports / "inside")
    (home.reports / "folder").symlink_to(outside)
    (home.reports / "ring").symlink_to(home.reports / "ring")
    for name in ("report.html", "report.json"):
        file = add_report(home.reports / f"to-{name}") / name
        file.unlink()
        file.symlink_to(outside / name)
    (home.reports / "latest").symlink_to("inside")
    rig = launch()
    assert [card["id"] for card in rig.get("/admin/reports").json()] == ["inside", "latest"]
    assert rig.get("/admin/reports/latest").status_code == 200
    for name in ("folder", "ring", "to-report.html", "to-report.json"):
        assert rig.get(f"/admin/reports/{name}").status_code == 404
        assert rig.get(f"/admin/reports/{name}/report.json").status_code == 404


def test_the_folder_of_all_may_be_a_link(launch: Launch, home: Home, tmp_path: Path) -> None:
    add_report(tmp_path / "elsewhere" / "a")
    home.root.mkdir()
    home.reports.symlink_to(tmp_path / "elsewhere")
    rig = launch()
    assert [card["id"] for card in rig.get("/admin/reports").json()] == ["a"]
    assert rig.get("/admin/reports/a").status_code == 200


def test_they_need_the_admin_key_and_a_name_of_ours(launch: Launch, home: Home) -> None:
    add_report(home.reports / "a")
    rig = launch(access=Access(api_key="sesame"))
    for path in ("/admin/reports", "/admin/reports/a", "/admin/reports/a/report.json"):
        assert rig.http.get(path).status_code == 401
        key = {"authorization": "Bearer sesame"}
        assert rig.http.get(path, headers=key).status_code == 401
        assert rig.http.get(path, headers=ADMIN).status_code == 200
        assert rig.http.get(path, headers={**ADMIN, "host": "evil.example"}).status_code == 403


def test_the_index_leads_to_them(shared: Rig) -> None:
    assert shared.get(shared.get("/").json()["reports"]).json() == []
