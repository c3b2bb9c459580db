"""Telling a character's talk from plain talk by the letters alone, never by what is said."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from bluey_admin.evaluation.findings import Interval
from bluey_admin.evaluation.intervals import mean_interval

DESCRIPTION = (
    "logistic regression over runs of 2 to 5 letters within words (TF-IDF, L2-normalised), "
    "contractions written out"
)

_WRITTEN_OUT = (
    (re.compile(r"can't\b"), "can not"),
    (re.compile(r"won't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"'s\b"), " is"),
)


class StyleClassifier:
    """Logistic regression over the runs of letters in words, weighted by how telling they are.

    The weights of a text have length 1, so its own length decides nothing; a short text has fewer
    telling runs, though, and its probability lies nearer to the middle.
    """

    def __init__(self, character: Sequence[str], plain: Sequence[str]) -> None:
        """Learn from texts in the character's voice, and plain ones that answer the same."""
        few = len(character) + len(plain) < 20
        self._model = _pipeline(seldomest=1 if few else 2)
        self._model.fit([*character, *plain], [1] * len(character) + [0] * len(plain))

    def probability(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(len(texts),) probabilities that the character speaks."""
        if not texts:
            return np.empty(0)
        shares: Any = self._model.predict_proba(list(texts))
        return np.asarray(shares[:, 1], np.float64)


def cross_validated(
    character: Sequence[Sequence[str]], plain: Sequence[Sequence[str]], folds: int = 5
) -> Interval:
    """How often the classifier tells replies of conversations that it did not learn from.

    Both hold the replies of conversation after conversation, about the same prompts in the same
    order: the two voices of one prompt fall into the same fold, and the interval is over
    conversations. All None with fewer than two of them.
    """
    count = min(len(character), len(plain))
    right = np.full((count, 2), np.nan)  # share of a conversation's replies, by voice
    folds = min(folds, count)
    for fold in range(folds if count > 1 else 0):
        held_out = range(fold, count, folds)
        learned = [index for index in range(count) if index % folds != fold]
        model = StyleClassifier(_joined(character, learned), _joined(plain, learned))
        for index in held_out:
            right[index, 0] = np.mean(model.probability(character[index]) > 0.5)
            right[index, 1] = np.mean(model.probability(plain[index]) <= 0.5)
    return mean_interval(right)


def _joined(conversations: Sequence[Sequence[str]], chosen: Sequence[int]) -> list[str]:
    return [reply for index in chosen for reply in conversations[index]]


def _pipeline(seldomest: int) -> Pipeline:
    """`seldomest`: in how many texts a run must be to count."""
    return make_pipeline(
        TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=(2, 5),
            sublinear_tf=True,
            min_df=seldomest,
            preprocessor=_prepared,
        ),
        LogisticRegression(C=30.0, max_iter=1000),
    )


def _prepared(text: str) -> str:
    """Lower case, with "I'm" as "i am": chatty assistants contract too, and where a contrast set
    doesn't, an apostrophe would pass for character."""
    text = text.lower().replace("\u2019", "'")
    for contraction, whole in _WRITTEN_OUT:
        text = contraction.sub(whole, text)
    return text
