import pytest

from kb_assistant.drafting.triage import grade_of, is_small_talk, topic_and_group
from kb_assistant.types import Chunk, Hit, Source


@pytest.mark.parametrize(
    "message", ["在吗", "您好", "谢谢啦", "好的收到", "👌", "hello？有人吗", "", "周末愉快🌹"]
)
def test_courtesy_is_small_talk(message: str) -> None:
    assert is_small_talk(message)


@pytest.mark.parametrize(
    "message", ["在吗 卡密没到", "好的那多久退款", "能开发票吗", "E1003", "订单DD20260815000312"]
)
def test_a_question_is_not(message: str) -> None:
    assert not is_small_talk(message)


@pytest.mark.parametrize(
    ("message", "grade"),
    [
        ("钱扣了没订单", "urgent"),
        ("再不处理我打12315", "urgent"),
        ("我号被盗了", "urgent"),
        ("点卡多久到账", "ordinary"),
    ],
)
def test_grades(message: str, grade: str) -> None:
    assert grade_of(message) == grade


def hit(rank: int, topic: str | None, group: str | None = None) -> Hit:
    chunk = Chunk("c", "d", "ticket", "t", "", "x", Source("p", None, 0, 1), topic=topic, skill_group=group)
    return Hit(chunk, rank, 1.0, 0.9, 1.0)


def test_hits_vote_by_rank_and_tickets_borrow_the_group_of_their_topic() -> None:
    assert topic_and_group([hit(1, "卡密"), hit(2, "充值", "充值组")], {"卡密": "卡密组"}) == (
        "卡密",
        "卡密组",
    )
    assert topic_and_group([hit(1, None)], {}) == (None, None)
