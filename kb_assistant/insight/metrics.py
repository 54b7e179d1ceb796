"""Retrieval metrics, one small function each, and their uncertainty."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

_RESAMPLES = 2000
_SEED = 20_240_815  # fixed: the same results give the same interval


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int], *, k: int = 10) -> float:
    """Return nDCG@k with gains 2^grade - 1 (Järvelin and Kekäläinen, TOIS 2002), 0 to 1."""
    gains = [2 ** relevant.get(document, 0) - 1 for document in ranked[:k]]
    ideal = sorted((2**grade - 1 for grade in relevant.values()), reverse=True)[:k]
    best = _discounted(ideal)
    return _discounted(gains) / best if best else 0.0


def recall(ranked: Sequence[str], relevant: Mapping[str, int], *, k: int = 5) -> float:
    """Return relevant found in the first k / min(k, number of relevant), 0 to 1."""
    wanted = {document for document, grade in relevant.items() if grade > 0}
    return len(wanted & set(ranked[:k])) / min(k, len(wanted)) if wanted else 0.0


def reciprocal_rank(ranked: Sequence[str], relevant: Mapping[str, int], *, k: int = 10) -> float:
    """Return 1 / rank of the first relevant document among the first k, 0 if there is none."""
    for rank, document in enumerate(ranked[:k], start=1):
        if relevant.get(document, 0) > 0:
            return 1 / rank
    return 0.0


def hit(ranked: Sequence[str], relevant: Mapping[str, int]) -> float:
    """Return 1 if the first document is relevant, else 0."""
    return float(bool(ranked) and relevant.get(ranked[0], 0) > 0)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean (percentile method, 2,000 resamples)."""
    if not values:
        return (math.nan, math.nan)
    sample = np.asarray(values, dtype=float)
    draws = np.random.default_rng(_SEED).integers(0, len(sample), size=(_RESAMPLES, len(sample)))
    low, high = np.percentile(sample[draws].mean(axis=1), [2.5, 97.5])
    return (float(low), float(high))


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
