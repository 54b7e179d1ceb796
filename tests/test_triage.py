import pytest

from kb_assistant.drafting.triage import grade_of, is_small_talk, topic_and_group
from kb_assistant.types import Chunk, Hit, Lexicon, Source


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
        ("微信扣了98，云闪付又扣98，货就一份", "urgent"),
        ("从下午等到现在了，你们到底管不管", "urgent"),
        ("900张星海点卡卡住出不了货了", "urgent"),
        ("这个月第三次来问了", "urgent"),
        ("点卡多久到账", "ordinary"),
        ("快点，急用", "ordinary"),  # hurry alone is not urgent, says the manual
        ("普通工单和加急工单分别多久处理", "ordinary"),
        ("订单号20123456012到账了吗", "ordinary"),
        ("用工商银行卡付款可以吗", "ordinary"),
        ("流媒体会员怎么开通", "ordinary"),
        ("电话那头说他是警察，要买家手机号", "ordinary"),
    ],
)
def test_grades(message: str, grade: str) -> None:
    said, reason = grade_of(message, Lexicon())
    assert said == grade
    assert bool(reason) == (grade == "urgent")


def test_a_manager_adds_urgent_words() -> None:
    lexicon = Lexicon(urgent=("黑猫投诉",))
    assert grade_of("我去黑猫投诉你们", lexicon) == ("urgent", "消息里有“黑猫投诉”")
    assert grade_of("我去黑猫投诉你们", Lexicon())[0] == "ordinary"


def hit(rank: int, score: float, topic: str | None, group: str | None = None) -> Hit:
    title = f"第{rank}条"
    chunk = Chunk("c", "d", "ticket", title, "", "x", Source("p", None, 0, 1), topic=topic, skill_group=group)
    return Hit(chunk, rank, score, 0.9, 1.0)


def test_strong_hits_outvote_many_weak_ones_and_the_reason_says_so() -> None:
    hits = [hit(1, 1.0, "卡密"), *(hit(rank, 0.5, "充值", "充值组") for rank in range(2, 8))]
    topic, group, reason = topic_and_group(hits, {"卡密": "卡密组"})
    assert (topic, group) == ("卡密", "卡密组")  # tickets borrow the group of their topic
    assert "57%" in reason and "《第1条》" in reason


def test_without_topics_nothing_is_said() -> None:
    assert topic_and_group([hit(1, 1.0, None)], {}) == (None, None, "")
