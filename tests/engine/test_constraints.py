"""Rows that follow a grammar, beside rows that follow none, on the real model."""

import gc
import json
import math
import queue
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llguidance import LLMatcher

from bluey_adapters.tokenizer import Tokenizer
from bluey_server.engine.compiler import Compiled, GrammarCompiler, NotCompiled
from bluey_server.engine.grammar import GrammarError, Grammars
from bluey_server.http.grammar.schema import schema_grammar
from bluey_server.messages import Generate, Sampling
from tests.engine.alone import Alone, same
from tests.engine.real import GREEDY, RealBench, some_prompt

Make = Callable[..., RealBench]

ENDS = (1, 5)
DOG = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "legs": {"type": "integer", "minimum": 0, "maximum": 40},
        "kind": {"enum": ["pup", "dog"]},
    },
    "required": ["name", "legs", "kind"],
}
A_DOG = schema_grammar(DOG)
TRUE = schema_grammar({"const": True})


@pytest.fixture(scope="session")
def tokenizer(base: Path) -> Tokenizer:
    return Tokenizer.load(base)


def is_dog(text: str) -> bool:
    dog = json.loads(text)
    return len(dog["name"]) <= 12 and 0 <= dog["legs"] <= 40 and dog["kind"] in ("pup", "dog")


def warm(seed: int) -> Sampling:
    return Sampling(temperature=1, seed=seed)


@pytest.mark.parametrize("cores", [2, 16])
def test_each_row_follows_its_own_grammar(
    bench: Make,
    alone: Alone,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
) -> None:
    """And those that have none say what they say alone."""
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    engine = bench(max_rows=12)
    for number in range(12):
        grammar = (A_DOG, TRUE, None)[number % 3]
        sampling = GREEDY if grammar is None else warm(number)
        options = {"max_tokens": 100, "end_ids": ENDS, "sampling": sampling, "grammar": grammar}
        engine.ask(number, some_prompt(number, 8), **options)
    engine.run()
    assert not engine.failures
    for number, tokens in engine.answers.items():
        text = tokenizer.decode(tokens)
        match number % 3:
            case 0:
                assert is_dog(text)
                assert engine.finished[number] == "stop"
            case 1:
                assert (text, engine.finished[number]) == ("true", "stop")
            case _:
                expected = alone.answer(some_prompt(number, 8), max_tokens=100, end_ids=ENDS)
                same(tokens, engine.finished[number], expected)


def test_adapters_and_grammars_together(bench: Make, tokenizer: Tokenizer) -> None:
    engine = bench(slots=3)
    for number, adapter in enumerate(["adapter-1", "adapter-2", None, "adapter-3"]):
        engine.ask(
            number,
            some_prompt(1, 8),
            adapter,
            max_tokens=100,
            end_ids=ENDS,
            sampling=warm(1),
            grammar=A_DOG,
        )
    engine.run()
    texts = [tokenizer.decode(tokens) for tokens in engine.answers.values()]
    assert all(is_dog(text) for text in texts)
    assert len(set(texts)) > 1


def test_the_same_seed_gives_the_same_whoever_is_beside(bench: Make) -> None:
    options: dict[str, Any] = {"max_tokens": 100, "end_ids": ENDS, "grammar": A_DOG}
    by_itself = bench().give(1, some_prompt(1, 8), sampling=warm(7), **options)
    engine = bench()
    engine.ask(2, some_prompt(2, 30), max_tokens=40, sampling=warm(9))
    engine.ask(3, some_prompt(3, 8), sampling=warm(8), **options)
    assert engine.give(1, some_prompt(1, 8), sampling=warm(7), **options) == by_itself
    assert engine.answers[3] != by_itself
    greedy = [bench().give(1, some_prompt(1, 8), **options) for _ in range(2)]
    assert greedy[0] == greedy[1]


def test_too_few_tokens_cut_the_answer_short(bench: Make, tokenizer: Tokenizer) -> None:
    engine = bench()
    tokens = engine.give(1, some_prompt(1, 8), max_tokens=4, end_ids=ENDS, grammar=A_DOG)
    assert engine.finished[1] == "length"
    assert len(tokens) == 4
    assert '{"name":'.startswith(tokenizer.decode(tokens)[:8])


def test_an_answer_ends_where_the_grammar_does(bench: Make, tokenizer: Tokenizer) -> None:
    """However many tokens were wished for."""
    engine = bench()
    tokens = engine.give(
        1, some_prompt(1, 8), max_tokens=60, min_tokens=50, end_ids=ENDS, grammar=TRUE
    )
    assert tokenizer.decode(tokens) == "true"
    assert engine.finished[1] == "stop"


def test_as_many_tokens_as_wished_for_where_the_grammar_has_them(bench: Make) -> None:
    grammar = LLMatcher.grammar_from_regex(r"[A-Za-z ,.?!']{1,200}")
    engine = bench(max_rows=16)
    for number in range(16):
        engine.ask(
            number,
            some_prompt(1, 8),
            max_tokens=40,
            min_tokens=12 if number < 8 else 0,
            end_ids=ENDS,
            sampling=warm(number),
            grammar=grammar,
        )
    engine.run()
    lengths = [len(engine.answers[number]) for number in range(16)]
    assert min(lengths[:8]) >= 12 > min(lengths[8:])


def test_a_word_that_ends_turns_is_no_part_of_an_answer(bench: Make, tokenizer: Tokenizer) -> None:
    """Some models end their turns by what would be text anywhere else."""
    letters = [tokenizer.encode(letter, special=False) for letter in "abcdefgh"]
    ends = (*ENDS, *(token for (token,) in letters))
    engine = bench()
    grammar = schema_grammar({"type": "string", "pattern": "^[a-hxyz]{6}$"})
    for number in range(8):
        engine.ask(
            number,
            some_prompt(number, 8),
            max_tokens=30,
            end_ids=ends,
            sampling=warm(number),
            grammar=grammar,
        )
    engine.run()
    for tokens in engine.answers.values():
        assert len(json.loads(tokenizer.decode(tokens))) == 6


def test_what_the_grammar_forbids_is_told_as_impossible(bench: Make) -> None:
    engine = bench()
    tokens = engine.give(
        1, some_prompt(1, 8), max_tokens=9, end_ids=ENDS, sampling=warm(1), grammar=TRUE, logprobs=3
    )
    told = engine.logprobs[1]
    assert len(told) == len(tokens)
    for token, one in zip(tokens, told, strict=True):
        assert one.ids[0] == token
        assert one.logprobs[0] == pytest.approx(one.chosen, abs=1e-5)
        assert one.chosen > -5
    # `true` begins in one of a few ways, and no other token has a chance.
    assert sum(1 for value in told[0].logprobs if value > float("-inf")) <= 3


def test_penalties_bend_what_the_grammar_leaves(bench: Make, tokenizer: Tokenizer) -> None:
    yes, no = (tokenizer.encode(word, special=False)[0] for word in ("true", "false"))
    grammar = schema_grammar({"type": "boolean"})
    for wanted, other in ((yes, no), (no, yes)):
        engine = bench()
        bias = ((wanted, 50.0), (other, -50.0))
        tokens = engine.give(
            1,
            some_prompt(1, 8),
            end_ids=ENDS,
            grammar=grammar,
            sampling=Sampling(temperature=0, logit_bias=bias),
        )
        assert tokens[0] == wanted


def test_a_grammar_that_is_none_fails_its_own_request(bench: Make) -> None:
    engine = bench()
    engine.ask(1, some_prompt(1, 8), max_tokens=4)
    engine.ask(2, some_prompt(2, 8), end_ids=ENDS, grammar='{"grammars": 7}')
    engine.run()
    assert engine.failures[2].kind == "grammar"
    assert set(engine.failures) == {2}
    assert len(engine.answers[1]) == 4


def test_nothing_is_left_of_a_cancelled_row(bench: Make) -> None:
    engine = bench()
    for number in range(3):
        engine.ask(number, some_prompt(1, 8), max_tokens=90, end_ids=ENDS, grammar=A_DOG)
        for _ in range(4 * number):  # while it waits, at its first tokens, and in the midst
            engine.step()
        kept = [
            weakref.ref(request.row.constraint)
            for request in engine.backend._requests.values()
            if request.row.constraint is not None
        ]
        engine.cancel(number)
        engine.give(
            10 + number, some_prompt(9, 8), max_tokens=2
        )  # the sampler remembers its latest rows
        gc.collect()
        assert [one() for one in kept] == [None] * len(kept)
        assert engine.quiet


def test_a_prompt_is_in_the_prefix_cache_whatever_its_answer_was_bound_to(bench: Make) -> None:
    engine = bench()
    prompt = some_prompt(4, 60)
    engine.give(1, prompt, max_tokens=30, end_ids=ENDS, grammar=A_DOG)
    free = engine.give(2, prompt, max_tokens=10)
    assert engine.started[2].cached == 59
    assert free == bench().give(1, prompt, max_tokens=10)


@pytest.mark.parametrize(("told", "logits"), [(4200, 4200), (0, 4200), (4096, 4200)])
def test_a_width_beyond_the_tokenizers(base: Path, told: int, logits: int) -> None:
    """Whether the config says so beforehand, or not, or something else."""
    grammars = Grammars(base / "tokenizer.json", told, ENDS)
    grammars.prepare()
    grammars.fit(logits)
    assert grammars.constraint(TRUE, ENDS).words * 32 >= 4200


def test_a_width_below_the_tokenizers(base: Path) -> None:
    constraint = Grammars(base / "tokenizer.json", 4000, ENDS).constraint(TRUE, ENDS)
    assert constraint.words * 32 >= 4096


@pytest.mark.parametrize("ends", [ENDS, (), (99_999,)])
def test_which_ids_end_a_base_does_not_matter_to_its_grammars(
    base: Path, ends: tuple[int, ...]
) -> None:
    constraint = Grammars(base / "tokenizer.json", 4096, ends).constraint(TRUE, (7,))
    for token in Tokenizer.load(base).encode("true", special=False):
        constraint.take(token)
    allowed = np.zeros(constraint.words, np.int32)
    constraint.settle(allowed)
    assert [token for token in range(4096) if allowed[token // 32] >> token % 32 & 1] == [7]


def test_a_tokenizer_that_is_none(tmp_path: Path) -> None:
    """It fails those who need it, and only when they do."""
    (tmp_path / "tokenizer.json").write_text("{}")
    for path in (tmp_path / "tokenizer.json", tmp_path / "absent.json"):
        grammars = Grammars(path, 10, ENDS)
        grammars.prepare()
        with pytest.raises(GrammarError, match="this base's tokenizer can't be constrained"):
            grammars.constraint(TRUE, ENDS)


def test_the_compiler_reports_both_ways(base: Path) -> None:
    told: queue.SimpleQueue[Compiled | NotCompiled] = queue.SimpleQueue()
    compiler = GrammarCompiler(Grammars(base / "tokenizer.json", 4096), told.put)
    for number, grammar in ((1, TRUE), (2, "nonsense")):
        compiler.compile(
            Generate(
                id=number,
                prompt=[1],
                adapter=None,
                max_tokens=1,
                end_ids=ENDS,
                sampling=GREEDY,
                grammar=grammar,
            )
        )
    first, second = told.get(timeout=60), told.get(timeout=60)
    assert isinstance(first, Compiled)
    assert first.request == 1
    assert isinstance(second, NotCompiled)
    assert second.request == 2


def test_what_is_forbidden_is_the_same_wherever_it_is_found(
    blas: None,  # noqa: ARG001 - imports MLX
) -> None:
    from bluey_server.engine.masks import bias_by_device, bias_by_host, byte_biases

    words = np.array([[5, -1, 0], [-(2**31), 2**31 - 1, 1]], np.int32)
    expected = [
        [0.0 if (int(word) >> bit) & 1 else -math.inf for word in row for bit in range(32)]
        for row in words
    ]
    assert bias_by_device(words).tolist() == expected
    assert bias_by_host(words, byte_biases()).tolist() == expected
