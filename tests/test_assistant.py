from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from kb_assistant.assistant import MAX_QUESTION, Assistant
from kb_assistant.drafting.drafter import DraftReady, EvidenceFound
from kb_assistant.errors import AlreadyDecided, InvalidInput, NotFound
from kb_assistant.index.knowledge import LiveIndex
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Caller, Customer
from tests.fakes import HashEmbedder
from tests.test_writing import ScriptedWriter

STRANGER = Caller(name="tool", role="tool", scopes=frozenset({"other"}))


def test_a_draft_cites_what_it_says(assistant: Assistant) -> None:
    draft = assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER)
    assert draft.status == "answered"
    assert "5分钟" in draft.text and "[1]" in draft.text
    assert "[1]" not in draft.reply_text
    assert draft.citations[0].document_id == "SOP-KM-01"
    assert draft.citations[0].verdict == "supports"
    assert [f.verdict for f in draft.figures] == ["supported"] * len(draft.figures)
    assert (draft.topic, draft.skill_group) == ("卡密", "卡密组")


def test_every_sentence_is_accounted_for(assistant: Assistant) -> None:
    draft = assistant.draft("点卡没提取能退吗", caller=LOCAL_CALLER)
    assert {s.support for s in draft.sentences} == {"none", "sop"}
    for sentence in draft.sentences:
        assert draft.text[sentence.start : sentence.end] == sentence.text
        assert bool(sentence.citations) == (sentence.support == "sop")
    for citation in draft.citations:
        document = assistant.document(citation.document_id, caller=LOCAL_CALLER)
        assert citation.quote in document.text


def test_the_order_date_decides_the_rule(assistant: Assistant) -> None:
    old = assistant.draft("点卡没提取能退款吗，手续费多少", caller=LOCAL_CALLER, as_of=date(2026, 1, 5))
    new = assistant.draft("点卡没提取能退款吗，手续费多少", caller=LOCAL_CALLER, as_of=date(2026, 6, 1))
    assert "2%" in old.text and "2%" not in new.text
    assert "免手续费" in new.text


def test_it_asks_for_what_the_steps_need(assistant: Assistant) -> None:
    draft = assistant.draft("卡密报错了怎么补发", caller=LOCAL_CALLER)
    assert [fact.name for fact in draft.missing_facts] == ["订单号", "报错截图"]
    given = assistant.draft("卡密报错了怎么补发，订单号DD20260815000312，截图发了", caller=LOCAL_CALLER)
    assert given.missing_facts == ()
    assert assistant.draft("卡密补发要多久", caller=LOCAL_CALLER).missing_facts == (), "about no case"


def test_an_unknown_code_is_handed_off_by_name(
    settings: Settings, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = settings.model_copy(update={"evidence_bar": 1e-300})
    cautious = Assistant(assistant._index, assistant._embedder, bar)
    sparse = assistant._index.current()._sparse
    monkeypatch.setattr(sparse, "_known_codes", {("e", "1", 4): (1001, 1012)})
    assert cautious.draft("卡密错误怎么补发", caller=LOCAL_CALLER).status == "answered"
    draft = cautious.draft("卡密错误怎么补发，报E3015", caller=LOCAL_CALLER)
    assert (draft.status, draft.confidence) == ("refused", 0)
    assert draft.hand_off is not None and draft.hand_off.why == "知识库里没有提到 E3015"
    cautious._records.close()


def test_below_the_bar_it_refuses_with_a_brief(settings: Settings, assistant: Assistant) -> None:
    strict = Assistant(
        assistant._index, assistant._embedder, settings.model_copy(update={"evidence_bar": 1.0})
    )
    draft = strict.draft("你们卖不卖演唱会门票", caller=LOCAL_CALLER)
    assert draft.status == "refused"
    assert draft.citations == () and draft.figures == ()
    assert draft.hand_off is not None
    assert draft.hand_off.question == "你们卖不卖演唱会门票"
    assert 1 <= len(draft.hand_off.nearest) <= 3
    strict._records.close()


@pytest.mark.parametrize("message", ["在吗", "谢谢客服", "好的收到👌", "👍👍", "你好呀～"])
def test_small_talk_is_answered_without_sources(assistant: Assistant, message: str) -> None:
    draft = assistant.draft(message, caller=LOCAL_CALLER)
    assert (draft.status, draft.citations) == ("small_talk", ())


def test_secrets_are_masked_in_everything_that_comes_back(assistant: Assistant) -> None:
    draft = assistant.draft("卡密ABCD-1234-EFGH-9999无效，我电话13912345678", caller=LOCAL_CALLER)
    assert "9999" not in repr(draft) and "13912345678" not in repr(draft)
    assert "[卡密1]" in draft.question and "[手机号1]" in draft.question
    stored = assistant.get_draft(draft.draft_id, caller=LOCAL_CALLER)
    assert stored.draft == draft


def test_decisions_are_final(assistant: Assistant) -> None:
    draft = assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER)
    decision = assistant.decide(
        draft.draft_id, "edited", caller=LOCAL_CALLER, final_text="亲，5分钟内补发，回电13912345678"
    )
    assert decision.final_text == "亲，5分钟内补发，回电[手机号1]"
    assert assistant.get_draft(draft.draft_id, caller=LOCAL_CALLER).decision == decision
    with pytest.raises(AlreadyDecided):
        assistant.decide(draft.draft_id, "accepted", caller=LOCAL_CALLER)


def test_an_accepted_draft_keeps_what_was_sent(assistant: Assistant) -> None:
    draft = assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER)
    assert assistant.decide(draft.draft_id, "accepted", caller=LOCAL_CALLER).final_text == draft.reply_text


@pytest.mark.parametrize(
    ("action", "match"), [("edited", "needs final_text"), ("rejected", "needs a reason")]
)
def test_a_decision_needs_its_words(assistant: Assistant, action, match: str) -> None:
    draft = assistant.draft("卡密错误", caller=LOCAL_CALLER)
    with pytest.raises(InvalidInput, match=match):
        assistant.decide(draft.draft_id, action, caller=LOCAL_CALLER)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\x00\x07\x1b"])
def test_a_blank_question(assistant: Assistant, text: str) -> None:
    with pytest.raises(InvalidInput, match="blank"):
        assistant.draft(text, caller=LOCAL_CALLER)


def test_a_question_that_is_too_long(assistant: Assistant) -> None:
    with pytest.raises(InvalidInput, match="has 100,000 characters, at most 10,000"):
        assistant.search("卡" * 100_000, caller=LOCAL_CALLER)
    assert assistant.search("卡" * MAX_QUESTION, caller=LOCAL_CALLER).hits


def test_control_characters_and_emoji_do_not_disturb(assistant: Assistant) -> None:
    plain = assistant.search("卡密错误", caller=LOCAL_CALLER).hits
    noisy = assistant.search("卡密\x07错误😭", caller=LOCAL_CALLER).hits
    assert noisy[0].chunk == plain[0].chunk


@pytest.mark.parametrize("top_k", [0, 101, -3])
def test_top_k_bounds(assistant: Assistant, top_k: int) -> None:
    with pytest.raises(InvalidInput, match="top_k must be between 1 and 100"):
        assistant.search("卡密", caller=LOCAL_CALLER, top_k=top_k)


def test_a_stranger_sees_nothing(assistant: Assistant) -> None:
    draft = assistant.draft("卡密错误", caller=LOCAL_CALLER)
    chunk_id = assistant.search("卡密", caller=LOCAL_CALLER).hits[0].chunk.id
    assert assistant.search("卡密", caller=STRANGER).hits == ()
    assert assistant.search_documents([("卡密", None)], caller=STRANGER) == [[]]
    for call in (
        lambda: assistant.chunk(chunk_id, caller=STRANGER),
        lambda: assistant.document("SOP-KM-01", caller=STRANGER),
        lambda: assistant.get_draft(draft.draft_id, caller=STRANGER),
        lambda: assistant.decide(draft.draft_id, "accepted", caller=STRANGER),
    ):
        with pytest.raises(NotFound):
            call()
    assert assistant.list_drafts(caller=STRANGER) == ([], None)
    check = assistant.check("x", "5分钟[1]", citations={1: chunk_id}, caller=STRANGER)
    assert check.citations[0].verdict == "dangling"


def test_check_finds_a_changed_figure(assistant: Assistant) -> None:
    cited = {1: "SOP-KM-01"}
    good = assistant.check(
        "卡密错误", "核实订单后5分钟内补发新卡密[1]。", caller=LOCAL_CALLER, citations=cited
    )
    bad = assistant.check(
        "卡密错误", "核实订单后15分钟内补发新卡密[1]。", caller=LOCAL_CALLER, citations=cited
    )
    assert [f.verdict for f in good.figures] == ["supported"]
    assert [(f.text, f.verdict) for f in bad.figures] == [("15分钟", "contradicted")]
    assert bad.figures[0].source_text is not None and "5分钟" in bad.figures[0].source_text


QUESTIONS = [
    "卡密错误多久能补发",
    "点卡没提取能退吗，手续费多少",
    "已经提取的点卡能退款吗",
    "游戏大厅进不去一直转圈",
    "卡密无效，要我提供什么",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_quote_is_the_sources_own_wording(assistant: Assistant, question: str) -> None:
    draft = assistant.draft(question, caller=LOCAL_CALLER)
    assert draft.citations
    for citation in draft.citations:
        assert citation.quote in assistant.document(citation.document_id, caller=LOCAL_CALLER).text


@pytest.mark.parametrize("question", QUESTIONS)
def test_checking_the_reply_again_gives_the_same_supports(assistant: Assistant, question: str) -> None:
    draft = assistant.draft(question, caller=LOCAL_CALLER)
    again = assistant.check(question, draft.reply_text, caller=LOCAL_CALLER)
    assert [s.support for s in again.sentences] == [s.support for s in draft.sentences]
    assert [f.verdict for f in again.figures] == [f.verdict for f in draft.figures]
    assert [c.n for c in again.citations] == list(range(1, len(again.citations) + 1))


def test_without_citations_the_markers_are_not_read(assistant: Assistant) -> None:
    text = "卡密错误核实订单后15分钟内补发新卡密[3]。"
    check = assistant.check("卡密错误多久能补发", text, caller=LOCAL_CALLER)
    assert [(s.support, s.citations) for s in check.sentences] == [("unsupported", (1,))]
    assert [(c.n, c.document_id) for c in check.citations] == [(1, "SOP-KM-01")]
    assert [(f.text, f.verdict, f.citation) for f in check.figures] == [("15分钟", "contradicted", 1)]


def test_check_names_superseded_and_dangling_citations(assistant: Assistant) -> None:
    check = assistant.check(
        "退款", "12小时内可以退款[1]。已提取不退[9]。", caller=LOCAL_CALLER, citations={1: "SOP-ZF-02-V1"}
    )
    assert [(c.n, c.verdict) for c in check.citations] == [(1, "superseded"), (9, "dangling")]


def test_customer_context_is_kept_masked(assistant: Assistant) -> None:
    customer = Customer(tier="VIP", type="merchant", notes="电话13912345678")
    draft = assistant.draft("卡密错误", caller=LOCAL_CALLER, customer=customer)
    stored = assistant.get_draft(draft.draft_id, caller=LOCAL_CALLER)
    assert stored.customer == Customer(tier="VIP", type="merchant", notes="电话[手机号1]")


def test_changed_words_are_an_edit_whatever_they_are_called(assistant: Assistant) -> None:
    draft = assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER)
    decision = assistant.decide(draft.draft_id, "accepted", caller=LOCAL_CALLER, final_text="马上补")
    assert (decision.action, decision.final_text) == ("edited", "马上补")


def test_reading_needs_no_records_database(settings: Settings, assistant: Assistant, tmp_path: Path) -> None:
    assistant.search("卡密", caller=LOCAL_CALLER)
    assistant.draft("卡密错误", caller=LOCAL_CALLER, keep=False)
    assistant.check("卡密", "您好。", caller=LOCAL_CALLER)
    assert not list(tmp_path.glob("records.sqlite3*"))


def test_status_counts_what_the_caller_may_see(assistant: Assistant) -> None:
    seen = assistant.status(caller=LOCAL_CALLER)
    assert (seen.documents, seen.topics) == (5, ("卡密", "售后与投诉", "支付与退款"))
    hidden = assistant.status(caller=STRANGER)
    assert (hidden.documents, hidden.chunks, hidden.topics, hidden.problems) == (0, 0, (), ())


# -- drafts as events, composed or written by a model

TRUE = "您好，别着急。卡密错误的，核实订单后5分钟内补发新卡密[1]。有问题随时找我。"
Written = Callable[..., tuple[Assistant, ScriptedWriter]]


@pytest.fixture
def written(settings: Settings, embedder: HashEmbedder) -> Iterator[Written]:
    """Return what opens an assistant whose model plays the attempts given."""
    opened: list[Assistant] = []

    def open_assistant(*attempts: str, **changes) -> tuple[Assistant, ScriptedWriter]:
        writer = ScriptedWriter(*attempts)
        changed = settings.model_copy(update=changes)
        opened.append(Assistant(LiveIndex(settings.index_dir, embedder), embedder, changed, writer))
        return opened[-1], writer

    yield open_assistant
    for assistant in opened:
        assistant.close()


def test_the_last_event_is_the_draft_that_is_kept(assistant: Assistant) -> None:
    first, *_, last = assistant.draft_events("卡密错误多久能补发", caller=LOCAL_CALLER)
    assert isinstance(first, EvidenceFound) and isinstance(last, DraftReady)
    assert assistant.get_draft(last.draft.draft_id, caller=LOCAL_CALLER).draft == last.draft


def test_a_draft_nobody_waited_for_is_not_kept(assistant: Assistant) -> None:
    events = assistant.draft_events("卡密错误多久能补发", caller=LOCAL_CALLER)
    next(events)
    events.close()
    assert assistant.list_drafts(caller=LOCAL_CALLER) == ([], None)


def test_who_words_a_draft(written: Written) -> None:
    assistant, writer = written(TRUE, TRUE)
    made = {
        generator: assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER, generator=generator).generator
        for generator in (None, "model", "composer")
    }
    assert made == {None: "model", "model": "model", "composer": "composer"}
    assert len(writer.messages) == 2


def test_without_a_model_the_composer_words_it(assistant: Assistant) -> None:
    assert assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER).generator == "composer"


def test_a_model_that_is_not_configured_names_the_setting(assistant: Assistant) -> None:
    for ask in (assistant.draft, assistant.draft_events):
        with pytest.raises(InvalidInput, match="no language model is configured; set KB_MODEL"):
            ask("卡密错误多久能补发", caller=LOCAL_CALLER, generator="model")


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_model_has_as_many_attempts_as_are_set(written: Written, attempts: int) -> None:
    wrong = TRUE.replace("5分钟", "30分钟")
    assistant, writer = written(*[wrong] * 3, model_attempts=attempts)
    draft = assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER)
    assert (draft.generator, len(writer.messages), writer.closed) == ("composer", attempts, attempts)
    assert "30分钟" not in draft.text


def test_no_secret_reaches_a_model(written: Written) -> None:
    assistant, writer = written(TRUE)
    assistant.draft(
        "卡密错误，卡密ABCD-1234-EFGH-9999，多久补发",
        caller=LOCAL_CALLER,
        facts="客户电话13912345678",
        customer=Customer(notes="身份证11010519491231002X"),
    )
    told = str(writer.messages)
    assert not any(secret in told for secret in ("9999", "13912345678", "11010519491231002X"))
    assert "[卡密1]" in told and "[手机号1]" in told


def test_what_is_sent_of_a_models_draft_is_recorded(written: Written) -> None:
    assistant, _ = written(TRUE)
    draft = assistant.draft("卡密错误多久能补发", caller=LOCAL_CALLER)
    stored = assistant.get_draft(draft.draft_id, caller=LOCAL_CALLER)
    assert (stored.draft, stored.draft.generator) == (draft, "model")
    assert assistant.decide(draft.draft_id, "accepted", caller=LOCAL_CALLER).final_text == draft.reply_text


def test_the_brief_tells_what_the_next_colleague_needs(settings: Settings, assistant: Assistant) -> None:
    strict = Assistant(
        assistant._index, assistant._embedder, settings.model_copy(update={"evidence_bar": 1.0})
    )
    customer = Customer(tier="铂金", notes="上周投诉过，电话13812345678")
    draft = strict.draft("卡密错误，你们卖不卖演唱会门票", caller=LOCAL_CALLER, customer=customer, keep=False)
    brief = draft.hand_off
    assert draft.status == "refused" and brief is not None
    assert "演唱会门票" in brief.why and "《" in brief.why
    assert brief.customer == "铂金 · 上周投诉过，电话[手机号1]"
    assert "订单号" in brief.missing
