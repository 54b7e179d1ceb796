import pytest

from kb_assistant.index.fusion import fuse


def test_a_worked_example() -> None:
    dense = [(7, 0.90), (3, 0.85), (1, 0.80)]
    sparse = [(3, 8.0), (9, 2.0)]
    fused = dict(fuse(dense, sparse, dense_weight=0.6))
    assert fused == pytest.approx({7: 0.6, 3: 0.6 * 0.5 + 0.4, 1: 0.0, 9: 0.4 * 0.25})


def test_best_first_and_ties_by_row() -> None:
    assert [row for row, _ in fuse([(5, 0.9), (2, 0.9)], [])] == [2, 5]


def test_a_leg_that_found_nothing_adds_nothing() -> None:
    assert fuse([], []) == []
    assert fuse([], [(4, 3.0)], dense_weight=0.6) == [(4, pytest.approx(0.4))]
    assert fuse([(4, 0.8)], [], dense_weight=0.6) == [(4, pytest.approx(0.6))]


def test_first_in_both_legs_is_first() -> None:
    assert fuse([(1, 0.9), (2, 0.8)], [(1, 5.0), (2, 4.0)])[0] == (1, pytest.approx(1.0))
