import pytest

from kb_assistant.drafting.grade import grade_of
from kb_assistant.types import Lexicon


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


@pytest.mark.parametrize(
    "message",
    [
        "充值失败 E1003",
        "卡激活不了 报错1005",
        "卡密无效，100元面值的",
        "有一单卡在那快40分钟了",
        "我的500个积分什么时候失效",
        "这款有没有货",
        "3天了还没发货",
        "扣款失败没有下单成功怎么重新买",
        "110元的点卡多久到账",
        "在抖音发现你们店的",
        "买的知乎会员上知乎看不到",
        "我是做自媒体的能开票吗",
        "客服说3天内回复我",
        "密码输错三次了锁了怎么办",
        "不是我买的，朋友送的卡能退吗",
        "怎么防止账号被盗",
        "我分开付了两笔，能合并开一张发票吗",
        "会不会多扣手续费",
        "点卡没到账，客服说24小时内到",
        "点卡还没到 能不能快一点 七点要打副本",
        "现在都六点了，我五点充的点卡没到",
        "铂金会员是不是免手续费",
    ],
)
def test_figures_and_words_of_other_matters_are_no_alarm(message: str) -> None:
    assert grade_of(message, Lexicon()) == ("ordinary", "")


@pytest.mark.parametrize(
    "message", ["点券充了十二个小时还没到", "昨天充的点券到现在还没到", "点卡等了一整天了还没到"]
)
def test_long_waits_for_game_points(message: str) -> None:
    assert grade_of(message, Lexicon())[0] == "urgent"


@pytest.mark.parametrize("digits", [400, 5_000, 9_990])
def test_a_wall_of_digits_is_no_duration(digits: int) -> None:
    assert grade_of("点卡没到" + "1" * digits + "分钟", Lexicon())[0] == "ordinary"
