"""The report as a page, as files and in the terminal."""

import io
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import matplotlib
import msgspec
import pytest
from rich.console import Console

from bluey_admin.evaluation.findings import SCORES, Findings, to_json
from bluey_admin.evaluation.report.files import write_report
from bluey_admin.evaluation.report.page import render_page
from bluey_admin.evaluation.report.plots import curve_plot
from bluey_admin.evaluation.report.scores import NONE
from bluey_admin.evaluation.report.sentences import not_told_apart
from bluey_admin.evaluation.report.summary import print_summary
from tests.evaluation.example_findings import BREAKS, BY_HEART, example

_VOID = {"meta", "link", "br", "img", "hr", "input"}
FIRST = ("sad", "today", "homework", "story")


class Reader(HTMLParser):
    """Holds that every tag is closed in its order; keeps texts and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.inside: dict[str, list[str]] = {}
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
        if self.open:
            self.inside.setdefault(self.open[-1], []).append(data)


@pytest.fixture(scope="module")
def findings() -> Findings:
    return example()


@pytest.fixture(scope="module")
def page(findings: Findings) -> str:
    return render_page(findings)


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    return reading(page)


def reading(page: str) -> Reader:
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


def test_forty_questions_to_four_models_with_five_seeds_stay_small() -> None:
    assert len(render_page(example(seeds=5)).encode()) < 3_000_000


def test_sections_come_in_their_order(page: str) -> None:
    sections = re.findall(r'<section id="([a-z]+)"', page)
    names = ["verdicts", "scores", "drawn", "trainings", "judge", "sweep", "answers", "notes"]
    assert sections == names
    assert set(re.findall(r'href="#([a-z]+)"', page)) == set(names)


def test_headings_skip_no_level(read: Reader) -> None:
    levels = [int(tag[1]) for tag in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_every_drawing_is_there_and_told_in_words(findings: Findings, page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    trainings = sum(len(model.trainings) for model in findings.models)
    settings = len(findings.sweep[0].varied)
    assert len(drawings) == len(SCORES) + 2 + trainings + 1 + 3 * settings
    for drawing in drawings:
        assert re.search(r"<title[^>]*>[^<]+</title><desc[^>]*>[^<]+</desc>", drawing)
        assert "#0e0d" not in drawing, "a colour that should have become the page's"
    assert 'aria-labelledby="score-0-title score-0-told"' in drawings[0]


def test_drawings_leave_matplotlib_as_it_was(findings: Findings) -> None:
    before = dict(matplotlib.rcParams)
    [training] = findings.models[-1].trainings
    curve_plot("curve", training.version, training.curve)
    assert dict(matplotlib.rcParams) == before


def test_what_is_not_known_is_a_dash(page: str) -> None:
    row = next(row for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if "Variety" in row)
    cells = [re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.S)]
    assert [cell == NONE for cell in cells] == [False, True, False, False]
    assert "None" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_the_best_is_bold_and_only_where_one_way_is_better(findings: Findings, page: str) -> None:
    rows = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    bold = {
        title: [label for label, cell in _cells(row) if "<strong>" in cell]
        for row in rows
        if (title := re.sub(r"<.*?>", "", row).strip().split("\n")[0].split(" (")[0])
    }
    values = {m.name: m.scores["character"].value or 0.0 for m in findings.models}
    assert bold["Character"] == [max(values, key=lambda name: values[name])]
    assert bold["By heart"] == ["it", "pt"]  # less is better, and both have none
    assert not any(names for title, names in bold.items() if title.startswith("Words"))


def _cells(row: str) -> list[tuple[str, str]]:
    return re.findall(r'<td[^>]*data-label="([^"]*)">(.*?)</td>', row, re.DOTALL)


def test_pairs_without_a_verdict_are_told_too(findings: Findings) -> None:
    silent = msgspec.structs.replace(findings, verdicts=findings.verdicts[:1])
    [verdict] = silent.verdicts
    left = not_told_apart(silent)["Character"]
    assert len(left[0].split("; ")) == 6 - 1
    assert f"{verdict.second} and {verdict.first}" not in left[0]
    assert "Breaks" not in not_told_apart(
        msgspec.structs.replace(silent, models=silent.models[:2])
    ), "pt has no figure there"


def test_what_was_found_in_answers_is_marked(read: Reader) -> None:
    assert BY_HEART in read.inside["u"]
    assert BREAKS in read.inside["mark"]
    for remark in ("by heart", "breaks", "cut short", "off topic"):
        assert remark in read.inside["b"]
    assert "says nothing" in read.inside["i"]


def test_the_first_seed_is_open_and_the_others_folded(findings: Findings, page: str) -> None:
    cards = re.findall(r"<article style.*?</article>", page, re.DOTALL)
    assert len(cards) == len(findings.questions) * len(findings.models)
    for card in cards:
        open_part, folded = card.split("<details>")
        assert re.findall(r"seed (\d)", open_part) == ["0"]
        assert re.findall(r"seed (\d),", folded) == ["1", "2"]


def test_names_are_text_in_drawings_as_well(findings: Findings) -> None:
    bad = "<b>$x_1$ & 模型"
    first, *others = findings.models
    named = msgspec.structs.replace(
        findings,
        models=[msgspec.structs.replace(first, name=bad), *others],
        sweep=[msgspec.structs.replace(point, base=bad, label=bad) for point in findings.sweep],
    )
    page = reading(render_page(named))
    assert page.open == []
    assert bad in page.inside["text"]


def test_a_page_without_models_sweep_or_judge_is_whole(findings: Findings) -> None:
    less = msgspec.structs.replace(example(questions=4), sweep=[], judged=[])
    assert not {"sweep", "judge"} & set(re.findall(r'href="#(\w+)"', render_page(less)))
    only_sweep = msgspec.structs.replace(findings, models=[], verdicts=[], questions=[], judged=[])
    page = render_page(only_sweep)
    assert reading(page).open == []
    assert re.findall(r'<section id="([a-z]+)"', page) == ["sweep", "notes"]


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


@pytest.mark.parametrize("width", [60, 80])
def test_summary_breaks_no_line_in_the_middle(width: int, tmp_path: Path) -> None:
    names = ("it", "pt", "bluey-it", "bluey-pt", "captain-it@12", "gemma-3-27b-it-at-home")
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, no_color=True)
    print_summary(example(names), console, tmp_path / "report.html")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    *others, last = (line.rstrip() for line in lines)
    assert str(tmp_path / "report.html") in last
    assert max(map(len, others)) <= width
    rows = [line.split() for line in others if line.startswith("captain-it@12")]
    # Eight scores and two perplexities; each figure is whole, in however many tables.
    figures = [figure for row in rows for figure in row[1:]]
    assert len(figures) == len(SCORES) + 2
    assert all(re.fullmatch(r"[\d.,]+", figure) for figure in figures)
