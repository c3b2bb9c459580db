"""The judge, before an endpoint that judges as it is told to."""

import json
import re
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from itertools import product

import pytest

from bluey_admin.evaluation.carry_out import Keys
from bluey_admin.evaluation.findings import Interval, ShownAnswer, ShownQuestion
from bluey_admin.evaluation.judge import Match, Ruling, judge_all, matches
from bluey_admin.evaluation.judge_endpoint import Decision, Judge
from bluey_admin.evaluation.judge_findings import judge_findings
from bluey_admin.evaluation.plan import JudgePlan
from bluey_admin.failures import Failure
from tests.evaluation.scripted_endpoint import (
    Behaviour,
    Request,
    Response,
    ScriptedEndpoint,
    dead_url,
    fails,
    says,
    scripted,
)

PROBES, SEEDS = 6, (1, 2)


def question(probe: str, good: str, bad: str, seeds: Sequence[int] = SEEDS) -> ShownQuestion:
    """A probe that `good` answers with a bark and `bad` without."""
    said = {good: "Woof! Here I come.", bad: "I am an assistant."}
    answers = [
        ShownAnswer(model, seed, f"{text} ({seed})", "stop", 0.5, None, None, None, False)
        for (model, text), seed in product(said.items(), seeds)
    ]
    return ShownQuestion(probe, f"What about {probe}?", answers)


ALL_GOOD = [question(f"p{number}", "bluey", "base") for number in range(PROBES)]


def pair(questions: Sequence[ShownQuestion] = ALL_GOOD) -> list[Match]:
    return matches("The character barks.", "bluey", "base", questions)


def verdict(winner: str) -> Response:
    return says(json.dumps({"winner": winner, "reason": "because"}))


def shown(request: Request) -> tuple[str, str]:
    """The two answers, as a reader of the tags finds them."""
    [first] = re.findall(r"<first_answer>\n(.*?)\n</first_answer>", request.prompt, re.DOTALL)
    [second] = re.findall(r"<second_answer>\n(.*?)\n</second_answer>", request.prompt, re.DOTALL)
    return first, second


def honest(request: Request) -> Response:
    first, second = ("Woof" in answer for answer in shown(request))
    return verdict("tie" if first == second else "first" if first else "second")


def judged(
    behaviour: Behaviour, asked: Sequence[Match] | None = None
) -> tuple[list[Ruling], ScriptedEndpoint]:
    with scripted(behaviour) as endpoint, Judge(endpoint.url, "j") as judge:
        return judge_all(judge, pair() if asked is None else asked), endpoint


def decide(behaviour: Behaviour) -> Decision:
    with scripted(behaviour) as endpoint, Judge(endpoint.url, "j") as judge:
        return judge.decide("who?")


def test_an_honest_judge() -> None:
    rulings, endpoint = judged(honest)
    findings = judge_findings("bluey", "base", rulings)
    assert findings.wins == Interval(1.0, 1.0, 1.0)
    assert findings.asked == PROBES * len(SEEDS) * 2 == len(endpoint.requests)
    assert (findings.consistent, findings.chose_shown_first) == (1.0, 0.5)
    assert (findings.refused, findings.malformed) == (0, 0)
    assert judge_findings("base", "bluey", rulings).wins == Interval(0.0, 0.0, 0.0)


def test_a_divided_field_has_an_interval_by_probe() -> None:
    seeds = range(8)
    names = [("bluey", "base"), ("base", "bluey")]
    half = [question(f"p{n}", *names[n % 2], seeds) for n in range(PROBES)]
    wins = judge_findings("bluey", "base", judged(honest, pair(half))[0]).wins
    assert wins.value == 0.5
    assert wins.low is not None and wins.high is not None
    # Six probes that go one way or the other: 48 answers of their own would give 0.36 to 0.64.
    assert wins.low < 0.25 and wins.high > 0.75


def test_a_judge_of_places_says_nothing_about_models() -> None:
    findings = judge_findings("bluey", "base", judged(lambda _: verdict("first"))[0])
    assert findings.wins == Interval(0.5, 0.5, 0.5)
    assert (findings.consistent, findings.chose_shown_first) == (0.0, 1.0)


def test_ties_count_half_and_are_no_choice() -> None:
    findings = judge_findings("bluey", "base", judged(lambda _: verdict("tie"))[0])
    assert findings.wins == Interval(0.5, 0.5, 0.5)
    assert (findings.consistent, findings.chose_shown_first) == (1.0, None)


def test_a_tie_in_one_order_is_no_win() -> None:
    def behave(request: Request) -> Response:
        return verdict("first") if "Woof" in shown(request)[0] else verdict("tie")

    findings = judge_findings("bluey", "base", judged(behave)[0])
    assert findings.wins.value == 0.5
    assert (findings.consistent, findings.chose_shown_first) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("bad", "refused", "malformed"),
    [
        (says(None, refusal="I can't judge that."), 1, 0),
        (says("", "content_filter"), 1, 0),
        (fails(400, "filtered", "content_filter"), 1, 0),
        (says("bluey is better"), 0, 1),
    ],
)
def test_half_a_pair_counts_as_none(bad: Response, refused: int, malformed: int) -> None:
    """One of three probes is lost in one order: the others decide."""

    def behave(request: Request) -> Response:
        lost = "What about lost?" in request.prompt and "Woof" in shown(request)[0]
        return bad if lost else honest(request)

    kept = [question(name, "bluey", "base", [1]) for name in ("kept", "kept too")]
    field = [*kept, question("lost", "base", "bluey", [1])]
    rulings, endpoint = judged(behave, pair(field))
    findings = judge_findings("bluey", "base", rulings)
    assert (findings.wins.value, findings.consistent) == (1.0, 1.0)
    assert (findings.chose_shown_first, findings.asked) == (0.5, 6)
    assert (findings.refused, findings.malformed) == (refused, malformed)
    assert len(endpoint.requests) == 6  # nothing was asked again for a better reply


def test_no_verdict_at_all() -> None:
    findings = judge_findings("bluey", "base", judged(lambda _: says("no"))[0])
    assert findings.wins == Interval()
    assert (findings.consistent, findings.chose_shown_first) == (None, None)
    assert findings.malformed == findings.asked == 24
    assert judge_findings("a", "b", []).wins == Interval()


def test_an_answer_that_one_model_lacks_is_not_judged() -> None:
    whole = question("p", "bluey", "base")
    lacking = ShownQuestion("p", whole.prompt, whole.answers[:-1])  # base has no second seed
    assert {(m.seed, m.shown_first) for m in pair([lacking])} == {(1, "bluey"), (1, "base")}


def test_other_models_rulings_are_passed_over() -> None:
    rulings, _ = judged(honest)
    others = [Ruling("p0", 1, "bluey", "third", "", "second", ""), *rulings]
    assert judge_findings("bluey", "base", others) == judge_findings("bluey", "base", rulings)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('{"winner": "first", "reason": "r"}', "first"),
        (' {"reason": "r", "winner": "second"}\n', "second"),
        ('```json\n{"winner": "tie", "reason": "r"}\n```', "tie"),
        ('\n```\n{"winner": "first", "reason": "r"}\n```\n', "first"),
        ('{"winner": "First", "reason": "r"}', "malformed"),
        ('{"winner": "bluey", "reason": "r"}', "malformed"),
        ('{"winner": null, "reason": "r"}', "malformed"),
        ('{"winner": "first"}', "malformed"),
        ('{"winner": "first", "reason": 3}', "malformed"),
        ('{"winner": "first", "reason": "r", "sure": true}', "malformed"),
        ('[{"winner": "first", "reason": "r"}]', "malformed"),
        ('Well: {"winner": "first", "reason": "r"}', "malformed"),
        ('Well:\n```json\n{"winner": "first", "reason": "r"}\n```', "malformed"),
        ('{"winner": "first", "reason": "r', "malformed"),
        ("first", "malformed"),
        ("", "malformed"),
        (None, "malformed"),
    ],
)
def test_replies(text: str | None, outcome: str) -> None:
    decision = decide(lambda _: says(text))
    assert decision.outcome == outcome
    # What can't be read is kept, so that a user can see why.
    assert decision.reason == ((text or "") if outcome == "malformed" else "r")


def test_what_is_sent() -> None:
    with scripted(honest) as endpoint, Judge(endpoint.url, "j", "secret") as judge:
        judge_all(judge, pair()[:1])
    [request] = endpoint.requests
    assert request.key == "Bearer secret"
    assert (request.body["model"], request.body["temperature"]) == ("j", 0)
    wanted = request.body["response_format"]
    assert (wanted["type"], wanted["json_schema"]["strict"]) == ("json_schema", True)
    schema = wanted["json_schema"]["schema"]
    assert schema["properties"]["winner"]["enum"] == ["first", "second", "tie"]
    assert sorted(schema["required"]) == sorted(schema["properties"]) == ["reason", "winner"]
    assert schema["additionalProperties"] is False
    assert "The character barks." in request.prompt
    assert "What about p0?" in request.prompt
    # The names would tell more than the answers do.
    assert "bluey" not in request.prompt and "base" not in request.prompt


def test_both_orders() -> None:
    rulings, endpoint = judged(honest, pair()[:2])
    assert [shown(r) for r in endpoint.requests] == [
        ("Woof! Here I come. (1)", "I am an assistant. (1)"),
        ("I am an assistant. (1)", "Woof! Here I come. (1)"),
    ]
    assert [(r.shown_first, r.shown_second) for r in rulings] == [
        ("bluey", "base"),
        ("base", "bluey"),
    ]


@pytest.mark.parametrize("status", [400, 422])
def test_an_endpoint_without_response_format_is_asked_once_with_it(status: int) -> None:
    def behave(request: Request) -> Response:
        refused = "response_format" in request.body
        return fails(status, "response_format?") if refused else honest(request)

    rulings, endpoint = judged(behave)
    assert judge_findings("bluey", "base", rulings).wins.value == 1.0
    with_it = [request for request in endpoint.requests if "response_format" in request.body]
    assert len(with_it) == 1
    assert len(endpoint.requests) == len(rulings) + 1


def test_a_400_that_has_other_reasons_is_told() -> None:
    with pytest.raises(Failure, match=r"said 400: too long$"):
        judged(lambda _: fails(400, "too long"))


def test_a_filtered_question_does_not_cost_the_schema() -> None:
    def behave(request: Request) -> Response:
        return fails(400, "no", "content_filter") if request.number == 0 else honest(request)

    _, endpoint = judged(behave)
    assert all("response_format" in request.body for request in endpoint.requests)


def waits(behaviour: Behaviour) -> tuple[Callable[[], Decision], list[float]]:
    """A question to a judge who sleeps by writing down how long."""
    slept: list[float] = []

    def ask() -> Decision:
        with (
            scripted(behaviour) as endpoint,
            Judge(endpoint.url, "j", sleep=slept.append) as judge,
        ):
            return judge.decide("who?")

    return ask, slept


@pytest.mark.parametrize(
    ("trouble", "wait"),
    [
        (fails(429, "slow down", retry_after="7"), 7.0),
        (fails(429, "slow down"), 1.0),
        (fails(429, "slow down", retry_after="soon"), 1.0),
        (fails(503, "loading", retry_after="0"), 0.0),
        (fails(503, "loading", retry_after=formatdate(0, usegmt=True)), 0.0),
        (Response(502, b"<html>"), 1.0),
        (None, 1.0),
    ],
)
def test_what_passes_is_waited_for(trouble: Response | None, wait: float) -> None:
    ask, slept = waits(lambda r: trouble if r.number == 0 else verdict("first"))
    assert ask() == Decision("first", "because")
    assert slept == [wait]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_wait_of_an_hour_is_left_to_the_user(form: str) -> None:
    # The date is written here, not beside the names of the cases: those are made when the
    # tests are collected, which may be long before this one's turn.
    after = "3600" if form == "seconds" else formatdate(time.time() + 3600, usegmt=True)
    ask, slept = waits(lambda _: fails(429, "quota", retry_after=after))
    with pytest.raises(Failure, match=r"said 429: quota; try again in 3\d\d\d s"):
        ask()
    assert slept == []


def test_500_for_ever() -> None:
    slept: list[float] = []
    with (
        scripted(lambda _: fails(500, "boom\nTraceback")) as endpoint,
        Judge(endpoint.url, "j", sleep=slept.append) as judge,
        pytest.raises(Failure) as failure,
    ):
        judge_all(judge, pair())
    assert failure.value.message == f"{endpoint.url} said 500: boom Traceback (asked 4 times)"
    assert len(endpoint.requests) == 4  # one match alone finds out
    assert slept == sorted(slept) and len(slept) == 3


def test_nobody_there() -> None:
    url = dead_url()
    with (
        Judge(url, "j", sleep=lambda _: None) as judge,
        pytest.raises(Failure, match=rf"^{url} does not answer: .*refused \(asked 4 times\)$"),
    ):
        judge_all(judge, pair())


@pytest.mark.parametrize("status", [401, 404])
def test_what_does_not_pass_is_asked_once(status: int) -> None:
    ask, slept = waits(lambda _: fails(status, "no"))
    with pytest.raises(Failure, match=f"said {status}: no$"):
        ask()
    assert slept == []


def test_what_is_known_is_not_asked_again() -> None:
    heard: list[Ruling] = []

    def fails_at_the_tenth(request: Request) -> Response:
        return fails(403, "out of money") if request.number == 9 else honest(request)

    with scripted(fails_at_the_tenth) as endpoint, Judge(endpoint.url, "j") as judge:
        with pytest.raises(Failure, match="out of money"):
            judge_all(judge, pair(), heard=heard.append, at_once=2)
        before = len(endpoint.requests)
        assert len(heard) == before - 1  # whatever got a reply was heard of
        counts: list[tuple[int, int]] = []
        known = list(heard)
        rulings = judge_all(
            judge,
            pair(),
            known=known,
            heard=heard.append,
            progress=lambda done, of: counts.append((done, of)),
        )
        assert len(endpoint.requests) == before + len(pair()) - len(known)
        assert counts == [(done, len(pair())) for done in range(len(known), len(pair()) + 1)]
        assert [(r.probe, r.seed, r.shown_first) for r in rulings] == [
            (m.probe, m.seed, m.shown_first) for m in pair()
        ]
        assert sorted(map(repr, heard)) == sorted(map(repr, rulings))
        assert judge_findings("bluey", "base", rulings).wins.value == 1.0

        asked = len(endpoint.requests)
        assert judge_all(judge, pair(), known=heard) == rulings
        # The pair the other way round is the same matches.
        turned = matches("The character barks.", "base", "bluey", ALL_GOOD)
        assert len(judge_all(judge, turned, known=heard)) == len(rulings)
        assert len(endpoint.requests) == asked


def test_other_texts_or_another_judge_are_asked_anew() -> None:
    with scripted(honest) as endpoint:
        with Judge(endpoint.url, "j") as judge:
            known = judge_all(judge, pair())
            judge_all(judge, matches("It meows.", "bluey", "base", ALL_GOOD), known=known)
        with Judge(endpoint.url, "k") as judge:
            judge_all(judge, pair(), known=known)
    assert len(endpoint.requests) == 3 * len(known)


def test_another_place_s_judge_never_gets_our_server_s_key() -> None:
    keys = Keys(server="ours")
    assert keys.for_judge(JudgePlan("j", "https://judge.example/v1")) is None
    assert keys.for_judge(JudgePlan("j", None)) == "ours"
    given = Keys(server="ours", judge="theirs")
    assert given.for_judge(JudgePlan("j", "https://judge.example/v1")) == "theirs"
