"""Conditions that a reply leaves out, judged by the sentences that cite their clause."""

import pytest

from kb_assistant.drafting.check import check_text
from kb_assistant.drafting.clauses import read_unit
from kb_assistant.drafting.omissions import conditions
from tests.test_check import TODAY, chunk


def omitted(source: str, reply: str) -> list[str]:
    warnings = check_text(reply, {1: chunk(source)}, as_of=TODAY).warnings
    return [warning.message.split("“")[1].split("”")[0] for warning in warnings if warning.kind == "omission"]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("点卡未提取，付款后24小时内可以全额退款，免手续费。", ["点卡未提取", "付款后24小时内可以全额退款"]),
        ("资质审核在2个工作日内完成，周末不计。", ["周末不计"]),
        ("大额充值须主管审批。", ["大额充值须主管审批"]),
        ("紧急冻结不需要审批。", []),
        ("坐席须在工单备注里登记。", []),
        ("前提：误操作属实，商品没有被使用。", ["误操作属实", "商品没有被使用"]),
    ],
)
def test_what_limits_a_statement(statement: str, found: list[str]) -> None:
    assert [piece.text for piece in conditions(read_unit(statement))] == found


def test_a_state_and_a_time_limit_are_missed() -> None:
    source = "点卡未提取，付款后24小时内可以全额退款，免手续费。"
    assert omitted(source, "付款后可以全额退款，免手续费[1]。") == [
        "点卡未提取",
        "付款后24小时内可以全额退款",
    ]
    assert omitted(source, "没提取的点卡，付款后一天内可以全额退款，免手续费[1]。") == []


def test_words_of_a_sentence_on_another_clause_do_not_count() -> None:
    source = "资质审核在材料齐全后2个工作日内完成，周末和法定节假日不计。"
    reply = "客服周末和法定节假日照常在线。资料齐全后2个工作日内审核完成[1]。"
    assert omitted(source, reply) == ["周末和法定节假日不计"]


def test_an_approval_is_a_condition() -> None:
    source = "客户急用的，可由组长同意提前退回余额，免手续费。"
    assert omitted(source, "急用的可以提前退回余额，免手续费[1]。") == ["可由组长同意提前退回余额"]
    assert omitted(source, "急用的，组长同意后可以提前退回余额，免手续费[1]。") == []


def test_the_statement_behind_may_narrow() -> None:
    source = "补偿发放到平台余额，3个工作日内到账。\n大额书面协议另有约定的除外。"
    assert omitted(source, "补偿发放到平台余额，3个工作日内到账[1]。") == ["大额书面协议另有约定的除外"]
