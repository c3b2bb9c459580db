"""The report as a page, as files and in the terminal."""

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from bluey_admin.evaluation.findings import SCORES, Findings, to_json
from bluey_admin.evaluation.report.files import write_report
from bluey_admin.evaluation.report.page import render_page
from bluey_admin.evaluation.report.summary import print_summary
from tests.evaluation.example_findings import example

_VOID = {"meta", "link", "br", "img", "hr", "input", "use", "path", "rect", "line", "circle"}
FIRST = ("sad", "today", "homework", "story")


class Reader(HTMLParser):
    """Holds that every tag is closed in its order; keeps texts and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def findings() -> Findings:
    return example()


@pytest.fixture(scope="module")
def page(findings: Findings) -> str:
    return render_page(findings)


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_every_tag_is_closed(read: Reader) -> None:
    assert read.open == []


def test_nothing_is_fetched(page: str, read: Reader) -> None:
    for name, value in read.attributes:
        if name in ("src", "href", "xlink:href", "action"):
            assert value.startswith(("#", "data:")), value
    assert "@import" not in page
    assert not re.search(r"url\((?!#|&quot;#|\"#)", page)
    assert "script" not in read.tags


def test_what_models_say_is_text(findings: Findings, read: Reader) -> None:
    said = [a.text for q in findings.questions for a in q.answers if "<script" in a.text]
    assert said, "the example lost its trap"
    assert "script" not in read.tags
    whole = re.sub(r"\s+", " ", "".join(read.text))
    assert "<script" in whole


def test_the_four_prompts_come_first(findings: Findings, page: str) -> None:
    prompts = {question.id: question.prompt for question in findings.questions}
    body = page[page.index("</style>") :]
    places = [body.index(prompts[name].replace("'", "&#39;")) for name in FIRST]
    others = [q.prompt for q in findings.questions if q.id not in FIRST]
    assert places == sorted(places)
    assert max(places) < min(body.index(o.replace("'", "&#39;")) for o in others)


def test_two_renderings_are_the_same(findings: Findings, page: str) -> None:
    assert render_page(findings) == page
    assert len(page) < 3_000_000


def test_ids_are_unique(read: Reader) -> None:
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_files_and_json(findings: Findings, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=80)
    write_report(tmp_path, findings, console=console)
    kept = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert kept == json.loads(json.dumps(to_json(findings)))
    assert kept["probes"] == findings.probes
    assert set(kept["models"]) == {model.name for model in findings.models}
    for model in kept["models"].values():
        assert "character" in model
        for score in set(SCORES) & set(model):
            assert set(model[score]) == {"value", "low", "high"}
    assert (tmp_path / "report.html").read_text("utf-8") == render_page(findings)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_summary_names_everything(findings: Findings, width: int, tmp_path: Path) -> None:
    out = io.StringIO()
    print_summary(findings, Console(file=out, width=width), tmp_path / "report.html")
    told = out.getvalue()
    for model in findings.models:
        assert model.name in told
    assert "report.html" in told.replace("\n", "")
    assert findings.verdicts[0].says.split(":")[0] in told
