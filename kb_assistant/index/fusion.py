"""Rank fusion: several rankings of rows become one."""

from collections.abc import Iterable, Sequence

RRF_K = 60  # the constant of the paper; flat between 20 and 100 on every set of benchmarks/README.md


def fuse(rankings: Iterable[Sequence[int]], *, rrf_k: int = RRF_K) -> list[tuple[int, float]]:
    """Fuse rankings by reciprocal rank (Cormack, Clarke and Büttcher, SIGIR 2009).

    Args:
        rankings: Each a sequence of distinct row numbers, best first.
        rrf_k: Damping constant; larger values weigh deep ranks more.

    Returns:
        (row, score) by descending score, ties by row; the score is the sum over rankings of
        1 / (rrf_k + rank), rank from 1, rows absent from a ranking adding nothing.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, row in enumerate(ranking, start=1):
            scores[row] = scores.get(row, 0.0) + 1 / (rrf_k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
