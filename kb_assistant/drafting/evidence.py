"""Is there enough evidence to answer? A probability from the scores retrieval already has."""

import math
from collections.abc import Sequence

from kb_assistant.index.tokens import tokenize
from kb_assistant.types import Hit

# logistic regression over the features below; see benchmarks/README.md for how it was fitted
_INTERCEPT = -43.0
_WEIGHTS = (48.0, 4.0)


def features(question: str, hits: Sequence[Hit]) -> tuple[float, ...]:
    """Return (best cosine, share of the question's tokens that one of the best hits carries)."""
    best = hits[:5]
    asked = set(tokenize(question))
    carried = max((len(asked & set(tokenize(_indexed(hit)))) for hit in best), default=0)
    return max((hit.dense for hit in best), default=0.0), carried / (len(asked) or 1)


def confidence(question: str, hits: Sequence[Hit]) -> float:
    """Return the estimated probability, 0 to 1, that the best hits answer `question`; 0 without hits."""
    if not hits:
        return 0.0
    logit = _INTERCEPT + sum(w * x for w, x in zip(_WEIGHTS, features(question, hits), strict=True))
    return 1 / (1 + math.exp(-logit))


def _indexed(hit: Hit) -> str:
    return f"{hit.chunk.title}\n{hit.chunk.heading}\n{hit.chunk.text}"
