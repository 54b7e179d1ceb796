"""Sentences that deny what their source affirms, and those that only put it otherwise."""

import pytest

from kb_assistant.drafting.clauses import read_unit
from kb_assistant.drafting.polarity import contradicts
from kb_assistant.drafting.text import statements

RULE = "点卡未提取，付款后24小时内可以全额退款，免手续费。"
TABLE = "点卡卡密未提取，付款后24小时内申请：全额退款，免手续费\n点卡卡密已提取：不支持退款"


def differs(source: str, sentence: str) -> bool:
    units = [read_unit(statement.text) for statement in statements(source)]
    return bool(contradicts(read_unit(sentence), units))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("24小时内可以退款", "24小时内不可以退款"),
        ("24小时内不可以退款", "24小时内可以退款"),
        (RULE, "24小时内无法全额退款"),
        (RULE, "付款后24小时内可以全额退款，要收手续费"),
        ("点卡已提取的，不支持退款。", "点卡已提取的，可以退款"),
        ("未提取的可以退款，已提取的不可以退款", "已提取的可以退款"),
        ("大额充值须主管审批", "大额充值不需要主管审批"),
        ("禁止代客户输入卡密", "可以代客户输入卡密"),
        ("等级折扣和优惠券不能叠加", "等级折扣和优惠券可以叠加使用"),
        (TABLE, "已提取的点卡付款后24小时内可以全额退"),
        ("话费一旦入账，不可追回。", "话费一旦入账就追得回来"),
        ("卡密错误或无效的除外", "卡密错误或无效的也一样"),
        ("批数不限", "批数有限"),
        ("同一订单只能复充一次", "同一订单不能复充一次"),
    ],
)
def test_another_sign(source: str, sentence: str) -> None:
    assert differs(source, sentence)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (RULE, "未提取的点卡付款后24小时内可以全额退款，没有手续费"),
        (RULE, "付款后24小时内可以全额退款，手续费全免"),
        ("点卡已提取的，不支持退款。", "点卡已提取的不能退款"),
        ("点卡已提取的，不支持退款。", "点卡提取过了就退不了"),
        ("未提取的可以退款，已提取的不可以退款", "未提取的可以退，已提取的不退"),
        (TABLE, "没提取、付款后24小时内申请的可以全额退"),
        ("商家账号通过接口下单的除外", "商家账号通过接口下单的除外"),
        ("卡密能不能用要看有效期", "卡密能用多久要看有效期"),
        ("话费一旦入账，不可追回。", "话费一旦入账就追不回来了"),
        ("客户未选择的，默认继续等待", "没选的默认继续等待"),
        ("超过24小时，商家须另建批次", "24小时内重新导入，不要另建批次"),
        ("锁定期间不影响登录、下单和付款", "锁定期间登录、下单、付款都不影响"),
        ("不得以优惠券、红包、退款换取客户改评价", "不能拿红包、退款去换人家改评价"),
    ],
)
def test_the_same_in_other_words(source: str, sentence: str) -> None:
    assert not differs(source, sentence)
