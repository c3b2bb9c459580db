"""Answers as the page shows them: side by side by model, with what was found marked in the text."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from bluey_admin.evaluation.findings import ShownAnswer, ShownQuestion

EXPERIMENT = ("sad", "today", "homework", "story")
"""The ids of the prompts that the experiment asks for; they come first."""


@dataclass(frozen=True)
class Piece:
    """A stretch of an answer, and what was found there."""

    text: str
    by_heart: bool
    breaks: bool


@dataclass(frozen=True)
class Said:
    """An answer in pieces, and what marks it as a whole."""

    answer: ShownAnswer
    pieces: list[Piece]
    remarks: list[str]


@dataclass(frozen=True)
class Column:
    """What one model said to a question: its first seed, and the others."""

    model: str
    first: Said
    others: list[Said]


def in_order(questions: Iterable[ShownQuestion]) -> tuple[list[ShownQuestion], list[ShownQuestion]]:
    """The experiment's prompts in their own order, and the rest in the order given."""
    by_id = {question.id: question for question in questions}
    first = [by_id.pop(id_) for id_ in EXPERIMENT if id_ in by_id]
    return first, list(by_id.values())


def columns(question: ShownQuestion) -> list[Column]:
    """A question's answers by model, in the order in which the models come."""
    by_model: dict[str, list[Said]] = {}
    for answer in question.answers:
        by_model.setdefault(answer.model, []).append(_said(answer))
    return [Column(model, first, others) for model, (first, *others) in by_model.items()]


def _said(answer: ShownAnswer) -> Said:
    by_heart, breaks = _find(answer.text, answer.by_heart), _find(answer.text, answer.breaks)
    remarks = []
    if answer.on_topic is False:
        remarks.append("off topic")
    if answer.cut_short:
        remarks.append("cut short")
    elif answer.finish_reason != "stop":
        remarks.append(f"ended by {answer.finish_reason}")
    if answer.by_heart:
        remarks.append("by heart" if by_heart else f"by heart: “{answer.by_heart}”")
    if answer.breaks:
        remarks.append("breaks" if breaks else f"breaks: “{answer.breaks}”")
    return Said(answer, _pieces(answer.text, by_heart, breaks), remarks)


def _find(text: str, phrase: str | None) -> range:
    """Where `phrase` stands in `text`; nowhere is an empty range."""
    start = text.find(phrase) if phrase else -1
    return range(start, start + len(phrase or "")) if start >= 0 else range(0)


def _pieces(text: str, by_heart: range, breaks: range) -> list[Piece]:
    ends = {0, len(text), *(end for r in (by_heart, breaks) for end in (r.start, r.stop))}
    cuts = sorted(ends)
    return [
        Piece(text[start:end], start in by_heart, start in breaks) for start, end in pairwise(cuts)
    ]
