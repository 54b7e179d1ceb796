"""Two runs side by side: what the difference is, how sure, and which questions moved."""

import json
from pathlib import Path

import pytest

from kb_assistant.errors import InvalidInput
from kb_assistant.insight.comparison import compare, load_run, moved, save_run
from kb_assistant.insight.evaluation import Outcome


def outcome(identifier: str, value: float, *ranked: str, relevant: str = "a") -> Outcome:
    return Outcome(identifier, f"问题{identifier}", {"hit@1": value}, ranked, (relevant,))


BEFORE = [outcome("1", 1.0, "a", "b"), outcome("2", 0.0, "b", "c"), outcome("3", 0.0, "c", "a")]
AFTER = [outcome("1", 1.0, "a", "b"), outcome("2", 0.0, "b", "a"), outcome("3", 1.0, "a", "c")]


def test_a_run_survives_being_saved(tmp_path: Path) -> None:
    save_run(BEFORE, tmp_path / "run.json")
    assert load_run(tmp_path / "run.json") == BEFORE


def test_difference_is_paired_and_counts_what_moved() -> None:
    difference = compare(BEFORE, AFTER)["hit@1"]
    assert (difference.before, difference.after) == pytest.approx((1 / 3, 2 / 3))
    assert difference.difference.mean == pytest.approx(1 / 3)
    assert (difference.better, difference.worse, difference.difference.n) == (1, 0, 3)


def test_equal_runs_show_no_difference() -> None:
    difference = compare(BEFORE, BEFORE)["hit@1"].difference
    assert (difference.mean, difference.low, difference.high) == (0, 0, 0)


def test_what_is_hard_for_both_cancels_out() -> None:
    """The same gain on every question is certain, however far the questions lie apart."""
    before = [outcome(str(i), i / 40) for i in range(30)]
    after = [outcome(str(i), i / 40 + 0.1) for i in range(30)]
    difference = compare(before, after)["hit@1"].difference
    assert difference.low == pytest.approx(0.1) and difference.high == pytest.approx(0.1)


def test_moved_questions_tell_ranks_and_tops_losses_first() -> None:
    worse = [*AFTER[:2], outcome("3", 0.0, "b")]
    assert [q.id for q in moved(AFTER, worse, "hit@1")] == ["3"]
    question = moved(BEFORE, AFTER, "hit@1")[0]
    assert (question.first_before, question.first_after) == ("c", "a")
    assert (question.rank_before, question.rank_after) == (2, 1)


def test_only_shared_questions_count() -> None:
    assert compare(BEFORE, AFTER[:1])["hit@1"].difference.n == 1
    with pytest.raises(InvalidInput, match="share no question"):
        compare(BEFORE, [outcome("9", 1.0)])


@pytest.mark.parametrize("content", ["", "3", "[1]", '[{"id": "1"}]', json.dumps([{"id": "1", "values": 3}])])
def test_a_file_that_is_no_run_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match="kb eval … --save"):
        load_run(tmp_path / "run.json")
