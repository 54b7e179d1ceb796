import math

import pytest

from kb_assistant.insight.metrics import hit, interval, ndcg, recall, reciprocal_rank


def test_ndcg_of_a_worked_example() -> None:
    # grades of the ranking 3 2 3 0 1 2, ideal 3 3 2 2 1 0 (textbook example, gains 2^g - 1)
    relevant = dict(zip("abcdef", [3, 2, 3, 0, 1, 2], strict=True))
    dcg = 7 + 3 / math.log2(3) + 7 / 2 + 0 + 1 / math.log2(6) + 3 / math.log2(7)
    ideal = 7 + 7 / math.log2(3) + 3 / 2 + 3 / math.log2(5) + 1 / math.log2(6)
    assert ndcg("abcdef", relevant) == pytest.approx(dcg / ideal)


def test_recall_is_of_what_could_be_found() -> None:
    assert recall(list("abcde"), dict.fromkeys("abxyzuvw", 1), k=5) == 2 / 5
    assert recall(list("abcde"), {"a": 1, "x": 1}, k=5) == 1 / 2


def test_reciprocal_rank_and_hit() -> None:
    assert reciprocal_rank(["x", "y", "a"], {"a": 1}) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x"], {"a": 1}) == 0
    assert (hit(["a"], {"a": 1}), hit(["x", "a"], {"a": 1}), hit([], {"a": 1})) == (1, 0, 0)


def test_interval_holds_the_mean_and_is_repeatable() -> None:
    values = [0.0, 1.0] * 50
    assert interval(values) == interval(values)
    low, high = interval(values)
    assert 0.35 < low < 0.5 < high < 0.65
