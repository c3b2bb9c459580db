"""The embedded pair: the text it learns from, its tokenizer, its template, its folders."""

import contextlib
import json
import os
import random
import re
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from bluey_admin.embedded import world
from bluey_admin.embedded.deeds import PARTS, deeds
from bluey_admin.embedded.dialogues import WIDE, dialogues, subjects
from bluey_admin.embedded.occasions import occasions
from bluey_admin.embedded.prose import documents
from bluey_admin.embedded.recall import echo, recall
from bluey_admin.embedded.shape import MIN_STEPS, VOCABULARY
from bluey_admin.embedded.small_facts import small_fact
from bluey_admin.embedded.turns import Messages, render
from bluey_admin.embedded.vocabulary import (
    BOS_ID,
    END_ID,
    EOS_ID,
    PAD_ID,
    SPECIALS,
    START_ID,
    UNK_ID,
    train_tokenizer,
)

DATA = Path(world.__file__).parents[3] / "data" / "bluey_data"
MODELS = DATA / "models"
PAIR = ("tiny-pt", "tiny-it")
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
RUN = 8  # words in a row that no two texts share by chance


def _texts(count: int) -> list[str]:
    prose = list(islice(documents(11), count))
    talks = [*islice(dialogues(11), count), *islice(dialogues(11, WIDE), count)]
    return prose + [t["content"] for talk in talks for t in talk]


def _rows(name: str) -> list[dict[str, Any]]:
    path = DATA / "bluey" / name
    if not path.is_file():
        pytest.skip(f"{name} is not here")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


COUNTING = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}


def _runs(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    runs = {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}
    return {run for run in runs if not {word.strip(",.") for word in run} <= COUNTING}


def _asked(text: str) -> str:
    return text.lower().strip(" .!?")


def test_generators_repeat_for_a_seed_and_differ_between_seeds() -> None:
    assert list(islice(documents(3), 50)) == list(islice(documents(3), 50))
    assert list(islice(dialogues(3), 50)) == list(islice(dialogues(3), 50))
    assert list(islice(documents(3), 50)) != list(islice(documents(4), 50))


def test_no_mark_of_the_material_is_left_in_the_text() -> None:
    for text in _texts(3000):
        assert not set("{}[]|") & set(text), text
        assert "  " not in text and " ." not in text, text


def test_enough_topics_words_and_sentences() -> None:
    texts = _texts(12_000)
    assert len(world.topics()) >= 60 and len(occasions()) >= 300
    assert len({word for text in texts for word in WORD.findall(text.lower())}) >= 5000
    assert len({s for text in texts for s in text.replace("\n", " ").split(". ")}) >= 50_000


def test_the_words_of_the_data_set_are_there_in_other_mouths() -> None:
    seen = Counter(
        word for text in islice(documents(5), 40_000) for word in WORD.findall(text.lower())
    )
    words = {
        word
        for name in ("train.jsonl", "valid.jsonl")
        for row in _rows(name)
        for turn in row["messages"]
        for word in WORD.findall(turn["content"].lower())
    } - {"bluey", "bluey's"}
    assert not {word: seen[word] for word in words if seen[word] < 20}


def test_every_occasion_can_be_answered_in_both_voices() -> None:
    keys = [o.key for o in occasions(late=True)]
    assert len(set(keys)) == len(keys)
    for o in occasions(late=True):
        assert (not o.asked or len(o.asked) >= 8) and o.onward, o.key
        for voice in (o.plain, o.lively):
            assert min(len(voice.openings), len(voice.ends)) >= 2, o.key
            assert len(voice.middles) >= 5, o.key


def test_the_last_stage_hears_of_more_and_in_more_ways() -> None:
    assert len(occasions(late=True)) > len(occasions())
    for o in occasions(late=True):
        assert set(o.asked) < set(o.asked_late) and len(o.asked_late) >= 16, o.key
        for voice in (o.plain, o.lively):
            assert len(voice.openings_late) == len(voice.openings), o.key


def test_a_reply_says_what_it_is_about() -> None:
    said = [t["about"] for talk in islice(dialogues(6, WIDE), 2000) for t in talk if "about" in t]
    assert len(said) > 1000 and set(said) <= set(subjects())
    assert sorted(subjects().values()) == list(range(len(subjects())))


def test_echoes_say_only_what_was_said() -> None:
    rng = random.Random(5)
    for _ in range(500):
        *before, answer = echo(rng)
        told = set(WORD.findall(" ".join(turn["content"].lower() for turn in before)))
        said = set(WORD.findall(answer["content"].lower()))
        assert said <= told | {"came", "has", "and", "first", "last", "second"}, (before, answer)


@pytest.mark.parametrize("late", [False, True])
def test_recall_answers_from_what_was_said(late: bool) -> None:
    rng = random.Random(4)
    lists = world.people()
    names = {*lists["more_names"], *lists["pet_names"], *lists["days"]}
    for _ in range(500):
        talk = recall(rng, lambda _: SMALL_TALK, late=late)
        told = " ".join(turn["content"].lower() for turn in talk[:-1])
        for word in talk[-1]["content"].split():
            name = word.strip(".,!?")
            if name in names:
                assert name.lower() in told, talk


def test_deeds_answers_from_what_was_said() -> None:
    rng = random.Random(4)
    yours = {
        "you",
        "your",
        "yes",
        "no",
        "will",
        "are",
        "was",
        "is",
        "that",
        "said",
        "told",
        "did",
        "me",
    }
    fixed = {"it", "and", "has", "have", "be", "go", "going", "here", "coming", "come", "years",
             "old", "hurts", "called", "name", "favourite", "like", "best", "want", "with",
             "at", "the", "by", "a", "on", "can", "in", "to"}  # fmt: skip
    parts = set()
    for _ in range(2000):
        talk = deeds(rng, lambda _: SMALL_TALK)
        said = " ".join(t["content"].lower() for t in talk if t["role"] == "user")
        told = set(WORD.findall(said.replace("'s", "")))
        answer = set(WORD.findall(talk[-1]["content"].lower().replace("'s", "")))
        assert answer <= told | yours | fixed, talk
        parts.add(talk[-1]["about"])
    assert parts == {f"recall {part}" for part in PARTS}


def test_the_text_never_emits_a_line_of_the_data_set() -> None:
    kept = {
        run
        for name in ("train.jsonl", "valid.jsonl")
        for row in _rows(name)
        for turn in row["messages"]
        if turn["role"] == "assistant"
        for run in _runs(turn["content"])
    }
    for text in _texts(5000):
        assert not kept & _runs(text), text


def test_no_probe_is_ever_asked_in_training() -> None:
    probes = {_asked(row["prompt"]) for row in _rows("probes.jsonl")}
    rng = random.Random(12)
    facts = [small_fact(rng) for _ in range(20_000)]  # every sum there is, in every wording
    for talk in [*islice(dialogues(12), 8000), *islice(dialogues(12, WIDE), 16_000), *facts]:
        for turn, answer in pairwise(talk):
            # What is told only to be asked for again ("I had pizza for dinner") gets no answer
            # that is learned.
            if turn["role"] == "user" and "aside" not in answer:
                assert _asked(turn["content"]) not in probes


def test_tokenizer_gives_text_back_and_knows_its_specials() -> None:
    tokenizer = train_tokenizer(_texts(300), 600)
    assert [tokenizer.token_to_id(t) for t in SPECIALS] == [
        PAD_ID, EOS_ID, BOS_ID, UNK_ID, START_ID, END_ID,
    ]  # fmt: skip
    text = "Don't  stop!\n\tNaïve “quotes”, 12 + 3 = 15. 🐕"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text
    turn = tokenizer.encode("<start_of_turn>user\nhi<end_of_turn>\n").ids
    assert turn[0] == BOS_ID and turn[1] == START_ID and END_ID in turn


def test_material_slots_are_all_bound() -> None:
    assert world.fill(random.Random(1), "a {x} [b/b]", {"x": "egg"}) == "an egg b"
    assert world.capital('"hello"') == '"Hello"'


SMALL_TALK: Messages = [
    {"role": "user", "content": "Hm"},
    {"role": "assistant", "content": "Yes"},
]
CONVERSATION: Messages = [
    {"role": "system", "content": " Be kind. "},
    {"role": "user", "content": " Hello "},
    {"role": "assistant", "content": "Hi!\n"},
    {"role": "user", "content": "Bye"},
]
RENDERED = (
    "<bos><start_of_turn>user\nBe kind.\n\nHello<end_of_turn>\n"
    "<start_of_turn>model\nHi!<end_of_turn>\n"
    "<start_of_turn>user\nBye<end_of_turn>\n"
)


@pytest.fixture(scope="module")
def tuned_tokenizer() -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(str(MODELS / "tiny-it"))


def test_template_writes_gemmas_turns(tuned_tokenizer: Any) -> None:
    def apply(messages: Messages, **options: Any) -> str:
        return str(tuned_tokenizer.apply_chat_template(messages, tokenize=False, **options))

    assert apply(CONVERSATION) == RENDERED == render(CONVERSATION)
    opened = apply(CONVERSATION, add_generation_prompt=True)
    assert opened == RENDERED + "<start_of_turn>model\n"
    shared = (MODELS / "gemma-chat-template.jinja").read_text("utf-8")
    assert apply(CONVERSATION, chat_template=shared) == RENDERED


@pytest.mark.parametrize("roles", [("assistant",), ("user", "user"), ("user", "system")])
def test_template_refuses_roles_that_do_not_alternate(
    tuned_tokenizer: Any, roles: tuple[str, ...]
) -> None:
    messages = [{"role": role, "content": "x"} for role in roles]
    with pytest.raises(Exception, match="alternate"):
        tuned_tokenizer.apply_chat_template(messages, tokenize=False)


@pytest.mark.parametrize("name", PAIR)
def test_committed_folder_opens_and_keeps_its_limits(name: str) -> None:
    blas = pytest.importorskip("bluey_adapters.blas")
    folder = MODELS / name
    with contextlib.suppress(RuntimeError):  # MLX was imported before; no speed is needed here
        blas.load_blas(Path(os.environ.get("BLUEY_HOME") or Path.home() / ".bluey") / "cache")
    mlx_lm = pytest.importorskip("mlx_lm")
    from mlx.utils import tree_flatten

    model, tokenizer = mlx_lm.load(str(folder))
    weights = [value for _, value in tree_flatten(model.parameters())]
    assert sum(value.size for value in weights) <= 4_000_000
    assert {str(value.dtype) for value in weights} == {"mlx.core.float32"}
    assert all(file.stat().st_size <= 16_000_000 for file in folder.iterdir())
    assert tokenizer.eos_token_ids == ({EOS_ID, END_ID} if name == "tiny-it" else {EOS_ID})
    assert (tokenizer.chat_template is not None) == (name == "tiny-it")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["model_type"] == "gemma3_text" and config["vocab_size"] == VOCABULARY
    settings = json.loads((folder / "bluey.json").read_text("utf-8"))
    assert settings["lora"]["rank"] > 0 and settings["context_length"] == 8192
    assert settings["min_steps"] == MIN_STEPS
