import pytest

from kb_assistant.drafting.clauses import Clause, Unit, read_clause
from kb_assistant.drafting.conflicts import Conflict, conflicts
from kb_assistant.types import Chunk, Source

SIBLINGS = (frozenset({"黄金", "白银"}),)


def clause(text: str, *, document: str = "SOP-1", heading: str = "规则") -> Clause:
    source = Source("p", None, 0, len(text))
    return read_clause(Chunk(f"{document}#1", document, "sop", "退款", heading, text, source))


def all_of(one: Clause) -> list[tuple[Clause, Unit]]:
    return [(one, unit) for unit in one.units]


def between(said: str, other: str, *, heading: str = "规则", siblings=()) -> list[tuple[str, str]]:
    """Return the figures of the conflicts of a statement with a clause of another document."""
    chosen = clause(said)
    rival = clause(other, document="SOP-2", heading=heading)
    return [found.figures for found in conflicts(all_of(chosen), [chosen, rival], siblings)]


@pytest.mark.parametrize(
    ("said", "other", "figures"),
    [
        ("话费慢充支付后72小时内到账。", "话费慢充支付后48小时内到账。", ("72小时", "48小时")),
        ("点卡退款手续费2%。", "点卡退款手续费3%。", ("2%", "3%")),
        ("每人每天最多兑换点卡3张。", "点卡每天最多兑换5张。", ("3张", "5张")),
        ("订单完成后30天内可申请电子发票。", "订单完成后90天内可申请电子发票。", ("30天", "90天")),
        ("客服电话工作时间9:00开始。", "客服电话工作时间10:00开始。", ("9:00", "10:00")),
    ],
)
def test_one_thing_with_two_figures(said: str, other: str, figures: tuple[str, str]) -> None:
    assert between(said, other) == [figures]


@pytest.mark.parametrize(
    ("said", "other"),
    [
        # the same figure, however it is written
        ("话费慢充支付后72小时内到账。", "话费慢充支付后3天内到账。"),
        ("点卡退款手续费2%。", "点卡退款手续费百分之二。"),
        # one of several figures agrees
        ("点卡退款手续费2%。", "点卡退款手续费2%，加急退款手续费5%。"),
        # from when the time runs is not what it is for
        ("付款后24小时内可以退款。", "付款后7天内可以开发票。"),
        ("受理后24小时内答复。", "受理后5个工作日内退款。"),
        ("付款后24小时内。", "付款后7天内。"),
        ("自申请之日起3天。", "自申请成功之日起5天。"),
        # another thing
        ("话费慢充72小时内到账。", "话费快充72分钟内到账。"),
        ("点卡退款手续费2%。", "点卡提现手续费1元。"),
        # a least and a most
        ("点卡每天至少兑换3张。", "点卡每天最多兑换5张。"),
        # codes name things, they do not measure them
        ("点卡兑换报错E3015的联系客服。", "点卡兑换报错E3016的联系客服。"),
    ],
)
def test_figures_of_different_things_are_no_conflict(said: str, other: str) -> None:
    assert between(said, other) == []


@pytest.mark.parametrize("heading", ["标准话术", "计算示例", "举例说明", "算例", "典型案例"])
def test_what_only_illustrates_contradicts_nothing(heading: str) -> None:
    assert between("点卡退款手续费2%。", "点卡退款手续费3%。", heading=heading) == []
    assert between("点卡退款手续费2%。", "点卡退款手续费3%。") == [("2%", "3%")]


def test_names_that_exclude_each_other_have_figures_of_their_own() -> None:
    said, other = "会员退款手续费减2%，黄金适用。", "会员退款手续费减3%，白银适用。"
    assert between(said, other, siblings=SIBLINGS) == []
    assert between(said, other) == [("2%", "3%")]


def test_one_document_does_not_contradict_itself() -> None:
    one = clause("点卡退款手续费2%。")
    beside = read_clause(
        Chunk("SOP-1#2", "SOP-1", "sop", "退款", "规则", "点卡退款手续费3%。", Source("p", None, 0, 9))
    )
    assert list(conflicts(all_of(one), [one, beside])) == []


def test_each_pair_is_told_once_in_the_order_of_what_is_said() -> None:
    two, three = clause("点卡退款手续费2%。"), clause("点卡退款手续费3%。", document="SOP-2")
    four = clause("点卡退款手续费4%。", document="SOP-3")
    found = list(conflicts([*all_of(two), *all_of(three)], [two, three, four, three]))
    assert [conflict.figures for conflict in found] == [("2%", "3%"), ("2%", "4%"), ("3%", "4%")]
    assert found[0] == Conflict(two, two.units[0], three, three.units[0], ("2%", "3%"))
