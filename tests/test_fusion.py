import pytest

from kb_assistant.index.fusion import fuse


def test_scores_are_the_sum_of_reciprocal_ranks() -> None:
    fused = dict(fuse([[7, 3], [3, 9]], rrf_k=60))
    assert fused == pytest.approx({3: 1 / 62 + 1 / 61, 7: 1 / 61, 9: 1 / 62})


def test_best_first_and_ties_by_row() -> None:
    assert [row for row, _ in fuse([[5], [2]])] == [2, 5]


def test_nothing_fuses_to_nothing() -> None:
    assert fuse([[], []]) == []
