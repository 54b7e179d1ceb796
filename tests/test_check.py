from datetime import date

import pytest

from kb_assistant.drafting.check import Case, check_text, check_uncited
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
    assert all(text[s.start : s.end] == s.quote for s in statements(text))
    assert [s.quote for s in statements(text)] == ["先核实。", "再补发；", "| 快充 | 10分钟 |"]


def test_rows_of_several_cells_carry_their_headers() -> None:
    text = (
        "| 项目 | 个人 | 商家 | 备注 |\n|---|---|---|---|\n| 大额审核时长 | 15分钟 | 15分钟 | 周末照常 |\n"
        "| 手续费 | 个人免收 | — | |\n\n| 余额 | 能 | 不能 |"
    )
    assert [s.text for s in statements(text)] == [
        "大额审核时长：个人 15分钟，商家 15分钟，周末照常",
        "手续费：个人免收",
        "余额：能，不能",  # its header stands in another chunk
    ]
    assert all(text[s.start : s.end] == s.quote for s in statements(text))


def test_the_same_amount_in_other_words_is_supported() -> None:
    check = check_text("付款后一天内可以全额退款[1]。", {1: RULE}, Case(as_of=TODAY))
    assert [(f.text, f.verdict, f.citation) for f in check.figures] == [("一天", "supported", 1)]
    assert [s.support for s in check.sentences] == ["sop"]


def test_another_amount_is_contradicted_with_the_source_phrase() -> None:
    check = check_text("付款后48小时内可以全额退款[1]。", {1: RULE}, Case(as_of=TODAY))
    assert check.figures[0].verdict == "contradicted"
    assert check.figures[0].source_text == RULE.text


def test_a_figure_without_a_counterpart_is_unsupported() -> None:
    check = check_text("可以全额退款，手续费3%[1]。", {1: RULE}, Case(as_of=TODAY))
    assert [f.verdict for f in check.figures] == ["unsupported"]


def test_a_figure_is_held_against_the_clause_of_its_own_sentence() -> None:
    other = chunk("投诉48小时内结案。")
    check = check_text(
        "48小时内可以全额退款[1]。投诉48小时内结案[2]。", {1: RULE, 2: other}, Case(as_of=TODAY)
    )
    assert [f.verdict for f in check.figures] == ["contradicted", "supported"]


def test_what_the_agent_states_counts_as_theirs() -> None:
    check = check_text(
        "您的订单已经在15:30退款50元。", {}, Case(as_of=TODAY, agent_facts="订单已经在15:30退款50元")
    )
    assert [s.support for s in check.sentences] == ["agent"]
    assert [(f.text, f.verdict) for f in check.figures] == [("15:30", "supported"), ("50元", "supported")]


def test_courtesy_claims_nothing_but_a_promise_does() -> None:
    check = check_text("您好，别着急。保证今天全额退给您。", {}, Case(as_of=TODAY))
    assert [s.support for s in check.sentences] == ["none", "unsupported"]
    assert [w.kind for w in check.warnings] == ["promise"]
    assert check.warnings[0].start is not None


def test_a_sentence_about_something_else_is_not_supported() -> None:
    check = check_text("会员到期前会收到续费链接[1]。", {1: RULE}, Case(as_of=TODAY))
    assert check.sentences[0].support == "unsupported"
    assert check.citations[0].verdict == "does_not_support"


def test_a_rule_that_has_ended_is_superseded() -> None:
    old = chunk(RULE.text, effective_to=date(2026, 2, 28))
    assert (
        check_text("24小时内可以全额退款[1]。", {1: old}, Case(as_of=TODAY)).citations[0].verdict
        == "superseded"
    )
    assert (
        check_text("24小时内可以全额退款[1]。", {1: old}, Case(as_of=date(2026, 2, 28))).citations[0].verdict
        == "supports"
    )


def test_mechanical_phrases_get_a_better_line() -> None:
    check = check_text("请耐心等待。", {}, Case(as_of=TODAY))
    assert [(w.kind, bool(w.suggestion)) for w in check.warnings] == [("forbidden_phrase", True)]


def test_a_denied_rule_is_not_supported() -> None:
    check = check_text("付款后24小时内不可以全额退款[1]。", {1: RULE}, Case(as_of=TODAY))
    assert [s.support for s in check.sentences] == ["unsupported"]
    assert [c.verdict for c in check.citations] == ["does_not_support"]


def test_uncited_sentences_find_their_own_source() -> None:
    other = Chunk(
        "E#1", "E", "faq", "投诉", "", "投诉48小时内结案。", Source("e.md", None, 0, 10)
    )  # fmt: skip
    text = "您好，别着急。投诉48小时内结案[7]。付款后12小时内可以全额退款。月底有活动。"
    check = check_uncited(text, [RULE, other], Case(as_of=TODAY))
    assert [(s.support, s.citations) for s in check.sentences] == [
        ("none", ()),
        ("faq", (1,)),
        ("unsupported", (2,)),  # 12 hours are not 24: a sentence with a wrong figure rests on nothing
        ("unsupported", ()),
    ]
    assert [(c.n, c.document_id) for c in check.citations] == [(1, "E"), (2, "D")]
    assert [(f.text, f.verdict) for f in check.figures] == [
        ("48小时", "supported"),
        ("12小时", "contradicted"),
    ]


def test_where_a_ticket_says_the_same_the_rule_is_cited() -> None:
    ticket = Chunk("T#1", "T", "ticket", "", "", RULE.text, Source("t", None, 0, len(RULE.text)))
    check = check_uncited("付款后24小时内可以全额退款。", [ticket, RULE], Case(as_of=TODAY))
    assert [c.document_id for c in check.citations] == ["D"]


SIBLINGS = (frozenset(("黄金", "铂金")), frozenset(("点卡", "话费")))


def test_a_rule_on_a_sibling_is_no_source() -> None:
    check = check_text(
        "没提取的话费，付款后24小时内可以全额退款[1]。", {1: RULE}, Case(as_of=TODAY, siblings=SIBLINGS)
    )
    assert check.sentences[0].support == "unsupported"


def test_a_figure_of_a_sibling_is_not_meant() -> None:
    tiers = chunk("| 等级 | 门槛 |\n|---|---|\n| 黄金会员 | 累计3,000元 |\n| 铂金会员 | 累计10,000元 |")
    right, wrong = "黄金的门槛是累计3,000元[1]。", "黄金的门槛是累计10,000元[1]。"
    verdicts = [
        check_text(text, {1: tiers}, Case(as_of=TODAY, siblings=SIBLINGS)).figures[0].verdict
        for text in (right, wrong)
    ]
    assert verdicts == ["supported", "contradicted"]


def test_the_figures_beside_it_tell_which_row_is_meant() -> None:
    rows = chunk(
        "| 商品 | 实付 | 手续费 | 实退 |\n|---|---|---|---|\n| 点卡50元 | 50元 | 1元 | 49元 |\n"
        "| 点卡300元 | 300元 | 6元 | 294元 |"
    )
    check = check_text("实付50元的卡，手续费6元，实退49元[1]。", {1: rows}, Case(as_of=TODAY))
    assert [f.verdict for f in check.figures] == ["supported", "contradicted", "supported"]


@pytest.mark.parametrize(
    ("source", "reply", "verdict"),
    [
        ("付款后24小时内可以申请退款。", "付款后超过24小时可以申请退款[1]。", "contradicted"),
        ("订单完成已超过30天的，系统不再受理。", "订单完成后30天内可以申请[1]。", "supported"),
        ("订单完成已超过30天的，系统不再受理。", "订单完成后30天之后可以申请[1]。", "contradicted"),
        ("快充30秒至10分钟到账。", "快充最多10分钟到账[1]。", "supported"),
    ],
)
def test_bounds(source: str, reply: str, verdict: str) -> None:
    check = check_text(reply, {1: chunk(source)}, Case(as_of=TODAY))
    assert [figure.verdict for figure in check.figures] == [verdict]


def test_cited_clauses_that_differ_are_told_and_the_rule_outranks_practice() -> None:
    rule = chunk("批量激活单批不超过300张。")
    other = Chunk("E#1", "E", "sop", "绿色通道", "", "批量激活单批不超过500张。", Source("e.md", None, 0, 15))
    ticket = Chunk("T#1", "T", "ticket", "拆批", "", "批量激活单批不超过500张。", Source("t", None, 0, 15))
    text = "批量激活单批不超过300张[1]。批量激活单批不超过500张[2]。"
    two_rules = check_text(text, {1: rule, 2: other}, Case(as_of=TODAY))
    assert [(w.kind, w.message) for w in two_rules.warnings] == [
        ("conflict", "《标题》写 300张，《绿色通道》写 500张")
    ]
    practice = check_text(text, {1: rule, 2: ticket}, Case(as_of=TODAY))
    assert [(w.kind, w.message) for w in practice.warnings] == [
        ("contradicts_sop", "工单《拆批》按 500张 处理，《标题》写的是 300张")
    ]


def test_amounts_of_one_ticket_contradict_nothing() -> None:
    rule = chunk("提现手续费每笔2元。")
    ticket = Chunk("T#1", "T", "ticket", "提现", "", "提现手续费每笔8元。", Source("t", None, 0, 10))
    check = check_text(
        "提现手续费每笔2元[1]。提现手续费每笔8元[2]。", {1: rule, 2: ticket}, Case(as_of=TODAY)
    )
    assert check.warnings == ()


def test_one_of_several_citations_may_carry_a_part_of_its_sentence() -> None:
    other = Chunk(
        "E#1", "E", "sop", "投诉", "", "投诉48小时内结案，由主管跟进。", Source("e.md", None, 0, 16)
    )
    text = "付款后24小时内可以全额退款；投诉的话主管会跟进，48小时内结案[1][2]。"
    check = check_text(text, {1: RULE, 2: other}, Case(as_of=TODAY))
    assert [s.support for s in check.sentences] == ["sop", "sop"]
    assert [c.verdict for c in check.citations] == ["supports", "supports"]
    wrong = check_text("投诉的话主管会跟进，48小时内结案[1][2]。", {1: RULE, 2: other}, Case(as_of=TODAY))
    assert [c.verdict for c in wrong.citations] == ["does_not_support", "supports"]


def test_what_the_steps_need_is_missed_only_where_the_reply_asks_for_nothing() -> None:
    steps = Chunk("D#2", "D", "sop", "标题", "处理步骤", "请客户提供订单号。", Source("d.md", None, 0, 9))

    def missed(text: str) -> list[str]:
        check = check_text(
            text, {1: RULE}, Case(as_of=TODAY, question="点卡没到", document_chunks=lambda _: [RULE, steps])
        )
        return [w.message for w in check.warnings if w.kind == "missing_fact"]

    assert missed("付款后24小时内可以全额退款[1]。") == ["处理这件事需要订单号，消息里没有，回复也没有问"]
    assert missed("付款后24小时内可以全额退款[1]。麻烦把订单号发我。") == []


@pytest.mark.parametrize("text", ["付款后48小时内可以全额退款[1]。", "可以全额退款，手续费3%[1]。"])
def test_a_sentence_with_a_wrong_figure_is_not_called_supported(text: str) -> None:
    check = check_text(text, {1: RULE}, Case(as_of=TODAY))
    assert [s.support for s in check.sentences] == ["unsupported"]
    assert [c.verdict for c in check.citations] == ["does_not_support"]


def test_a_citation_without_a_known_quote_shows_the_statement_that_carries_the_sentence() -> None:
    rule = chunk("点卡未提取可以全额退款。核实后5分钟内补发。投诉由主管跟进。")
    check = check_text("核实之后，5分钟内给您补发[1]。", {1: rule}, Case(as_of=TODAY))
    assert check.citations[0].quote == "核实后5分钟内补发。"


@pytest.mark.parametrize(
    "promised",
    ["已为您免除手续费[1]。", "我帮您免手续费处理。", "亲，退款给您安排上了哦。", "这边给您处理退款。"],
)
def test_waived_fees_and_arranged_refunds_are_promises(promised: str) -> None:
    fee = chunk("点卡未提取，付款后24小时内可以全额退款，手续费2%。")
    check = check_text(promised, {1: fee}, Case(as_of=TODAY))
    assert "promise" in [warning.kind for warning in check.warnings]


@pytest.mark.parametrize(
    ("source", "reply", "verdicts"),
    [
        ("夜间留言次日 9:00 前回复。", "夜里留言，早上9:00前回复您[1]。", ["supported"]),
        ("夜间留言次日 9:00 前回复。", "夜里留言，早上8:00前回复您[1]。", ["contradicted"]),
        ("夜间留言次日 9:00 前回复。", "夜里留言，今天早上9:00前回复您[1]。", ["contradicted"]),
        ("主管可特批一次提前解绑。", "主管可以特批三次提前解绑[1]。", ["unsupported"]),
        ("没有达到的，降一级，不会一次降两级。", "没达到的也只降一级，不会一次掉两级[1]。", ["supported"]),
        ("个人客户单日上限5,000元。", "个人一天5,000块封顶[1]。", ["supported"]),
        (
            "授权码绑定不足3台却报 E1003 的，登录原账号。",
            "没绑满3台却报E1003的，登录原账号[1]。",
            ["supported"] * 2,
        ),
    ],
)
def test_figures_of_free_wording(source: str, reply: str, verdicts: list[str]) -> None:
    check = check_text(reply, {1: chunk(source)}, Case(as_of=TODAY))
    assert [figure.verdict for figure in check.figures] == verdicts


def test_courtesy_may_name_a_figure_that_a_clause_of_the_reply_says() -> None:
    text = "满5万元才有96折，您有疑问很正常。满5万元享96折[1]。"
    rule = chunk("批发：满5万元享96折。")
    check = check_text(text, {1: rule}, Case(as_of=TODAY))
    assert [f.verdict for f in check.figures] == ["supported"] * 4
    check = check_text(text.replace("96折，您", "92折，您"), {1: rule}, Case(as_of=TODAY))
    assert [f.verdict for f in check.figures][1] == "unsupported"


def test_a_clause_that_carries_the_sentence_outweighs_a_neighbour_on_another_case() -> None:
    late = Chunk(
        "E#1", "E", "sop", "投诉", "例外", "48小时内不能结案的，须主管向客户说明原因。", Source("e.md", None, 0, 10)
    )  # fmt: skip
    rule = chunk("投诉首次回应：受理后10分钟内。投诉结案：受理后48小时内。")
    text = "投诉10分钟内首次回应，48小时内结案；48小时内不能结案的，须由主管向您说明原因[1][2]。"
    check = check_text(text, {1: rule, 2: late}, Case(as_of=TODAY))
    assert [c.verdict for c in check.citations] == ["supports", "supports"]
    check = check_text(text.replace("须由主管", "主管不会"), {1: rule, 2: late}, Case(as_of=TODAY))
    assert check.sentences[1].support == "unsupported"


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("欠费停机号、副卡、物联网卡不能充流量包。", "欠费停机号、副卡和物联网卡充不了流量包[1]。"),
        ("视频会员未激活的，付款后7天内可以退款。", "付款后7天内没激活才能退，激活了就退不了[1]。"),
    ],
)
def test_the_same_denial_in_other_words_is_supported(source: str, reply: str) -> None:
    check = check_text(reply, {1: chunk(source)}, Case(as_of=TODAY))
    assert [s.support for s in check.sentences] == ["sop"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("未提取可退。[1]已提取不退。[2] 祝好", ["未提取可退。[1]", "已提取不退。[2]", "祝好"]),
        ("可以申诉；[1]复核3天内做完。[2][3]", ["可以申诉；[1]", "复核3天内做完。[2][3]"]),
        ("[1]未提取可退。[2]已提取不退。", ["[1]未提取可退。", "[2]已提取不退。"]),
    ],
)
def test_a_marker_behind_the_closing_mark_looks_back(text: str, sentences: list[str]) -> None:
    spans = split_sentences(text)
    assert [span.text for span in spans] == sentences
    assert all(text[span.start : span.end] == span.text for span in spans)


@pytest.mark.parametrize(
    ("question", "reply", "verdict"),
    [
        ("充了100只到了40", "已到的40元不退[1]。", "supported"),
        ("充了100元，还差60元", "已到的40元不退[1]。", "supported"),
        ("充了100元，还差60元", "已到的50元不退[1]。", "unsupported"),
        ("余额300提现要多少手续费", "提现手续费1%，300元扣3元[1]。", "supported"),
        ("余额300提现要多少手续费", "提现手续费1%，300元扣5元[1]。", "unsupported"),
        ("900张怎么激活", "单批不超过300张，900张拆3批[1]。", "supported"),
        ("900张怎么激活", "单批不超过300张，900张拆4批[1]。", "unsupported"),
        # a limit is the clause's, whatever the customer has
        ("我有301张", "单批不超过301张[1]。", "contradicted"),
        ("我有302张", "单批最多301张[1]。", "contradicted"),
        ("我有302", "单批最多302张[1]。", "contradicted"),
    ],
)
def test_a_figure_may_be_worked_out_from_the_customers_own(question: str, reply: str, verdict: str) -> None:
    rule = chunk("已到账部分不退。提现手续费按1%收取。大促期间单批不超过300张，批数不限。")
    check = check_text(reply, {1: rule}, Case(as_of=TODAY, question=question))
    assert check.figures[-1].verdict == verdict
