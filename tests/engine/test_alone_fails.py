"""A request that fails, for whatever reason, fails alone: those beside it in the batch say token
for token what they say alone."""

import json
import queue
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bluey_adapters.home import Home
from bluey_adapters.store import LocalStore
from bluey_server.engine import rows
from bluey_server.engine.loader import AdapterLoader, Checked, Unusable
from bluey_server.http.grammar.schema import schema_grammar
from bluey_server.messages import Sampling
from tests.engine.alone import Alone, same
from tests.engine.conftest import make_adapter
from tests.engine.real import GREEDY, RealBench, some_prompt

Make = Callable[..., RealBench]

TOKENS = 30

PATIENT, BROKEN = 3, 9
"""The numbers of a companion that has still to start, and of the request that fails."""

COMPANIONS: dict[int, tuple[int, str | None]] = {
    1: (5, None),
    2: (40, "adapter-1"),
    PATIENT: (300, "adapter-2"),
}
"""Number to length of prompt and adapter."""


class Company:
    """An engine with three streams; what happens among them must not be heard in them."""

    def __init__(self, engine: RealBench, alone: Alone) -> None:
        self.engine = engine
        self._alone = alone
        for number, (length, adapter) in COMPANIONS.items():
            if number != PATIENT:
                engine.ask(number, some_prompt(number, length), adapter, max_tokens=TOKENS)
        for _ in range(6):
            engine.step()
        assert set(engine.born) == {1, 2}
        length, adapter = COMPANIONS[PATIENT]
        engine.ask(PATIENT, some_prompt(PATIENT, length), adapter, max_tokens=TOKENS)

    def undisturbed(self) -> None:
        """Run to the end, ask one thing more, and compare."""
        self.engine.run()
        self.engine.ask(20, some_prompt(20, 9), "adapter-1", max_tokens=TOKENS)
        self.engine.ask(21, some_prompt(20, 9), max_tokens=TOKENS)
        self.engine.run()
        later: dict[int, tuple[list[int], str | None]] = {
            20: (some_prompt(20, 9), "adapter-1"),
            21: (some_prompt(20, 9), None),
        }
        for number, (length, adapter) in COMPANIONS.items():
            later[number] = (some_prompt(number, length), adapter)
        for number, (prompt, adapter) in later.items():
            assert number not in self.engine.failures, self.engine.failures[number]
            folder = None if adapter is None else self.engine.folders[adapter]
            expected = self._alone.answer(prompt, folder, max_tokens=TOKENS)
            got, finished = self.engine.answers[number], self.engine.finished[number]
            same(got, finished, expected, f"companion {number}")

    def failed_alone(self) -> str:
        """The same, and that request BROKEN and no other has failed; the kind of its failure."""
        self.undisturbed()
        assert set(self.engine.failures) == {BROKEN}
        assert self.engine.failures[BROKEN].message
        return self.engine.failures[BROKEN].kind


@pytest.fixture
def company(bench: Make, alone: Alone) -> Company:
    return Company(bench(slots=3), alone)


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def weights_gone(folder: Path) -> None:
    (folder / "adapters.safetensors").unlink()


def weights_cut_short(folder: Path) -> None:
    """The header is whole, and promises more than there is."""
    weights = folder / "adapters.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5000])


def weights_are_noise(folder: Path) -> None:
    (folder / "adapters.safetensors").write_bytes(bytes(range(256)) * 40)


def config_is_noise(folder: Path) -> None:
    (folder / "adapter_config.json").write_bytes(b"\xff{")


ACCIDENTS = [gone, weights_gone, weights_cut_short, weights_are_noise, config_is_noise]


@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda accident: accident.__name__)
def test_an_adapter_that_comes_to_grief_between_check_and_load(
    company: Company, five: dict[str, Path], tmp_path: Path, accident: Callable[[Path], None]
) -> None:
    folder = copied(five["adapter-3"], tmp_path / "doomed")
    company.engine.folders["doomed"] = folder
    company.engine.ask(BROKEN, some_prompt(9, 9), "doomed")
    accident(folder)
    company.failed_alone()


@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda accident: accident.__name__)
def test_an_adapter_that_vanishes_is_not_in_the_slot_for_the_next_one(
    company: Company,
    five: dict[str, Path],
    alone: Alone,
    tmp_path: Path,
    accident: Callable[[Path], None],
) -> None:
    folder = copied(five["adapter-3"], tmp_path / "doomed")
    company.engine.folders["doomed"] = folder
    company.engine.ask(BROKEN, some_prompt(9, 9), "doomed")
    accident(folder)
    company.engine.run()
    prompt = some_prompt(30, 9)
    company.engine.give(30, prompt, "adapter-4", max_tokens=TOKENS)
    expected = alone.answer(prompt, five["adapter-4"], max_tokens=TOKENS)
    same(company.engine.answers[30], company.engine.finished[30], expected)
    company.engine.folders["doomed"] = five["adapter-3"]
    company.engine.give(31, prompt, "doomed", max_tokens=TOKENS)
    expected = alone.answer(prompt, five["adapter-3"], max_tokens=TOKENS)
    same(company.engine.answers[31], company.engine.finished[31], expected, "the mended one")


@pytest.mark.parametrize("when", ["before the check", "after the check"])
@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda accident: accident.__name__)
def test_an_adapter_that_comes_to_grief_in_the_store(
    company: Company,
    five: dict[str, Path],
    home: Home,
    base_fingerprint: str,
    accident: Callable[[Path], None],
    when: str,
) -> None:
    """With the real loader: what it finds is handed over when the files are no longer well."""
    store = LocalStore(home.store)
    digest = store.publish(five["adapter-3"])
    found: queue.SimpleQueue[Checked | Unusable] = queue.SimpleQueue()
    loader = AdapterLoader(store, base_fingerprint, found.put)
    company.engine.load_by(loader.fetch, only=digest)
    if when == "before the check":
        accident(store.path(digest))
    company.engine.ask(BROKEN, some_prompt(9, 9), digest)
    while digest not in company.engine.fetched:
        company.engine.step()
    message = found.get(timeout=60)
    if when == "after the check":
        assert isinstance(message, Checked)
        accident(store.path(digest))
    company.engine.receive(message)
    kind = company.failed_alone()
    if when == "before the check":
        assert kind in ("adapter_missing", "adapter_damaged")


def dora(folder: Path) -> None:
    _change_config(folder, fine_tune_type="dora")


def full(folder: Path) -> None:
    _change_config(folder, fine_tune_type="full")


def half_a_pair(folder: Path) -> None:
    _change_weights(folder, lambda tensors: tensors.popitem())


def other_widths(folder: Path) -> None:
    def widen(tensors: dict[str, Any]) -> None:
        import mlx.core as mx

        last = sorted(name for name in tensors if name.endswith("lora_b"))[-1]
        tensors[last] = mx.zeros((tensors[last].shape[0], 7))

    _change_weights(folder, widen)


def strange_layers(folder: Path) -> None:
    def rename(tensors: dict[str, Any]) -> None:
        for name in list(tensors):
            tensors[name.replace("layers.3", "layers.77")] = tensors.pop(name)

    _change_weights(folder, rename)


def _change_config(folder: Path, **fields: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def _change_weights(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    import mlx.core as mx

    path = str(folder / "adapters.safetensors")
    tensors: Any = mx.load(path)
    mx.eval(tensors)
    change(tensors)
    mx.save_safetensors(path, tensors)


@pytest.mark.parametrize(
    "unlike", [dora, full, half_a_pair, other_widths, strange_layers], ids=lambda f: f.__name__
)
def test_an_adapter_that_cannot_be_served(
    company: Company, five: dict[str, Path], tmp_path: Path, unlike: Callable[[Path], None]
) -> None:
    folder = copied(five["adapter-1"], tmp_path / "unlike")
    unlike(folder)
    company.engine.folders["unlike"] = folder
    company.engine.ask(BROKEN, some_prompt(9, 9), "unlike")
    assert company.failed_alone() == "adapter_unservable"


def test_an_adapter_of_a_larger_rank_arrives_among_streams(
    company: Company, base: Path, alone: Alone, tmp_path: Path
) -> None:
    """No failure: the bank grows under those that use it."""
    folder = make_adapter(tmp_path / "large", base, seed=77, rank=64, layers=-1)
    company.engine.folders["large"] = folder
    company.engine.ask(BROKEN, some_prompt(9, 9), "large", max_tokens=TOKENS)
    company.undisturbed()
    expected = alone.answer(some_prompt(9, 9), folder, max_tokens=TOKENS)
    same(company.engine.answers[BROKEN], company.engine.finished[BROKEN], expected)


NOTHING_ALLOWED: dict[str, dict[str, Any]] = {
    "every id ends the turn, and it must not end": {
        "end_ids": tuple(range(4096)),
        "min_tokens": 4,
    },
    "every id is ruled out": {
        "sampling": Sampling(
            temperature=0, logit_bias=tuple((token, float("-inf")) for token in range(4096))
        )
    },
    "all but one are ruled out, and that ends the turn": {
        "end_ids": (50,),
        "min_tokens": 4,
        "sampling": Sampling(
            temperature=0,
            logit_bias=tuple((token, float("-inf")) for token in range(4096) if token != 50),
        ),
    },
    "every id is ruled out, and it is warm": {
        "sampling": Sampling(
            temperature=1,
            top_p=0.9,
            top_k=40,
            logit_bias=tuple((token, float("-inf")) for token in range(4096)),
        )
    },
}


@pytest.mark.parametrize("case", NOTHING_ALLOWED)
def test_a_dead_end_disturbs_nobody(company: Company, case: str) -> None:
    company.engine.ask(BROKEN, some_prompt(9, 9), max_tokens=8, **NOTHING_ALLOWED[case])
    company.undisturbed()
    assert set(company.engine.failures) <= {BROKEN}


@pytest.mark.parametrize("case", NOTHING_ALLOWED)
def test_a_dead_end_is_a_failure(company: Company, case: str) -> None:
    company.engine.ask(BROKEN, some_prompt(9, 9), max_tokens=8, **NOTHING_ALLOWED[case])
    company.failed_alone()
    assert company.engine.answers[BROKEN] == []


@pytest.mark.parametrize("moment", [0, 1, 5])
def test_a_processor_that_raises_fails_its_own_row(
    company: Company, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """At the first token, at the second, and in the midst of the answer."""
    marked = Sampling(temperature=0, seed=99)
    calls = 0

    def fails(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > moment:
            raise ValueError("the grammar knows no way on")
        return given[-1]

    def make_row(*given: Any, **named: Any) -> Any:
        row: Any = rows.Row(*given, **named)
        if row.sampling == marked:
            row.processor = fails
        return row

    monkeypatch.setattr("bluey_server.engine.backend.Row", make_row)
    company.engine.ask(BROKEN, some_prompt(9, 9), max_tokens=20, sampling=marked)
    company.failed_alone()
    assert calls == moment + 1, "a failed row's processor is not asked again"
    assert len(company.engine.answers[BROKEN]) <= moment


ENDLESS = schema_grammar(
    {"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}
)
"""It holds itself: there is a way in, and none out."""

TRUE = schema_grammar({"const": True})

DEAD_ENDS: dict[str, dict[str, Any]] = {
    "a grammar without an end": {"grammar": ENDLESS, "end_ids": (1, 5)},
    "a grammar whose end no token tells": {"grammar": TRUE, "end_ids": ()},
    "all that the grammar needs is ruled out": {
        "grammar": TRUE,
        "end_ids": (1, 5),
        "sampling": Sampling(
            temperature=1,
            logit_bias=tuple((token, float("-inf")) for token in range(6, 4096)),
        ),
    },
    "a grammar that is none": {"grammar": "start: nonsense", "end_ids": (1, 5)},
}


@pytest.mark.parametrize("case", DEAD_ENDS)
def test_a_grammar_that_dead_ends_fails_its_own_row(company: Company, case: str) -> None:
    company.engine.ask(BROKEN, some_prompt(9, 9), max_tokens=20, **DEAD_ENDS[case])
    company.failed_alone()
    told = company.engine.failures[BROKEN].message
    assert "grammar" in told
    assert "{" not in told, "what was said, or the grammar itself, is no part of it"


def test_a_matcher_that_raises_fails_the_rows_of_grammars_alone(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("the library broke its promise")

    for way in ("fill_next_token_bitmask", "fill_next_token_bitmask_par"):
        monkeypatch.setattr(f"bluey_server.engine.masks.{way}", fails)
    company.engine.ask(BROKEN, some_prompt(9, 9), max_tokens=20, end_ids=(1, 5), grammar=TRUE)
    company.failed_alone()


def test_a_request_that_cannot_enter_the_batch(company: Company) -> None:
    """An empty prompt gets past nobody's check but the batch's own."""
    company.engine.ask(BROKEN, [], max_tokens=8, sampling=GREEDY)
    company.failed_alone()
