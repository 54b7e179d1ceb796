import pytest

from kb_assistant.drafting.facts import find_quantities

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("核实后5分钟内补发", [("5分钟", "second", 300, 300)]),
        ("二十四小时内", [("二十四小时", "second", DAY, DAY)]),
        ("一天内", [("一天", "second", DAY, DAY)]),
        ("三天", [("三天", "second", 3 * DAY, 3 * DAY)]),
        ("半小时", [("半小时", "second", 1800, 1800)]),
        ("两天半", [("两天半", "second", 2.5 * DAY, 2.5 * DAY)]),
        ("一个半小时", [("一个半小时", "second", 1.5 * HOUR, 1.5 * HOUR)]),
        ("要三个半小时", [("三个半小时", "second", 3.5 * HOUR, 3.5 * HOUR)]),
        ("两三天", [("两三天", "second", 2 * DAY, 3 * DAY)]),
        ("1–3 个工作日到账", [("1–3 个工作日", "workday", 1, 3)]),
        ("手续费0.5%", [("0.5%", "percent", 0.5, 0.5)]),
        ("百分之三", [("百分之三", "percent", 3, 3)]),
        ("最多2,000元", [("2,000元", "yuan", 2000, 2000)]),
        ("￥50", [("￥50", "yuan", 50, 50)]),
        ("20元半价", [("20元", "yuan", 20, 20)]),
        ("１２小时", [("１２小时", "second", 12 * HOUR, 12 * HOUR)]),
        ("单批不超过500张", [("500张", "张", 500, 500)]),
        ("三百二十元", [("三百二十元", "yuan", 320, 320)]),
        # Arabic digits with scales are one number
        ("2千元", [("2千元", "yuan", 2000, 2000)]),
        ("9千元", [("9千元", "yuan", 9000, 9000)]),
        ("1.5万元", [("1.5万元", "yuan", 15_000, 15_000)]),
        ("1万2千元", [("1万2千元", "yuan", 12_000, 12_000)]),
        ("满 5 万元", [("5 万元", "yuan", 50_000, 50_000)]),
        ("1-5万元", [("1-5万元", "yuan", 10_000, 50_000)]),
        # discounts: digits without a scale are tenths
        ("打八折", [("八折", "discount", 8, 8)]),
        ("九五折", [("九五折", "discount", 9.5, 9.5)]),
        ("享95折", [("95折", "discount", 9.5, 9.5)]),
        ("98 折", [("98 折", "discount", 9.8, 9.8)]),
        ("8.5折", [("8.5折", "discount", 8.5, 8.5)]),
        # dates
        ("2026年3月1日起", [("2026年3月1日", "date", 20260301, 20260301)]),
        ("到3月1日", [("3月1日", "date", 301, 301)]),
        ("十二月三号", [("十二月三号", "date", 1203, 1203)]),
        ("能用到2028年", [("2028年", "date", 20280000, 20280000)]),
        ("3年有效", [("3年", "month", 36, 36)]),
        # clock times, minutes after midnight
        ("9:00前", [("9:00", "clock", 540, 540)]),
        ("22：00以后", [("22：00", "clock", 1320, 1320)]),
        ("8点上线", [("8点", "clock", 480, 480)]),
        ("8点半", [("8点半", "clock", 510, 510)]),
        ("20 点 10 分", [("20 点 10 分", "clock", 1210, 1210)]),
        ("次日9:00 前回复", [("次日9:00", "clock", 1980, 1980)]),
        ("下午三点二十", [("下午三点二十", "clock", 920, 920)]),
        ("早上八点到晚上十点", [("早上八点到晚上十点", "clock", 480, 1320)]),
        ("窗口为 2:00–6:00", [("2:00–6:00", "clock", 120, 360)]),
        ("3月18日08:02", [("3月18日", "date", 318, 318), ("08:02", "clock", 482, 482)]),
        # digits inside a code are none, digits beside Latin words are
        ("VIP 3天", [("3天", "second", 3 * DAY, 3 * DAY)]),
        ("VIP3天", [("3天", "second", 3 * DAY, 3 * DAY)]),
        ("QQ 24小时", [("24小时", "second", DAY, DAY)]),
        ("USDT 5元", [("5元", "yuan", 5, 5)]),
        ("报错E1003 3次", [("3次", "次", 3, 3)]),
        ("报错E1003，订单DD20260815000312", []),
        ("E1003次，DK-50张，2026-08-15日，DK50张，T-2026-04417单", []),
        ("100点卡、HF-50点的、充100点数", []),
        # articles and points of a list
        ("请一个人处理，放在一块，发一次", []),
        ("这三点说明", []),
        ("第3次", [("3次", "次", 3, 3)]),
    ],
)
def test_figures_their_spans_and_values(text: str, expected: list) -> None:
    found = find_quantities(text)
    assert [(q.text, q.dimension, q.low, q.high) for q in found] == expected
    assert [text[q.start : q.end] for q in found] == [q.text for q in found]


def test_spans_point_into_the_text() -> None:
    text = "付款后 24 小时内，手续费 0.5%"
    assert [text[q.start : q.end] for q in find_quantities(text)] == ["24 小时", "0.5%"]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("2千元", "9千元", False),
        ("2千元", "2,000元", True),
        ("1天", "1个工作日", False),
        ("九五折", "95折", True),
        ("九五折", "85折", False),
        ("3月1日", "3个月", False),
        ("3月1日", "2026年3月1日", True),
        ("2025年3月1日", "2026年3月1日", False),
        ("3月1日", "3月2日", False),
        ("9:00", "9点", True),
        ("9:00", "次日9:00", False),
        ("晚上8点", "20:00", True),
    ],
)
def test_what_counts_as_the_same(a: str, b: str, same: bool) -> None:
    [left], [right] = find_quantities(a), find_quantities(b)
    assert left.same_value(right) == right.same_value(left) == same


@pytest.mark.parametrize(
    "run", ["9" * 10_000, "一" * 10_000, "两千零" * 3_300, "1,234" * 2_000, "1-" * 5_000]
)
def test_a_run_that_is_no_figure_costs_nothing(run: str) -> None:
    """Quadratic matching took 10 s here."""
    assert [q.text for q in find_quantities(f"5分钟{run}。3天")] == ["5分钟", "3天"]
