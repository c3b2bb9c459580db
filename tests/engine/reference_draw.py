"""How a token is drawn, written down a second time: float64, one row, everything in order."""

from typing import Any

import numpy as np
import numpy.typing as npt

from bluey_server.messages import Sampling

ROUNDING = 2e-6
"""A share of probability that float32 may move from a token to its neighbour."""


def probabilities(logits: npt.ArrayLike, sampling: Sampling) -> npt.NDArray[np.float64]:
    """(V,) of what may be drawn, in sum 1. The larger logit comes first, of equals the lower id;
    top-k keeps the first k, then top-p the shortest beginning that has its share of what is left,
    and min-p what is likely enough; the first token always stays."""
    values = np.asarray(logits, np.float64)
    order = np.lexsort((np.arange(len(values)), -values))
    if sampling.temperature == 0:
        return np.eye(1, len(values), int(order[0]))[0]
    weights = np.exp((values - values.max()) / sampling.temperature)
    ordered = weights[order]
    if sampling.top_k:
        ordered[sampling.top_k :] = 0
    share = ordered / ordered.sum()
    kept = np.ones(len(values), bool)
    if sampling.top_p < 1:
        kept &= np.cumsum(share) - share < sampling.top_p
    kept &= ordered >= sampling.min_p
    kept[0] = True
    result = np.zeros(len(values))
    result[order] = np.where(kept, ordered, 0)
    return result / result.sum()


def may_be_drawn(token: int, uniform: float, expected: npt.NDArray[np.float64]) -> bool:
    """Whether a token is the one at `uniform` of the cumulative distribution, up to rounding."""
    until = float(np.cumsum(expected)[token])
    since = until - float(expected[token])
    return bool(expected[token] > 0 and since - ROUNDING <= uniform <= until + ROUNDING)


def edge(logits: npt.ArrayLike, sampling: Sampling) -> bool:
    """Whether top-p or min-p hang on the last digit: float32 may keep a token more or less."""
    near: list[Any] = []
    if sampling.top_p < 1:
        without = Sampling(temperature=sampling.temperature or 1.0, top_k=sampling.top_k, top_p=1.0)
        share = np.sort(probabilities(logits, without))[::-1]
        near.append(np.cumsum(share) - share - sampling.top_p)
    if sampling.min_p:
        values = np.asarray(logits, np.float64)
        weights = np.exp((values - values.max()) / (sampling.temperature or 1.0))
        near.append(np.log(np.maximum(weights, 1e-300)) - np.log(sampling.min_p))
    return any(bool((np.abs(each) < ROUNDING).any()) for each in near)
