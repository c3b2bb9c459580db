"""What a comparison has found, as it is kept in `report.json` and shown on the page. Data only."""

from typing import Any

import msgspec

SCORES = (
    "character",
    "on_topic",
    "words",
    "in_range",
    "cut_short",
    "by_heart",
    "breaks",
    "variety",
)
"""The names of an answer's scores, in the order in which they are shown."""


class Interval(msgspec.Struct, frozen=True):
    """A figure and its 95 % bootstrap interval; all None where it can't be had."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Curve(msgspec.Struct, frozen=True):
    """Losses of one training, nats a token: of single steps, and held out."""

    train: list[tuple[int, float]]  # (step, loss)
    valid: list[tuple[int, float]]


class Training(msgspec.Struct, frozen=True):
    """How a compared version came to be."""

    version: str  # "bluey-it@2"
    base: str
    seconds: float
    hyperparameters: dict[str, Any]
    metrics: dict[str, Any]
    curve: Curve


class ModelFindings(msgspec.Struct, frozen=True):
    """All that is said of one model."""

    name: str  # as it was asked for, "bluey-it"
    resolved: str  # what that meant, "bluey-it@2", or the URL that was asked
    scores: dict[str, Interval]  # by SCORES
    perplexity: dict[str, Interval]  # "character" and "plain": held-out lines of either kind
    trainings: list[Training] = []  # none for a base
    why_no_perplexity: str | None = None


class Verdict(msgspec.Struct, frozen=True):
    """One model against another in one score: the mean difference, first minus second."""

    score: str
    first: str
    second: str
    difference: Interval
    says: str  # a sentence, and only one that the interval allows


class JudgeFindings(msgspec.Struct, frozen=True):
    """One pair of models before the judge, each pair of answers in both orders."""

    first: str
    second: str
    wins: Interval  # the share of pairs that `first` won, ties half
    asked: int
    consistent: float | None  # share of pairs with the same verdict in both orders
    chose_shown_first: float | None  # of decided answers; 0.5 is unbiased
    refused: int
    malformed: int


class ShownAnswer(msgspec.Struct, frozen=True):
    """One answer with what was found in it."""

    model: str
    seed: int
    text: str
    finish_reason: str
    character: float
    on_topic: bool | None
    by_heart: str | None  # the words in a row that a training line has too
    breaks: str | None  # the phrase that broke the character
    cut_short: bool


class ShownQuestion(msgspec.Struct, frozen=True):
    """A probe and the answers to it, by model in the order of the comparison, then by seed."""

    id: str
    prompt: str
    answers: list[ShownAnswer]


class SweepPoint(msgspec.Struct, frozen=True):
    """One trained or sampled variant of a sweep."""

    label: str  # "it, epochs 5, rank 8"
    base: str
    varied: dict[str, Any]  # {"epochs": 5, "rank": 8}
    scores: dict[str, Interval]
    perplexity: dict[str, Interval]
    seconds: float | None
    train_loss_last: float | None
    valid_loss_last: float | None


class Classifier(msgspec.Struct, frozen=True):
    """The judge of style, and how good it is at it itself."""

    description: str
    accuracy: Interval  # cross-validated, on conversations that it did not learn from
    examples: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report."""

    id: str  # the report's folder
    title: str
    created_at: float  # seconds since the epoch
    dataset: str
    probes: int
    seeds: list[int]
    sampling: dict[str, Any]
    machine: str
    classifier: Classifier
    training_words: dict[str, float]  # words a reply in the training data: mean, p05, p50, p95
    models: list[ModelFindings]
    verdicts: list[Verdict]
    judge_model: str | None = None
    judged: list[JudgeFindings] = []
    questions: list[ShownQuestion]
    sweep: list[SweepPoint] = []
    notes: list[str] = []  # what a reader must know: one training each, capped lengths, …


def to_json(findings: Findings) -> dict[str, Any]:
    """What `compare --json` prints: the promised shape, `models` keyed by name, and the rest."""
    whole: dict[str, Any] = msgspec.to_builtins(findings)
    models = {model.pop("name"): {**model.pop("scores"), **model} for model in whole.pop("models")}
    return {"probes": whole.pop("probes"), "models": models, **whole}
