import pytest

from kb_assistant.drafting.facts import find_quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("核实后5分钟内补发", [("second", 300, 300)]),
        ("二十四小时内", [("second", 86_400, 86_400)]),
        ("一天内", [("second", 86_400, 86_400)]),
        ("三天", [("second", 259_200, 259_200)]),
        ("半小时", [("second", 1800, 1800)]),
        ("两天半", [("second", 216_000, 216_000)]),
        ("1–3 个工作日到账", [("workday", 1, 3)]),
        ("手续费0.5%", [("percent", 0.5, 0.5)]),
        ("百分之三", [("percent", 3, 3)]),
        ("最多2,000元", [("yuan", 2000, 2000)]),
        ("￥50", [("yuan", 50, 50)]),
        ("１２小时", [("second", 43_200, 43_200)]),
        ("打八折", [("discount", 8, 8)]),
        ("单批不超过500张", [("张", 500, 500)]),
        ("5万元", [("yuan", 50_000, 50_000)]),
        ("三百二十元", [("yuan", 320, 320)]),
        ("报错E1003，订单DD20260815000312", []),
        ("请一个人处理", []),
    ],
)
def test_figures_and_their_values(text: str, expected: list) -> None:
    assert [(q.dimension, q.low, q.high) for q in find_quantities(text)] == expected


def test_spans_point_into_the_text() -> None:
    text = "付款后 24 小时内，手续费 0.5%"
    assert [text[q.start : q.end] for q in find_quantities(text)] == ["24 小时", "0.5%"]


def test_a_day_is_not_a_working_day() -> None:
    day, workday = find_quantities("1天 1个工作日")
    assert not day.same_value(workday)
