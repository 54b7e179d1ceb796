from collections.abc import Sequence

import pytest

from kb_assistant.drafting.composer import Composed, compose
from kb_assistant.index.tokens import tokenize
from kb_assistant.types import Chunk, Customer, Hit, Kind, Source

QUESTION = "话费慢充多久到账"


def chunk(text: str, *, kind: Kind = "sop", document: str = "SOP-1", heading: str = "时效") -> Chunk:
    return Chunk(
        f"{document}#{heading}", document, kind, "话费充值", heading, text, Source("p", None, 0, len(text))
    )


def draft(*chunks: Chunk, question: str = QUESTION, customer: Customer | None = None) -> Composed | None:
    def similarity(texts: list[str]) -> list[float]:
        asked = set(tokenize(question))
        return [len(asked & set(tokenize(text))) / 10 for text in texts]

    def siblings(document_id: str) -> Sequence[Chunk]:
        return [c for c in chunks if c.document_id == document_id]

    hits = [Hit(c, rank, 1 / rank, 0.9, 1.0) for rank, c in enumerate(chunks, start=1)]
    return compose(
        question, hits, similarity=similarity, document_chunks=lambda d: list(siblings(d)), customer=customer
    )


def test_the_answer_is_the_sources_own_words_with_a_marker() -> None:
    made = draft(chunk("话费慢充支付后72小时内到账。"))
    assert made is not None
    assert "话费慢充支付后72小时内到账[1]。" in made.text
    assert made.quotes == {1: "话费慢充支付后72小时内到账。"}
    assert made.text.startswith("您好，别着急") and made.text.endswith("解决。")


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


def test_tone_follows_the_customer() -> None:
    angry = draft(chunk("话费慢充支付后72小时内到账。"), question="骗子！话费慢充多久到账")
    merchant = draft(chunk("话费慢充支付后72小时内到账。"), customer=Customer(type="merchant"))
    assert angry is not None and angry.text.startswith("非常抱歉")
    assert merchant is not None and "要点如下" in merchant.text


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


def test_only_the_likeliest_statements_are_embedded() -> None:
    embedded: list[str] = []

    def similarity(texts: list[str]) -> list[float]:
        embedded.extend(texts)
        return [0.9] * len(texts)

    lines = [f"第{n}条说的是完全无关的事情。" for n in range(60)]
    source = chunk("\n".join([*lines, "话费慢充支付后72小时内到账。"]))
    compose(QUESTION, [Hit(source, 1, 1.0, 0.9, 1.0)], similarity=similarity, document_chunks=lambda _: [])
    assert len(embedded) == 8 and "话费慢充支付后72小时内到账。" in embedded


def test_the_lines_of_a_tickets_question_are_not_practice() -> None:
    made = draft(
        chunk("问题：话费慢充多久\n话费慢充都两天了\n处理：话费慢充当天到账。", kind="ticket", document="T")
    )
    assert made is not None and "都两天了" not in made.text
