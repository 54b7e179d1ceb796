import pytest

from kb_assistant.drafting.grade import grade_of
from kb_assistant.drafting.triage import is_small_talk, topic_and_group
from kb_assistant.types import Chunk, Hit, Lexicon, Source


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
    + ["人呢 半小时了钱呢", "好的 那我退", "还没到", "卡呢", "谢谢 那什么时候到", "在？封号了"],
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
        ("点数四点多充的，等到现在快七点了，你们到底管不管", "urgent"),
        ("150分钟了兄弟,点券还挂在处理中", "urgent"),
        ("给天龙八部充的点,距离付款三个钟头有多了,客服你好歹吱一声", "urgent"),
        ("有人上我号了吧 刚收到好几条验证码 余额还在少", "urgent"),
        ("客户打到派出所去了，说今天就立案", "urgent"),
        ("我铂金的号 这卡激活不了咋整", "urgent"),
        ("铂金有啥好处 值不值得升", "ordinary"),
        ("赶紧的吧 副本八点开 我七点二十充的点 这都七点五十了", "ordinary"),
        ("流量包隔夜了还没到", "ordinary"),  # only game points are urgent after two hours
        ("我拿了50张 49张ok 有1张提示格式错", "ordinary"),
        ("这是第三次在你家买了 有老客价不", "ordinary"),
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
