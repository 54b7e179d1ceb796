import pytest

from kb_assistant.drafting.claims import claims
from kb_assistant.drafting.composer import Composed, compose
from kb_assistant.drafting.selection import Inquiry
from kb_assistant.drafting.text import markers_in, split_sentences
from kb_assistant.types import Chunk, Customer, Hit, Kind, Source
from tests.fakes import HashEmbedder

QUESTION = "话费慢充多久到账"


def chunk(text: str, *, kind: Kind = "sop", document: str = "SOP-1", heading: str = "时效") -> Chunk:
    return Chunk(
        f"{document}#{heading}", document, kind, "话费充值", heading, text, Source("p", None, 0, len(text))
    )


def inquiry(text: str, siblings: tuple[frozenset[str], ...] = ()) -> Inquiry:
    embedder = HashEmbedder()
    return Inquiry(text, embedder.embed_queries([text])[0], embedder.embed_passages, (), siblings)


def hits_of(*chunks: Chunk) -> list[Hit]:
    return [Hit(c, rank, 1 / rank, 0.9, 1.0) for rank, c in enumerate(chunks, start=1)]


def draft(*chunks: Chunk, question: str = QUESTION, customer: Customer | None = None) -> Composed | None:
    return compose(
        [(inquiry(question), hits_of(*chunks))],
        document_chunks=lambda document: [c for c in chunks if c.document_id == document],
        customer=customer,
    )


def test_the_answer_is_the_sources_own_words_with_a_marker() -> None:
    made = draft(chunk("话费慢充支付后72小时内到账。"))
    assert made is not None
    assert "话费慢充支付后72小时内到账[1]。" in made.text
    assert made.quotes == {1: "话费慢充支付后72小时内到账。"}
    assert made.text.startswith("您好，") and made.text.endswith("随时问我。")


@pytest.mark.parametrize(
    "internal",
    [
        "在工单备注里登记话费慢充。",
        "打开「订单中心 → 话费订单」看慢充。",
        "话费慢充请客户等72小时。",
        "按 SOP-CZ-02 处理话费慢充。",
    ],
)
def test_what_is_said_to_the_agent_is_not_said_to_the_customer(internal: str) -> None:
    assert draft(chunk(internal)) is None


def test_the_company_speaks_as_we() -> None:
    made = draft(chunk("话费慢充核实后，客服须在4小时内完成复充。"))
    assert made is not None and "我们会在4小时内完成复充[1]。" in made.text


def test_every_sentence_of_a_statement_carries_the_marker() -> None:
    made = draft(chunk("| 慢充 | 话费72小时内到账；分几笔到账 |\n"))
    assert made is not None and made.text.count("[1]") == 2


def test_rules_outrank_tickets() -> None:
    made = draft(
        chunk("问题：话费慢充多久\n处理：话费慢充当天到账。", kind="ticket", document="T-1"),
        chunk("话费慢充支付后72小时内到账。"),
    )
    assert made is not None and "当天" not in made.text


def test_practice_alone_is_called_practice() -> None:
    made = draft(chunk("问题：话费慢充多久\n处理：话费慢充当天到账。", kind="ticket", document="T-1"))
    assert made is not None
    assert "之前是这样处理的" in made.text and "话费慢充当天到账[1]。" in made.text


def test_nothing_to_say_is_none() -> None:
    assert draft(chunk("## 时效")) is None


@pytest.mark.parametrize(
    ("question", "customer", "first", "last"),
    [
        (QUESTION, None, "您好，您问的情况我给您说明一下。", "还有不清楚的地方随时问我。"),
        (QUESTION, Customer(type="merchant"), "您好，我来帮您处理，要点如下：", "还有不清楚的地方随时问我。"),
        (QUESTION, Customer(type="新手"), "您好，别担心，我一步一步陪您弄好。", "还有不清楚的地方随时问我。"),
        (QUESTION, Customer(tier="VIP"), "您好，感谢您一直以来的支持，我马上帮您看。", "还有不清楚的地方随时问我。"),
        ("话费慢充还没到账", None, "您好，别着急，我来帮您看看。", "有任何问题随时找我，我会一直跟进到解决。"),
        (f"骗子！{QUESTION}", Customer(type="merchant"), "非常抱歉给您添麻烦了，您先别着急，我来帮您把这件事处理好。", "还有不清楚的地方随时问我。"),
    ],
)  # fmt: skip
def test_tone_follows_the_message_and_the_customer(question, customer, first, last) -> None:
    made = draft(chunk("话费慢充支付后72小时内到账。"), question=question, customer=customer)
    assert made is not None
    assert (made.text.split("\n")[0], made.text.split("\n")[-1]) == (first, last)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("客户在话费慢充提交前可以取消。", "您在话费慢充提交前可以取消[1]。"),
        ("话费慢充未到账，客户可以改退余额。", "话费慢充未到账，您可以改退余额[1]。"),
        ("话费慢充不用客户申请。", "话费慢充不用您申请[1]。"),
        ("铂金客户的话费慢充也是72小时。", "铂金客户的话费慢充也是72小时[1]。"),
        ("客户经理不受理话费慢充。", "客户经理不受理话费慢充[1]。"),
        ("客户原因的话费慢充取消收0.5%。", "客户原因的话费慢充取消收0.5%[1]。"),
        ("话费慢充仅限客户主动取消。", "话费慢充仅限客户主动取消[1]。"),
        ("话费慢充排队时不得劝客户换快充。", None),
        ("客户嫌话费慢充太慢的，不得自行承诺。", None),
        ("不要听客户怎么叫，话费慢充看订单。", None),
    ],
)
def test_the_customer_is_addressed_only_where_the_word_opens_a_clause(source: str, said: str | None) -> None:
    made = draft(chunk(source))
    assert (None if made is None else made.text.split("\n")[1]) == said


def test_near_statements_of_a_chunk_share_a_number_and_a_quote() -> None:
    source = chunk("话费慢充支付后72小时内到账。\n- 中间一句。\n- 话费慢充可能分几笔到账，到账为止。")
    made = draft(source)
    assert made is not None
    assert made.text.count("[1]") == 2 and "[2]" not in made.text
    assert made.quotes == {1: source.text}


def test_statements_far_apart_get_a_number_each() -> None:
    filler = "。".join(["这里说的是别的事情，与这条消息没有关系"] * 12)
    source = chunk(f"话费慢充支付后72小时内到账。\n{filler}。\n话费慢充可能分几笔到账，到账为止。")
    made = draft(source)
    assert made is not None
    assert made.quotes == {1: "话费慢充支付后72小时内到账。", 2: "话费慢充可能分几笔到账，到账为止。"}
    assert [made.cited[n].id for n in (1, 2)] == [source.id] * 2


def test_the_lines_of_a_tickets_question_are_not_practice() -> None:
    made = draft(
        chunk("问题：话费慢充多久\n话费慢充都两天了\n处理：话费慢充当天到账。", kind="ticket", document="T")
    )
    assert made is not None and "都两天了" not in made.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("“话费慢充支付后72小时内到账，到账有短信通知。”", "话费慢充支付后72小时内到账，到账有短信通知[1]。"),
        ("缓存延迟：“话费慢充72小时内到账，请以短信为准。”", "话费慢充72小时内到账，请以短信为准[1]。"),
        ("“话费慢充72小时内到账，您今天已用4,200元。”", None),
        ("“话费慢充的优惠券12月3日到期。”", None),
        ("“话费慢充的补偿批下来了，72小时内到账。”", None),
        ("“话费慢充刚核了，72小时内到账。”", None),
        ("“话费慢充明天上午到账。”", None),
        ("“话费慢充72小时内到账，给您补发了优惠券。”", None),
        ("“抱歉，话费慢充要72小时，让您久等了。”", None),
    ],
)
def test_a_line_of_a_script_is_said_unless_it_speaks_of_its_own_example(line: str, said: str | None) -> None:
    made = draft(chunk(line, heading="标准话术"))
    assert (None if made is None else made.text.split("\n")[1]) == said


INTERNAL = "话费慢充未到账的，由当班客服4小时内登记工单。"


@pytest.mark.parametrize(
    ("question", "hears_it"),
    [
        ("话费慢充没到账怎么办", False),
        ("我的话费慢充没到账，你们登记没有", False),
        ("有个客户话费慢充没到账怎么办", True),
        ("话费慢充没到账要登记吗，质检扣不扣分", True),
        ("话费慢充没到账，工单能不登记吗", True),
        ("顾客问话费慢充没到账，我怎么跟他说", True),
    ],
)
def test_a_colleague_hears_what_is_said_to_the_agent(question: str, hears_it: bool) -> None:
    made = draft(chunk(INTERNAL), question=question)
    assert (None if made is None else made.text) == (
        f"处理办法如下：\n{INTERNAL[:-1]}[1]。" if hears_it else None
    )


def test_a_colleague_is_asked_for_nothing() -> None:
    steps = chunk("请客户提供订单号。", heading="需要客户提供的信息")
    rule = chunk("话费慢充支付后72小时内到账。")
    asked = draft(rule, steps, question="话费慢充充了两天没到账")
    colleague = draft(rule, steps, question="有个客户话费慢充充了两天没到账")
    assert asked is not None and [fact.name for fact in asked.missing_facts] == ["订单号"]
    assert "麻烦您提供一下订单号" in asked.text
    assert colleague is not None and colleague.missing_facts == () and "麻烦您" not in colleague.text


def test_a_question_about_a_rule_is_not_a_case_to_ask_about() -> None:
    steps = chunk("请客户提供订单号。", heading="需要客户提供的信息")
    made = draft(chunk("话费慢充支付后72小时内到账。"), steps)
    assert made is not None and made.missing_facts == ()


SLOW = chunk("话费慢充支付后72小时内到账。", document="SOP-1")
INVOICE = chunk("订单完成后30天内可申请电子发票，抬头可以改成公司名称。", document="SOP-2", heading="规则")
ASKS_TWICE = "话费慢充多久到账 发票抬头能不能改成公司名称"


def parts(*asked: tuple[str, list[Hit]]) -> Composed:
    made = compose([(inquiry(text), hits) for text, hits in asked], document_chunks=lambda _: [])
    assert made is not None
    return made


def test_each_of_two_questions_is_answered() -> None:
    both = hits_of(SLOW, INVOICE)
    made = parts((ASKS_TWICE, both), ("话费慢充多久到账", both), ("发票抬头能不能改成公司名称", both))
    assert made.text.split("\n")[1:-1] == [
        "话费慢充支付后72小时内到账[1]。",
        "订单完成后30天内可申请电子发票，抬头可以改成公司名称[2]。",
    ]
    assert made.cited == {1: SLOW, 2: INVOICE}


def test_what_answers_both_questions_is_said_once() -> None:
    made = parts(*[(QUESTION, hits_of(SLOW))] * 3)
    assert made.text.count("72小时") == 1


def test_beside_a_rule_practice_is_still_called_practice() -> None:
    ticket = chunk("问题：发票抬头\n处理：发票抬头当天改成公司名称。", kind="ticket", document="T-1")
    made = parts(
        (ASKS_TWICE, hits_of(SLOW, ticket)),
        ("发票抬头能不能改成公司名称", hits_of(ticket)),
        ("话费慢充多久到账", hits_of(SLOW)),
    )
    assert made.text.split("\n")[1:-1] == [
        "话费慢充支付后72小时内到账[1]。",
        "这类情况之前是这样处理的：",
        "发票抬头当天改成公司名称[2]。",
    ]


FASTER = chunk("话费慢充支付后48小时内到账。", document="SOP-2")


def test_two_rules_that_differ_are_both_shown_and_cited() -> None:
    made = draft(SLOW, FASTER)
    assert made is not None and made.conflict is not None
    assert set(made.conflict.figures) == {"72小时", "48小时"}
    for number, source in made.cited.items():
        assert f"{source.text[:-1]}[{number}]。" in made.text and made.quotes[number] == source.text
    assert {source.id for source in made.cited.values()} == {SLOW.id, FASTER.id}
    assert "确认之前不跟您说死" in made.text


def test_a_rule_that_differs_is_told_to_the_customer_in_their_words() -> None:
    made = draft(SLOW, chunk("客户话费慢充支付后48小时内到账。", document="SOP-2"))
    assert made is not None and made.conflict is not None
    assert "您话费慢充支付后48小时内到账[" in made.text


def test_the_answer_of_a_faq_that_differs_is_shown_without_its_label() -> None:
    faq = chunk("问：话费慢充多久到账\n答：话费慢充支付后48小时内到账。", kind="faq", document="FAQ-1")
    made = draft(SLOW, faq)
    assert made is not None and made.conflict is not None
    assert "48小时" in made.text and "答：" not in made.text


def test_of_a_rule_that_is_not_for_customers_only_the_figure_is_told() -> None:
    inside = chunk("话费慢充支付后48小时内到账，坐席须在工单里登记并反查回执。", document="SOP-2")
    made = draft(SLOW, inside)
    assert made is not None and made.conflict is not None
    assert "《话费充值》里写的是48小时[" in made.text and "坐席" not in made.text


def test_a_colleague_is_told_not_to_promise_either() -> None:
    made = draft(SLOW, FASTER, question="有个客户问话费慢充多久到账")
    assert made is not None and "不要对外说死" in made.text and "您" not in made.text


@pytest.mark.parametrize(
    "other",
    [
        chunk("问题：话费慢充\n处理：话费慢充支付后48小时内到账。", kind="ticket", document="T-1"),
        chunk("话费慢充支付后三天内到账。", document="SOP-2"),
    ],
    ids=["a ticket", "the same, put otherwise"],
)
def test_what_contradicts_no_rule_is_no_conflict(other: Chunk) -> None:
    made = draft(SLOW, other)
    assert made is not None and made.conflict is None


@pytest.mark.parametrize(
    "question", [QUESTION, "骗子！话费慢充还没到账", "有个客户问话费慢充多久到账", ASKS_TWICE]
)
@pytest.mark.parametrize(
    "customer", [None, Customer(type="merchant"), Customer(type="新手"), Customer(tier="VIP")]
)
@pytest.mark.parametrize("sources", [(SLOW,), (SLOW, FASTER), (SLOW, INVOICE)])
def test_every_sentence_that_claims_something_carries_a_marker(question, customer, sources) -> None:
    made = draft(*sources, question=question, customer=customer)
    assert made is not None
    bare = [s.text for s in split_sentences(made.text) if claims(s.text) and not markers_in(s.text)]
    assert bare == []
    assert {n for s in split_sentences(made.text) for n in markers_in(s.text)} == set(made.cited)


def test_a_customer_is_not_told_who_does_what_inside() -> None:
    made = draft(chunk("话费慢充支付后72小时内到账。\n话费慢充转充值组处理。", heading="质检"), SLOW)
    assert made is not None and made.text.split("\n")[1:-1] == ["话费慢充支付后72小时内到账[1]。"]
    assert made.cited == {1: SLOW}


def test_who_must_approve_is_told_to_the_agent() -> None:
    made = draft(chunk("话费慢充超过72小时，须由主管审批后补偿。"), question="话费慢充超过72小时有补偿吗")
    assert made is not None and made.approval is not None and made.approval.role == "主管"


def test_no_hits_compose_nothing() -> None:
    assert compose([(inquiry(QUESTION), [])], document_chunks=lambda _: []) is None
