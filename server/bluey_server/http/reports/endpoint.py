"""GET /admin/reports and below: the reports in BLUEY_HOME, for browsers and for programs."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import msgspec
from litestar import Controller, MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from bluey_server.http.errors import ApiError
from bluey_server.http.reports.files import FIGURES, PAGE, Heading, list_reports, read_report
from bluey_server.http.service import Service

PATH = "/admin/reports"

# A report brings its styles, scripts and pictures with it; whatever it holds, it loads nothing
# and sends nothing.
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    ),
    "x-content-type-options": "nosniff",
}

_LIST = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reports</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; }}
body {{ padding: 0 1rem; }}
li {{ margin: .5rem 0; overflow-wrap: anywhere; }}
time {{ display: block; opacity: .7; }}
</style>
</head>
<body>
<h1>Reports</h1>
{entries}
</body>
</html>
"""


class ReportCard(msgspec.Struct, frozen=True):
    """One report in the list; without title and time if its figures can't be read."""

    id: str
    title: str | None
    created_at: float | None  # seconds since the epoch
    url: str

    @classmethod
    def of(cls, report_id: str, heading: Heading | None) -> "ReportCard":
        """The card of a report as it was found."""
        url = f"{PATH}/{report_id}"
        if heading is None:
            return cls(report_id, None, None, url)
        return cls(report_id, heading.title, heading.created_at, url)


class ReportsController(Controller):
    """The reports, as they lie in their folders at the moment of asking."""

    path = PATH

    @get()
    async def list_reports(
        self, request: Request[Any, Any, Any], service: NamedDependency[Service]
    ) -> Response[Any]:
        """All of them, the newest first: a page where one is asked for, else JSON."""
        found = await asyncio.to_thread(list_reports, service.registry.home.reports)
        cards = [ReportCard.of(*entry) for entry in found]
        headers = {**_HEADERS, "vary": "accept"}
        # The first of the two is for those to whom all is alike.
        wanted = request.accept.best_match([MediaType.JSON, MediaType.HTML])
        if wanted == MediaType.HTML:
            return Response(_list_page(cards), media_type=MediaType.HTML, headers=headers)
        return Response(cards, media_type=MediaType.JSON, headers=headers)

    @get("/{report_id:str}")
    async def get_page(
        self, service: NamedDependency[Service], report_id: FromPath[str]
    ) -> Response[bytes]:
        """One report, to be looked at."""
        return await _file(service, report_id, PAGE, MediaType.HTML)

    @get(f"/{{report_id:str}}/{FIGURES}")
    async def get_figures(
        self, service: NamedDependency[Service], report_id: FromPath[str]
    ) -> Response[bytes]:
        """The figures that it shows."""
        return await _file(service, report_id, FIGURES, MediaType.JSON)


async def _file(
    service: Service, report_id: str, name: str, media_type: MediaType
) -> Response[bytes]:
    content = await asyncio.to_thread(read_report, service.registry.home.reports, report_id, name)
    if content is None:
        raise ApiError(
            404,
            f"The report `{report_id}` does not exist; GET {PATH} lists those that do",
            code="report_not_found",
        )
    return Response(content, media_type=media_type, headers=_HEADERS)


def _list_page(cards: Sequence[ReportCard]) -> str:
    items = "\n".join(_item(card) for card in cards)
    return _LIST.format(entries=f"<ul>\n{items}\n</ul>" if cards else "<p>There are none yet.</p>")


def _item(card: ReportCard) -> str:
    link = f'<a href="{escape(card.url)}">{escape(card.title or card.id)}</a>'
    if card.created_at is None:
        return f"<li>{link}</li>"
    moment = datetime.fromtimestamp(card.created_at, UTC)
    return f"<li>{link} <time>{moment:%Y-%m-%d %H:%M} UTC</time></li>"
