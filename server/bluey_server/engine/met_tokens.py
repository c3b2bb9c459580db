"""The tokens that one row has met, or has a bias for, and what penalties need to know of each."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt


class MetTokens:
    """Arrays that grow in place; each token has one column, the first to come the first."""

    def __init__(self, ids: Iterable[int], repeated: set[int], biases: Mapping[int, float]) -> None:
        """`ids`, at least one, are known from the start; `repeated` are those of the prompt that
        count as repeated when they come again."""
        known = list(ids)
        self._columns = {token: column for column, token in enumerate(known)}
        self._ids = np.array(known, np.int32)
        self._facts = np.zeros((3, len(known)), np.float32)
        self._facts[1] = [token in repeated for token in known]
        self._facts[2] = [biases.get(token, 0.0) for token in known]

    def __len__(self) -> int:
        return len(self._columns)

    def meet(self, token: int) -> None:
        """Count a token of the answer."""
        column = self._columns.setdefault(token, len(self))
        if column == len(self._ids):
            self._ids = np.append(self._ids, np.zeros(column, np.int32))
            self._facts = np.append(self._facts, np.zeros((3, column), np.float32), axis=1)
        self._ids[column] = token
        self._facts[0, column] += 1

    @property
    def ids(self) -> npt.NDArray[np.int32]:
        """(N,) token ids, no two alike."""
        return self._ids[: len(self)]

    @property
    def facts(self) -> npt.NDArray[np.float32]:
        """(3, N): how often each is in the answer, 1 if it is one of the prompt's, its bias."""
        return self._facts[:, : len(self)]
