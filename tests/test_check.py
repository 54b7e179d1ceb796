from datetime import date

from kb_assistant.drafting.check import check_text
from kb_assistant.drafting.text import split_sentences, statements, without_markers
from kb_assistant.types import Chunk, Source

TODAY = date(2026, 11, 21)


def chunk(text: str, kind="sop", **fields) -> Chunk:
    return Chunk(
        id="D#1", document_id="D", kind=kind, title="标题", heading="时效", text=text,
        source=Source("d.md", None, 0, len(text)), **fields,
    )  # fmt: skip


RULE = chunk("点卡未提取，付款后24小时内可以全额退款，免手续费。")


def test_sentences_keep_their_markers_and_spans() -> None:
    text = "您好，别着急。未提取可退[1]。已提取不退。[2]\n祝好"
    assert [s.text for s in split_sentences(text)] == [
        "您好，别着急。",
        "未提取可退[1]。",
        "已提取不退。[2]",
        "祝好",
    ]
    assert all(text[s.start : s.end] == s.text for s in split_sentences(text))
    assert without_markers(text) == "您好，别着急。未提取可退。已提取不退。\n祝好"


def test_statements_of_lists_and_tables() -> None:
    text = "## 规则\n1. 先核实。再补发；\n| 情况 | 时限 |\n|---|---|\n| 快充 | 10分钟 |\n| 慢充 | — |"
    assert [s.text for s in statements(text)] == ["先核实。", "再补发；", "快充：10分钟"]


def test_the_same_amount_in_other_words_is_supported() -> None:
    check = check_text("付款后一天内可以全额退款[1]。", {1: RULE}, as_of=TODAY)
    assert [(f.text, f.verdict, f.citation) for f in check.figures] == [("一天", "supported", 1)]
    assert [s.support for s in check.sentences] == ["sop"]


def test_another_amount_is_contradicted_with_the_source_phrase() -> None:
    check = check_text("付款后48小时内可以全额退款[1]。", {1: RULE}, as_of=TODAY)
    assert check.figures[0].verdict == "contradicted"
    assert check.figures[0].source_text == RULE.text


def test_a_figure_without_a_counterpart_is_unsupported() -> None:
    check = check_text("可以全额退款，手续费3%[1]。", {1: RULE}, as_of=TODAY)
    assert [f.verdict for f in check.figures] == ["unsupported"]


def test_a_figure_is_held_against_the_clause_of_its_own_sentence() -> None:
    other = chunk("投诉48小时内结案。")
    check = check_text("48小时内可以全额退款[1]。投诉48小时内结案[2]。", {1: RULE, 2: other}, as_of=TODAY)
    assert [f.verdict for f in check.figures] == ["contradicted", "supported"]


def test_what_the_agent_states_counts_as_theirs() -> None:
    check = check_text(
        "您的订单已经在15:30退款50元。", {}, as_of=TODAY, agent_facts="订单已经在15:30退款50元"
    )
    assert [s.support for s in check.sentences] == ["agent"]
    assert [f.verdict for f in check.figures] == ["supported"]


def test_courtesy_claims_nothing_but_a_promise_does() -> None:
    check = check_text("您好，别着急。保证今天全额退给您。", {}, as_of=TODAY)
    assert [s.support for s in check.sentences] == ["none", "unsupported"]
    assert [w.kind for w in check.warnings] == ["promise"]
    assert check.warnings[0].start is not None


def test_a_sentence_about_something_else_is_not_supported() -> None:
    check = check_text("会员到期前会收到续费链接[1]。", {1: RULE}, as_of=TODAY)
    assert check.sentences[0].support == "unsupported"
    assert check.citations[0].verdict == "does_not_support"


def test_a_rule_that_has_ended_is_superseded() -> None:
    old = chunk(RULE.text, effective_to=date(2026, 2, 28))
    assert check_text("24小时内可以全额退款[1]。", {1: old}, as_of=TODAY).citations[0].verdict == "superseded"
    assert (
        check_text("24小时内可以全额退款[1]。", {1: old}, as_of=date(2026, 2, 28)).citations[0].verdict
        == "supports"
    )


def test_mechanical_phrases_get_a_better_line() -> None:
    check = check_text("请耐心等待。", {}, as_of=TODAY)
    assert [(w.kind, bool(w.suggestion)) for w in check.warnings] == [("forbidden_phrase", True)]
