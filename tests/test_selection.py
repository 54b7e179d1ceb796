import numpy as np
import pytest

from kb_assistant.drafting.selection import (
    FEATURES,
    WEIGHTS,
    Candidate,
    Inquiry,
    add_cosines,
    candidates,
    features,
    solution,
    source_chunks,
)
from kb_assistant.drafting.text import Statement, statements
from kb_assistant.types import Chunk, Embedder, Hit, Kind, Source
from tests.fakes import HashEmbedder

QUESTION = "话费慢充多久到账"


def chunk(
    text: str,
    *,
    kind: Kind = "sop",
    document: str = "SOP-1",
    heading: str = "规则",
    title: str = "充值",
    topic: str | None = None,
) -> Chunk:
    name = f"{document}#{heading}"
    return Chunk(name, document, kind, title, heading, text, Source("p", None, 0, len(text)), topic)


def inquiry(
    text: str,
    *,
    embedder: Embedder | None = None,
    terms: tuple[str, ...] = (),
    siblings: tuple[frozenset[str], ...] = (),
) -> Inquiry:
    used = embedder or HashEmbedder()
    return Inquiry(text, used.embed_queries([text])[0], used.embed_passages, terms, siblings)


def hits_of(*chunks: Chunk) -> list[Hit]:
    return [Hit(c, rank, 1 / rank, 0.9, 1.0) for rank, c in enumerate(chunks, start=1)]


def ranked(asked: Inquiry, *chunks: Chunk) -> list[Candidate]:
    return candidates(asked, hits_of(*chunks), lambda _: [], lambda statement, _: statement)


def feature(name: str, question: str, *chunks: Chunk, siblings=(), terms=()) -> float:
    """Return a feature of the first statement of the first chunk; the others are hits beside it."""
    [statement, *_] = statements(chunks[0].text)
    asked = inquiry(question, siblings=siblings, terms=terms)
    return features(asked, hits_of(*chunks), [(statement, chunks[0])])[0, FEATURES.index(name)]


def test_each_feature_has_a_weight() -> None:
    assert len(FEATURES) == len(WEIGHTS) == len(set(FEATURES))


def test_the_statement_that_says_what_is_asked_comes_first() -> None:
    text = "话费慢充支付后72小时内到账。\n发票抬头不能改。\n会员等级每月更新。"
    found = ranked(inquiry(QUESTION), chunk(text))
    assert found[0].statement.text == "话费慢充支付后72小时内到账。"
    odds = [candidate.probability for candidate in found]
    assert odds == sorted(odds, reverse=True) and 0 < odds[-1] < odds[0] < 1


@pytest.mark.parametrize(
    ("name", "question", "text", "value"),
    [
        ("time", "多久到账", "72小时内到账。", 1),
        ("time", "多久到账", "手续费2%。", 0),
        ("time", "能退吗", "72小时内到账。", 0),
        ("money", "手续费多少", "手续费2%。", 1),
        ("money", "手续费多少", "手续费3元。", 1),
        ("money", "手续费多少", "72小时内到账。", 0),
        ("count", "最多换几张", "每天最多3张。", 1),
        ("count", "多久到账", "每天最多3张。", 0),
        ("whether", "还能退吗", "已提取的不支持退款。", 1),
        ("whether", "还能退吗", "退款原路返回。", 0),
        ("whether", "多久到账", "已提取的不支持退款。", 0),
        # a wait that has passed the limit that the statement is about
        ("elapsed", "等了5天了", "超过3天的可以退款。", 1),
        ("elapsed", "等了两天了", "超过3天的可以退款。", 0),
        ("elapsed", "等了5天了", "3天内到账。", 0),
        ("elapsed", "还没到", "超过3天的可以退款。", 0),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_what_answers(name: str, question: str, text: str, value: float) -> None:
    assert feature(name, question, chunk(text)) == value


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ticket", chunk("72小时内到账。", kind="ticket")),
        ("faq", chunk("72小时内到账。", kind="faq")),
        ("example", chunk("72小时内到账。", heading="计算示例")),
        ("example", chunk("72小时内到账。", heading="质检要点")),
        ("script", chunk("72小时内到账。", heading="标准话术")),
    ],
)
def test_where_a_statement_stands_counts(name: str, source: Chunk) -> None:
    assert feature(name, QUESTION, source) == 1
    assert feature(name, QUESTION, chunk("72小时内到账。")) == 0


def test_the_manuals_words_count_as_asked() -> None:
    rule = chunk("到账慢的核对订单。")
    assert feature("asked_words", "点数还在路上", rule) == 0
    assert feature("asked_words", "点数还在路上", rule, terms=("到账慢",)) > 0.3


BROTHERS = (frozenset({"点卡", "话费"}),)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (chunk("话费72小时内到账。"), 1),
        (chunk("点卡72小时内到账。"), -1),
        (chunk("72小时内到账。", heading="点卡 > 时效"), -1),
        (chunk("话费72小时内到账。", heading="点卡 > 时效"), 1),  # the nearest name says whose it is
        (chunk("72小时内到账。", title="话费充值"), 1),
        (chunk("72小时内到账。"), 0),
        (chunk("话费和点卡都72小时内到账。"), 1),
    ],
)
def test_a_statement_on_the_other_product_is_beside_the_point(source: Chunk, value: float) -> None:
    assert feature("sibling", QUESTION, source, siblings=BROTHERS) == value
    assert feature("sibling", "多久到账", source, siblings=BROTHERS) == 0


def test_hits_vote_for_topic_and_document_with_the_cube_of_their_scores() -> None:
    first, second = chunk("72小时内到账。", topic="话费"), chunk("不能改。", document="SOP-2", topic="发票")
    assert feature("topic", QUESTION, first, second) == pytest.approx(8 / 9)
    assert feature("document", QUESTION, first, second) == pytest.approx(8 / 9)
    ticket = chunk("处理：已退。", kind="ticket", document="T-1", topic="话费")
    assert feature("document", QUESTION, first, ticket) == 1, "tickets are practice of a topic, no document"
    assert feature("topic", QUESTION, first, ticket) == 1


# -- how a like case was solved

SOLVED = chunk("问题：慢充都三天了\n处理：核实渠道后按规定复充，4小时内到账。", kind="ticket", document="T-1")
RECHARGE = "渠道核实后复充。"
OTHER = "话费订单可以取消。"


@pytest.mark.parametrize(
    ("text", "solved"),
    [
        ("问题：没到\n处理：已复充。", "已复充。"),
        ("问题：没到\n处理:已复充。", "已复充。"),
        ("已复充。", "已复充。"),
    ],
)
def test_the_solution_is_what_follows_the_question(text: str, solved: str) -> None:
    assert solution(chunk(text, kind="ticket")) == solved


def test_words_and_figures_that_solved_a_like_case_point_at_the_rule() -> None:
    rule, other = chunk(RECHARGE), chunk(OTHER)
    assert feature("case_words", QUESTION, rule, SOLVED) > feature("case_words", QUESTION, other, SOLVED)
    assert feature("case_words", QUESTION, rule) == 0
    assert feature("case_figure", QUESTION, chunk("超时的4个小时内复充。"), SOLVED) == 1
    assert feature("case_figure", QUESTION, chunk("超时的5小时内复充。"), SOLVED) == 0


def test_a_rule_that_a_like_case_rests_on_overtakes_one_with_more_of_the_words() -> None:
    rules = chunk(f"{OTHER}\n{RECHARGE}")

    def first(*hits: Chunk) -> str:
        found = ranked(inquiry("订单三天了怎么办"), *hits)
        return next(c.statement.text for c in found if c.chunk.kind == "sop")

    assert first(rules) == OTHER
    assert first(SOLVED, rules) == RECHARGE


# -- which statements compete, and which are embedded


def test_the_first_hits_and_the_rule_sections_of_the_best_two_documents_compete() -> None:
    rule = chunk("时效规定。", heading="时效")
    training = chunk("培训内容。", heading="培训")
    elsewhere = [chunk("时效规定。", document=f"SOP-{n}", heading="时效") for n in (2, 3)]
    by_document = {"SOP-1": [rule, training], "SOP-2": [elsewhere[0]], "SOP-3": [elsewhere[1]]}
    hits = hits_of(*(chunk("命中。", document=f"SOP-{n}", heading="命中") for n in (1, 2, 3)))
    found = source_chunks(hits, lambda document: by_document[document])
    assert found == [*(hit.chunk for hit in hits), rule, elsewhere[0]]


def test_hits_far_down_only_vote() -> None:
    hits = hits_of(*(chunk(f"第{n}条规定。", kind="faq", document=f"F-{n}") for n in range(20)))
    assert source_chunks(hits, lambda _: []) == [hit.chunk for hit in hits[:8]]


def test_only_the_likeliest_statements_are_embedded() -> None:
    embedder = HashEmbedder()
    lines = [f"第{n}条说的是完全无关的事情。" for n in range(60)]
    source = chunk("\n".join([*lines, "话费慢充支付后72小时内到账。"]))
    found = ranked(inquiry(QUESTION, embedder=embedder), source)
    assert embedder.embedded == len(found) == 24
    assert found[0].statement.text == "话费慢充支付后72小时内到账。"


def test_what_may_not_be_said_does_not_compete() -> None:
    embedder = HashEmbedder()
    hits = hits_of(chunk("话费慢充支付后72小时内到账。\n登记工单。"))
    asked = inquiry(QUESTION, embedder=embedder)

    def without_tickets(statement: Statement, _: Chunk) -> Statement | None:
        return None if "工单" in statement.text else statement

    found = candidates(asked, hits, lambda _: [], without_tickets)
    assert [candidate.statement.text for candidate in found] == ["话费慢充支付后72小时内到账。"]
    embedder.embedded = 0
    assert candidates(asked, hits, lambda _: [], lambda *_: None) == []
    assert embedder.embedded == 0


def test_no_hits_no_candidates() -> None:
    assert ranked(inquiry(QUESTION)) == []


def test_cosines_count_from_the_mean_of_the_ten_best() -> None:
    source = chunk("\n".join(f"第{n}条规定说明{word}。" for n, word in enumerate("到账退款时效手续费发票")))
    asked, hits = inquiry(QUESTION), hits_of(source)
    pool = [(statement, source) for statement in statements(source.text)]
    table = np.zeros((len(pool), len(FEATURES)))
    add_cosines(table, asked, hits, pool, range(len(pool)))
    cosines = asked.embed([statement.text for statement, _ in pool]) @ asked.vector
    expected = 10 * (cosines - np.mean(sorted(cosines)[-10:]))
    assert table[:, 0] == pytest.approx(expected, abs=1e-5)
    assert not table[:, 1:].any(), "no ticket, nothing solved"
