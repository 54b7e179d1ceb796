"""The lexical leg: BM25 over our tokens, carried by bm25s and memory-mapped from disk."""

import logging
from collections.abc import Iterable
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray

from kb_assistant.index.tokens import code_key, codes, tokenize

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG on import

# below the usual 1.2 and 0.75: a bigram that comes twice in a short chunk says little more than one, and
# chunks are of like length; half a point of nDCG@10 over the four public sets (benchmarks/README.md)
K1 = 0.6
B = 0.6


class SparseIndex:
    """BM25 scores of every (token, row), computed once at build time."""

    def __init__(self, bm25: bm25s.BM25) -> None:
        """Wrap a loaded BM25 index; use `build` or `open` to get one."""
        self._bm25 = bm25
        self._vocabulary: dict[str, int] = bm25.vocab_dict
        self._code_keys = {code_key(token) for token in self._vocabulary if token[:1].isascii()}

    @classmethod
    def build(cls, texts: Iterable[str]) -> "SparseIndex":
        """Index `texts`; row i is the i-th text. At least one text must hold a token."""
        vocabulary: dict[str, int] = {}
        rows = [[vocabulary.setdefault(t, len(vocabulary)) for t in tokenize(text)] for text in texts]
        bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
        bm25.index((rows, vocabulary), create_empty_token=False, show_progress=False)
        return cls(bm25)

    @classmethod
    def open(cls, directory: Path) -> "SparseIndex":
        """Memory-map what `save` wrote; checksums must have been verified."""
        return cls(bm25s.BM25.load(directory, mmap=True, show_progress=False))

    def save(self, directory: Path) -> None:
        """Write the index into `directory` (arrays as .npy, vocabulary as JSON; never pickle)."""
        self._bm25.save(directory, show_progress=False)

    def scores(self, query: str) -> NDArray[np.float32]:
        """Return the BM25 score of every row, shape (n,); 0 where no token of `query` occurs."""
        known = [self._vocabulary[t] for t in tokenize(query) if t in self._vocabulary]
        if not known:
            return np.zeros(self._bm25.scores["num_docs"], dtype=np.float32)
        scores: NDArray[np.float32] = self._bm25.get_scores_from_ids(known)
        return scores

    def unknown_codes(self, query: str) -> tuple[str, ...]:
        """Return the error and product codes of `query` that no row holds."""
        return tuple(code for code in codes(query) if code_key(code) not in self._code_keys)


def best_rows(
    scores: NDArray[np.float32], *, top_k: int, allowed: NDArray[np.bool_] | None = None
) -> list[int]:
    """Return the rows with the highest positive scores, best first, ties by row.

    Args:
        scores: One score per row, shape (n,).
        top_k: Upper bound on the number of rows, at least 1.
        allowed: Mask over all rows; None allows every row.

    Returns:
        At most `top_k` rows; rows that score 0 match nothing and are left out.
    """
    if allowed is not None:
        scores = np.where(allowed, scores, np.float32(0))
    matching = np.flatnonzero(scores > 0)
    if len(matching) > top_k:
        threshold = np.partition(scores[matching], -top_k)[-top_k]
        matching = matching[scores[matching] >= threshold]
    order = np.lexsort((matching, -scores[matching]))
    return [int(row) for row in matching[order][:top_k]]
