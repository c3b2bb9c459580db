"""Telling a character's talk from plain talk by the words alone, never by what is said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline


class StyleClassifier:
    """Logistic regression over words and pairs of words, weighted by how telling they are."""

    def __init__(self, character: Sequence[str], plain: Sequence[str]) -> None:
        """Learn from texts in the character's voice, and plain ones that answer the same."""
        self._model = _pipeline()
        self._model.fit([*character, *plain], [1] * len(character) + [0] * len(plain))

    def probability(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(len(texts),) probabilities that the character speaks."""
        shares: Any = self._model.predict_proba(list(texts))
        return np.asarray(shares[:, 1], np.float64)


def _pipeline() -> Pipeline:
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[\w']+|[!?]"),
        LogisticRegression(C=10.0, max_iter=1000),
    )
