"""`python -m bluey_admin.embedded.measure`: how good the embedded pair and its adapters are.

Asks a running server, as any client would: the probes of a data set, everyday openers and
two-turn dialogues that were written without sight of the training texts (`checks/`). Says how
often an answer is on topic, ends by itself, uses only words of the training texts, and which voice
the words are told to be.
"""

import argparse
import json
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from rich.progress import Progress

from bluey_admin.embedded.dialogues import TALK, WIDE, dialogues
from bluey_admin.embedded.prose import documents
from bluey_admin.evaluation.asking import Answer, Question, Sampling, ask_all
from bluey_admin.evaluation.style import StyleClassifier
from bluey_admin.evaluation.voices import read_voices, training_examples
from bluey_admin.evaluation.words import on_topic, words_of
from bluey_data.catalog import read_probes

_CHECKS = Path(__file__).with_name("checks")
_TEXTS = 40_000  # documents, and as many dialogues: what a word must be in to be known


def main() -> None:
    """Ask, score and print one JSON object."""
    parser = argparse.ArgumentParser(
        prog="python -m bluey_admin.embedded.measure", description=__doc__
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--url", default="http://127.0.0.1:25839/v1")
    parser.add_argument("--data", default="bluey", help="the packaged data set of the character")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--answers", type=Path, help="write every answer here, as JSONL")
    flags = parser.parse_args()
    seeds = range(flags.first_seed, flags.first_seed + flags.seeds)
    answers: list[Answer] = []
    scores = {}
    known, style = known_words(flags.data), read_style(flags.data)
    for model in flags.models:
        scores[model], heard = measure(flags.url, model, seeds, known, style)
        answers += heard
    if flags.answers:
        lines = (json.dumps({f: getattr(a, f) for f in a.__struct_fields__}) for a in answers)
        flags.answers.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(json.dumps(scores, indent=2))


def measure(
    url: str, model: str, seeds: range, known: set[str], style: StyleClassifier
) -> tuple[dict[str, Any], list[Answer]]:
    """The figures of one model, and all that it said."""
    probes = [(p.id, p.prompt, p.on_topic) for p in read_probes("bluey")]
    single = {"probes": probes} | {
        file.stem: [(row["id"], row["prompt"], row["on_topic"]) for row in _rows(file)]
        for file in sorted(_CHECKS.glob("openers*.jsonl"))
    }
    result: dict[str, Any] = {}
    everything: list[Answer] = []
    for name, asked in single.items():
        questions = [Question(i, [{"role": "user", "content": said}]) for i, said, _ in asked]
        terms = {i: words for i, _, words in asked}
        heard = _ask(url, model, questions, seeds, name)
        everything += heard
        result[name] = {
            "on_topic": _share(on_topic(a.text, terms[a.question]) for a in heard),
            "ended": _share(a.finish_reason == "stop" for a in heard),
            "character": _share(style.probability([a.text for a in heard]) > 0.5),
            "known_words": _share(w in known for a in heard for w in words_of(a.text)),
            "words": sum(len(words_of(a.text)) for a in heard) / len(heard),
        }
        strange = Counter(w for a in heard for w in words_of(a.text) if w not in known)
        result[name]["strange_words"] = dict(strange.most_common(20))
    for file in sorted(_CHECKS.glob("two-turns*.jsonl")):
        rows = _rows(file)
        questions = [Question(row["id"], row["messages"]) for row in rows]
        right = {row["id"]: row["right"] for row in rows}
        heard = _ask(url, model, questions, seeds, file.stem)
        everything += heard
        hits = {a: on_topic(a.text, right[a.question]) for a in heard}
        of = {i: sum(hit for a, hit in hits.items() if a.question == i) for i in right}
        result[file.stem] = {"right": _share(hits.values()), "by_question": of}
    return result, everything


def known_words(dataset: str) -> set[str]:
    """Every word of the generator's texts and of a data set's training file."""
    texts: list[str] = list(islice(documents(17), _TEXTS))
    for mixture in (TALK, WIDE):
        talks = islice(dialogues(17, mixture), _TEXTS)
        texts += [turn["content"] for talk in talks for turn in talk]
    texts += [turn.content for one in training_examples(dataset) for turn in one.messages]
    return {word for text in texts for word in words_of(text)}


def read_style(dataset: str) -> StyleClassifier:
    """A classifier of a packaged data set against its contrast set."""
    voices = read_voices(dataset)
    return StyleClassifier(voices.replies, voices.plain_replies)


def _rows(file: Path) -> list[dict[str, Any]]:
    lines = file.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _ask(url: str, model: str, questions: list[Question], seeds: range, what: str) -> list[Answer]:
    from rich.console import Console

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(f"{model}: {what}", total=len(questions) * len(seeds))
        return ask_all(
            url, model, questions, seeds, Sampling(), heard=lambda _: progress.advance(task)
        )


def _share(hits: Any) -> float:
    found = [bool(hit) for hit in hits]
    return round(sum(found) / len(found), 4) if found else float("nan")


if __name__ == "__main__":
    main()
