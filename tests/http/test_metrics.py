"""/metrics, read as Prometheus reads it."""

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bluey_adapters.home import Home
from bluey_server.engine_totals import EngineTotals
from bluey_server.http.access import Access
from bluey_server.http.exchange import Exchange
from bluey_server.http.monitoring.metrics import UNKNOWN, outcome_of
from bluey_server.messages import EngineStatus
from tests.fakes.scripted_engine import Busy, Fail, Say, Wait
from tests.http.rig import Launch, Rig, add_adapter

Labels = frozenset[tuple[str, str]]


class Scrape:
    """All samples at one moment."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._samples: dict[tuple[str, Labels], float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, labels: Mapping[str, str] | None = None, **more: str) -> float:
        return self._samples.get((name, frozenset({**(labels or {}), **more}.items())), 0.0)

    def labels(self, family: str, label: str) -> set[str]:
        return {sample.labels[label] for sample in self.families[family].samples}


def scrape(rig: Rig) -> Scrape:
    response = rig.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return Scrape(response.text)


def settled(rig: Rig, requests: int) -> Scrape:
    """A scrape once so many requests are counted: they are a moment after their answer is out."""
    while True:
        seen = scrape(rig)
        family = seen.families["bluey_requests"].samples
        if sum(one.value for one in family if one.name == "bluey_requests_total") >= requests:
            return seen


def test_requests_by_model_and_outcome(launch: Launch, home: Home) -> None:
    add_adapter(home, "pup")
    rig = launch()
    rig.chat()
    rig.chat(stream=True)
    rig.chat(max_tokens=1)
    rig.post({"model": "pup", "messages": [{"role": "user", "content": "Hi"}]})
    rig.engine.enqueue(Busy())
    rig.chat()
    rig.engine.enqueue(Say("One"), Fail())
    rig.chat(stream=True)
    for name in ("nobody", "no-one", "x" * 500):
        rig.post({"model": name, "messages": [{"role": "user", "content": "Hi"}]})
    rig.chat(temperature=9)
    rig.http.post("/v1/chat/completions", content=b"{")
    rig.get("/v1/models")
    seen = settled(rig, 11)
    counted = {
        (sample.labels["model"], sample.labels["outcome"]): sample.value
        for sample in seen.families["bluey_requests"].samples
        if sample.name == "bluey_requests_total"
    }
    assert counted == {
        ("it", "stop"): 2,
        ("it", "length"): 1,
        ("pup", "stop"): 1,
        ("it", "busy"): 1,
        ("it", "failed"): 1,
        (UNKNOWN, "refused"): 5,
    }
    assert seen.labels("bluey_request_seconds", "model") == {"it", "pup", UNKNOWN}


def test_tokens_and_times(launch: Launch) -> None:
    rig = launch()
    rig.engine.cached_tokens = 5
    rig.engine.enqueue(Say("abc", apart=True))
    usage = rig.chat().json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 5
    rig.engine.cached_tokens = 0
    rig.engine.enqueue(Say("a"))
    rig.chat()
    seen = settled(rig, 2)
    assert seen("bluey_prompt_tokens_total", model="it") == 2 * usage["prompt_tokens"]
    assert seen("bluey_cached_tokens_total", model="it") == 5
    assert seen("bluey_prefix_cache_hits_total", model="it") == 1
    assert seen("bluey_completion_tokens_total", model="it") == 4
    for name, count in [
        ("bluey_queue_seconds", 2),
        ("bluey_time_to_first_token_seconds", 2),
        ("bluey_time_per_output_token_seconds", 1),  # the other one has no second token
        ("bluey_request_seconds", 2),
    ]:
        assert seen(f"{name}_count", model="it") == count
        assert seen(f"{name}_bucket", model="it", le="+Inf") == count


def test_usage_in_streams_tells_of_cached_tokens(launch: Launch) -> None:
    rig = launch()
    rig.engine.cached_tokens = 7
    stream = rig.openai().chat.completions.create(
        model="it",
        messages=[{"role": "user", "content": "Hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    *_, last = list(stream)
    assert last.usage.prompt_tokens_details.cached_tokens == 7


def test_engines_and_what_is_in_flight(launch: Launch) -> None:
    rig = launch()
    rig.engine.run(
        "tiny-it",
        "f",
        adapters=("a" * 64, "b" * 64),
        steps=10,
        rows_stepped=45,
        adapter_loads=3,
        adapter_evictions=1,
        adapter_load_seconds=0.5,
        prefix_bytes=1000,
        kv_bytes=2000,
        memory_bytes=3000,
    )
    gate = Wait()
    rig.engine.enqueue(Say("One"), gate)
    stream = rig.openai().chat.completions.create(
        model="it", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    next(iter(stream))
    seen = scrape(rig)
    gate.event.set()
    list(stream)
    assert seen("bluey_requests_in_flight") == 1
    base = {"base": "tiny-it"}
    assert seen("bluey_engine_up", base) == 1
    assert seen("bluey_engine_state", base, state="ready") == 1
    assert seen("bluey_engine_state", base, state="failed") == 0
    assert seen("bluey_adapter_slots_used", base) == 2
    assert seen("bluey_adapter_slots", base) == 32
    assert seen("bluey_engine_steps_total", base) == 10
    assert seen("bluey_engine_rows_total", base) == 45
    assert seen("bluey_adapter_loads_total", base) == 3
    assert seen("bluey_adapter_evictions_total", base) == 1
    assert seen("bluey_adapter_load_seconds_total", base) == 0.5
    assert seen("bluey_prefix_cache_bytes", base) == 1000
    assert seen("bluey_kv_cache_bytes", base) == 2000
    assert seen("bluey_engine_memory_bytes", base) == 3000
    assert seen("bluey_engine_restarts_total", base) == 0


def test_two_engines_of_one_name_are_one_series(launch: Launch) -> None:
    rig = launch()
    rig.engine.run("tiny-it", "old", state="stopped", steps=3)
    old = rig.engine.replicas
    rig.engine.run("tiny-it", "new", steps=4)
    rig.engine.replicas += old
    seen = scrape(rig)
    assert seen("bluey_engine_steps_total", base="tiny-it") == 7
    assert seen("bluey_engine_up", base="tiny-it") == 1
    assert seen("bluey_engine_state", base="tiny-it", state="stopped") == 1


def test_every_figure_is_documented(shared: Rig) -> None:
    from pathlib import Path

    told = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    missing = [name for name in scrape(shared).families if f"`{name}" not in told]
    assert not missing


def test_it_asks_for_the_key_and_for_our_name(launch: Launch) -> None:
    rig = launch(access=Access(api_key="secret"))
    assert rig.get("/metrics").status_code == 401
    shown = {"authorization": "Bearer secret"}
    assert rig.get("/metrics", headers=shown).status_code == 200
    assert rig.get("/metrics", headers={**shown, "host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("outcome", "status", "word"),
    [
        ("stop", 200, "stop"),
        ("length", 200, "length"),
        ("cancelled", None, "cancelled"),
        (None, None, "cancelled"),
        ("failed:busy", 429, "busy"),
        ("failed:queue_timeout", 503, "timeout"),
        ("failed:request_timeout", 200, "timeout"),
        ("failed:engine_died", 200, "failed"),
        ("failed:engine_died", 500, "failed"),
        ("failed:wrong_base", 400, "refused"),
        (None, 404, "refused"),
        (None, 500, "failed"),
    ],
)
def test_outcomes(outcome: str | None, status: int | None, word: str) -> None:
    assert outcome_of(Exchange("POST", "/", outcome=outcome, status=status)) == word


def test_totals_never_fall() -> None:
    first = EngineStatus(
        running=[],
        waiting=[],
        slots=[],
        slots_total=1,
        memory_bytes=0,
        tokens_out=5,
        adapter_load_seconds=0.5,
    )
    gone = EngineTotals().plus(first)
    assert gone.plus(None) == gone
    both = gone.plus(first)
    assert (both.tokens_out, both.adapter_load_seconds, both.steps) == (10, 1.0, 0)
