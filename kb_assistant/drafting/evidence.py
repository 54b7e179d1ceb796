"""Is there enough evidence to answer? A probability from the scores retrieval already has."""

import math
from collections.abc import Sequence

from kb_assistant.types import Hit

# logistic regression over `features`, classes weighted equally, fitted on the development split
# of the golden questions by benchmarks/fit_confidence.py
INTERCEPT = -92.956
WEIGHTS = (101.602, 0.432)


def features(hits: Sequence[Hit]) -> tuple[float, float]:
    """Return (best cosine among the hits, log(1 + BM25 score of the first hit)); zeros without hits."""
    if not hits:
        return 0.0, 0.0
    return max(hit.dense for hit in hits), math.log1p(hits[0].sparse)


def confidence(hits: Sequence[Hit]) -> float:
    """Return the estimated probability, 0 to 1, that the hits answer the question; 0 without hits."""
    if not hits:
        return 0.0
    logit = INTERCEPT + sum(w * x for w, x in zip(WEIGHTS, features(hits), strict=True))
    return 1 / (1 + math.exp(-logit))
