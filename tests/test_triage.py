import pytest

from kb_assistant.drafting.triage import is_small_talk, topic_and_group
from kb_assistant.types import Chunk, Hit, Source


@pytest.mark.parametrize(
    "message",
    ["在吗", "您好", "谢谢啦", "好的收到", "👌", "hello？有人吗", "", "周末愉快🌹", "唔該晒", "我要真人"]
    + [
        "发错了",
        "今天好热啊",
        "好噠 知道啦~~",
        "[玫瑰][玫瑰]",
        "態度真好 給你點贊",
        "气死我了😡",
        "那我下了哈",
        "小孩乱按的",
    ],
)
def test_courtesy_is_small_talk(message: str) -> None:
    assert is_small_talk(message)


@pytest.mark.parametrize(
    "message",
    ["在吗 卡密没到", "好的那多久退款", "能开发票吗", "E1003", "订单DD20260815000312"]
    + [
        "人呢 半小时了钱呢",
        "好的 那我退",
        "还没到",
        "卡呢",
        "谢谢 那什么时候到",
        "在？封号了",
        "给我发错了",
        "服务态度太差了",
        "丢了",
        "可以撤吗",
        "你们今天上班吗",
        "转人工",
    ],
)
def test_a_question_is_not(message: str) -> None:
    assert not is_small_talk(message)


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
