"""Near-duplicates are collapsed only when nothing that matters tells them apart."""

import pytest

from kb_assistant.index.duplicates import find_duplicates

CLAUSE = "点卡未提取，付款后24小时内可以全额退款，免手续费。"


@pytest.mark.parametrize(
    "same",
    [
        CLAUSE,
        "点卡未提取，付款后 24 小时内可以全额退款；免手续费！",
        "您好，点卡未提取的，付款后２４小时内可以全额退款，免手续费哦～",
        "點卡未提取，付款後24小時內可以全額退款，免手續費。",
    ],
)
def test_courtesy_punctuation_script_and_width_do_not_matter(same: str) -> None:
    assert find_duplicates(["别的事情不相干的条款", CLAUSE, same]).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "other",
    [
        CLAUSE.replace("24", "12"),
        CLAUSE.replace("未提取", "已提取"),
        CLAUSE.replace("可以", "不可以"),
        CLAUSE.replace("点卡", "礼品卡"),
        CLAUSE.replace("后", "前"),
        CLAUSE.replace("免手续费", "手续费0.5%"),
        CLAUSE + "三级代理除外。",
        CLAUSE[:-1] + "吗。",
    ],
)
def test_one_word_or_figure_that_matters_keeps_both(other: str) -> None:
    assert find_duplicates([CLAUSE, other]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("到账时间为1-5天，请耐心等候", "到账时间为15天，请耐心等候"),
        ("满足≥100元的订单可以参加", "满足≤100元的订单可以参加"),
        ("每天10:30开始发放名额", "每天1030开始发放名额"),
        ("押金为$500，退店时原路退还", "押金为¥500，退店时原路退还"),
    ],
)
def test_what_stands_between_figures_counts(one: str, other: str) -> None:
    assert find_duplicates([one, other]).tolist() == [0, 1]


def test_thousands_may_be_separated() -> None:
    assert find_duplicates(["退店时退还保证金2,000元", "退店时退还保证金2000元"]).tolist() == [0, 0]


def test_fractions_are_not_whole_numbers() -> None:
    assert find_duplicates(["手续费按0.5%收取，不足按", "手续费按05%收取，不足按"]).tolist() == [0, 1]


def test_texts_that_say_next_to_nothing_are_not_compared() -> None:
    assert find_duplicates(["好的", "好的", "", ""]).tolist() == [0, 1, 2, 3]
