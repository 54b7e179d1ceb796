"""The lexical leg: BM25 over our tokens, carried by bm25s and memory-mapped from disk."""

import logging
from collections.abc import Iterable
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray

from kb_assistant.index.tokens import error_codes, tokenize

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
        self._known_codes = _blocks(self._vocabulary)

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
        """Return the error codes of `query` that no row can mean, in capitals.

        A code is known if it lies between others of its block (same letter, leading digit and length),
        as rows may give a range. What has a letter of no block is no error code here: a phone's model.
        """
        letters = {letter for letter, _, _ in self._known_codes}
        unknown = []
        for letter, digits in error_codes(query):
            low, high = self._known_codes.get((letter, digits[0], len(digits)), (1, 0))
            if letter in letters and not low <= int(digits) <= high:
                unknown.append(f"{letter}{digits}".upper())
        return tuple(dict.fromkeys(unknown))


def _blocks(vocabulary: Iterable[str]) -> dict[tuple[str, str, int], tuple[int, int]]:
    """Return the lowest and highest error code of each block (letter, leading digit, length)."""
    blocks: dict[tuple[str, str, int], tuple[int, int]] = {}
    for letter, digits in (
        code for token in vocabulary if token[:1].isascii() for code in error_codes(token)
    ):
        key, number = (letter, digits[0], len(digits)), int(digits)
        low, high = blocks.get(key, (number, number))
        blocks[key] = min(low, number), max(high, number)
    return blocks


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
