"""Is there enough evidence to answer? A probability from the scores retrieval already has."""

import math

from kb_assistant.types import Evidence

# logistic regression over `features`, fitted on the development split of the golden questions by
# benchmarks/fit_confidence.py, which also draws how reliable it is
INTERCEPT = -109.124
WEIGHTS = (127.202, -69.554, 2.037)


def features(evidence: Evidence) -> tuple[float, float, float]:
    """Return (best cosine, its spread, log(1 + best BM25 score))."""
    return evidence.cosine, evidence.spread, math.log1p(evidence.bm25)


def confidence(evidence: Evidence) -> float:
    """Return the estimated probability, 0 to 1, that the knowledge base answers.

    It is 0 where nothing matched, and where the question names a code that the knowledge base does
    not know: what is said of another code is no answer.
    """
    if evidence.cosine <= 0 or evidence.unknown_codes:
        return 0.0
    logit = INTERCEPT + sum(w * x for w, x in zip(WEIGHTS, features(evidence), strict=True))
    return 1 / (1 + math.exp(-logit))
