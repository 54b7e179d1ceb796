import json
from pathlib import Path
from time import perf_counter

import pytest

from kb_assistant.drafting.facts import Quantity, find_quantities

HOUR, DAY = 3600, 86_400
# {"text", "figures": [[substring, dimension, low, high, bound], ...], "note"?}, written by hand from the
# manual's own phrasing before the code was
CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "figures.jsonl").read_text(encoding="utf-8").splitlines()
]


def only(text: str) -> Quantity:
    [quantity] = find_quantities(text)
    return quantity


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:24].strip() or "empty" for case in CASES])
def test_the_table_of_figures(case: dict) -> None:
    found = find_quantities(case["text"])
    assert [[q.text, q.dimension, q.low, q.high, q.bound] for q in found] == case["figures"]
    assert [case["text"][q.start : q.end] for q in found] == [q.text for q in found]


def test_the_table_covers_what_it_should() -> None:
    figures = [figure for case in CASES for figure in case["figures"]]
    assert len(CASES) >= 330
    assert sum(not case["figures"] for case in CASES) >= 60
    assert sum(len(case["figures"]) > 1 for case in CASES) >= 40
    assert {"second", "workday", "month", "yuan", "percent", "date", "clock", "service", "code", "point"} <= {
        figure[1] for figure in figures
    }
    assert {figure[4] for figure in figures} == {"max", "min", ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("两天半", [("两天半", "second", 2.5 * DAY, 2.5 * DAY)]),
        ("要三个半小时", [("三个半小时", "second", 3.5 * HOUR, 3.5 * HOUR)]),
        ("20元半价", [("20元", "yuan", 20, 20), ("半价", "percent", 50, 50)]),
        ("1万2千元", [("1万2千元", "yuan", 12_000, 12_000)]),
        ("1-5万元", [("1-5万元", "yuan", 10_000, 50_000)]),
        ("半天2次", [("半天", "second", DAY / 2, DAY / 2), ("2次", "次", 2, 2)]),
        ("能用到2028年", [("2028年", "date", 20280000, 20280000)]),
        ("早上八点到晚上十点", [("早上八点到晚上十点", "clock", 480, 1320)]),
        # digits inside a code are none, digits beside Latin words are
        ("VIP 3天", [("3天", "second", 3 * DAY, 3 * DAY)]),
        ("VIP3天", [("3天", "second", 3 * DAY, 3 * DAY)]),
        ("QQ 24小时", [("24小时", "second", DAY, DAY)]),
        ("USDT500元", [("500元", "yuan", 500, 500)]),
        ("报错E1003 3次", [("E1003", "code", 0, 0), ("3次", "次", 3, 3)]),
        ("E1003次，DK50张", [("E1003", "code", 0, 0)]),
        ("T-2026-04417单", [("T-2026-04417", "code", 0, 0)]),
        ("2026-08-15日", [("2026-08-15", "date", 20260815, 20260815)]),
        ("100点卡、HF-50点的、充100点数", [("HF-50", "code", 0, 0), ("100点", "点", 100, 100)]),
        # articles and points of a list
        ("请一个人处理，放在一块，发一次", []),
        ("这三点说明", []),
    ],
)
def test_figures_beside_codes_and_articles(text: str, expected: list) -> None:
    assert [(q.text, q.dimension, q.low, q.high) for q in find_quantities(text)] == expected


def test_impossible_dates_and_times_are_none() -> None:
    found = find_quantities("万月3日，0月3日，2026-00-12，13月1日，3月32日，25:00，24:30，8:61")
    assert [q for q in found if q.dimension in ("date", "clock")] == []


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("2千元", "9千元", False),
        ("2千元", "2,000元", True),
        ("3元5角", "三块五", True),
        ("1天", "1个工作日", False),
        ("72小时", "三天", True),
        ("1小时30分钟", "90分钟", True),
        ("九五折", "95折", True),
        ("九五折", "85折", False),
        ("半价", "五折", True),
        ("万分之五", "0.05%", True),
        ("24小时内", "满24小时", True),
        ("3月1日", "3个月", False),
        ("3月1日", "2026年3月1日", True),
        ("2026-03-01", "2026年3月1日", True),
        ("2025年3月1日", "2026年3月1日", False),
        ("3月1日", "3月2日", False),
        ("每月25日", "3月25日", True),
        ("9:00", "9点", True),
        ("9:00", "次日9:00", False),
        ("晚上8点", "20:00", True),
        ("7×24小时", "7x24", True),
        ("7×24小时", "7×16小时", False),
        ("dk-50", "ＤＫ－５０", True),
        ("DK-50", "DK-100", False),
        ("E4001", "4001元", False),
    ],
)
def test_what_counts_as_the_same(a: str, b: str, same: bool) -> None:
    left, right = find_quantities(a)[-1], find_quantities(b)[-1]
    assert left.same_value(right) == right.same_value(left) == same


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("24小时内", "超过24小时", False),
        ("24小时内", "不超过24小时", True),
        ("24小时内", "24小时", True),
        ("24小时", "满24小时", True),
        ("至少3张", "3张以上", True),
    ],
)
def test_only_opposite_bounds_differ(a: str, b: str, same: bool) -> None:
    left, right = only(a), only(b)
    assert left.same_bound(right) == right.same_bound(left) == same


HOSTILE = [
    "9", "一", "两千零", "1,234", "1-", "十", "半", "三点", "8:", "[1", "[卡", "a", "DK-", "a@", "http://",
    "￥", "1月", "2026-", "不超过", "最多", "1小时", "3天到", "百分之", "1k", "周一", "次日晚上", "7×", "*", " ", "\0",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_run_that_is_no_figure_costs_nothing(piece: str) -> None:
    """Quadratic matching took 10 s here."""
    text = f"5分钟。{piece * (30_000 // len(piece))}。3天"
    began = perf_counter()
    found = find_quantities(text)
    assert perf_counter() - began < 2
    assert [found[0].text, found[-1].text] == ["5分钟", "3天"]
