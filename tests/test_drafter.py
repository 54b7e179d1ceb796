"""A message becomes a checked draft, told as events; through the façade, with a model that plays a script."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kb_assistant.assistant import Assistant
from kb_assistant.drafting.drafter import DraftEvent, DraftReady, EvidenceFound
from kb_assistant.drafting.model import ModelFailed
from kb_assistant.drafting.writing import Replaced, SentenceReady
from kb_assistant.index.building import build_index
from kb_assistant.index.knowledge import LiveIndex
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Customer, Draft, DraftGenerator
from tests.conftest import REFUND_NEW, WRONG_KEY
from tests.fakes import HashEmbedder
from tests.test_writing import ScriptedWriter

QUESTION = "卡密错误多久能补发"
TRUE = ["您好，别着急。", "卡密错误的，核实订单后5分钟内补发新卡密[1]。", "有问题随时找我。"]
WRONG = [TRUE[0], TRUE[1].replace("5分钟", "30分钟"), TRUE[2]]
SLOW = """---
id: SOP-HF-01
title: 话费慢充时效
topic: 话费充值
skill_group: 充值组
effective_from: 2026-01-01
---
## 时效
话费慢充支付后72小时内到账。
"""
FASTER = SLOW.replace("SOP-HF-01", "SOP-HF-02").replace("话费慢充时效", "话费充值说明").replace("72", "48")
CONFLICT, SMALL_TALK, UNKNOWN = "话费慢充多久到账", "在吗", "你们卖不卖演唱会门票"

Make = Callable[..., Assistant]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what opens an assistant over a few documents, with a model if attempts are given."""
    corpus, embedder, opened = tmp_path / "corpus", HashEmbedder(), []
    corpus.mkdir()
    for number, text in enumerate((WRONG_KEY, REFUND_NEW, SLOW, FASTER)):
        (corpus / f"{number}.md").write_text(text, encoding="utf-8")
    build_index(corpus, tmp_path / "index", embedder)

    def open_assistant(writer: ScriptedWriter | None = None, *, bar: float = 0.0) -> Assistant:
        settings = Settings(
            index_dir=tmp_path / "index",
            records_url=f"sqlite:///{tmp_path / 'records.sqlite3'}",
            evidence_bar=bar,
            _env_file=None,
        )
        opened.append(Assistant(LiveIndex(settings.index_dir, embedder), embedder, settings, writer))
        return opened[-1]

    yield open_assistant
    for assistant in opened:
        assistant.close()


def events_of(
    assistant: Assistant, question: str = QUESTION, *, generator: DraftGenerator | None = None, **context
) -> list[DraftEvent]:
    return list(
        assistant.draft_events(question, caller=LOCAL_CALLER, generator=generator, keep=False, **context)
    )


def draft_of(events: list[DraftEvent]) -> Draft:
    """Return the draft, after the rules that hold for every run of events."""
    first, *between, last = events
    assert isinstance(first, EvidenceFound) and isinstance(last, DraftReady)
    shown = ""
    for event in between:
        if isinstance(event, Replaced):
            shown = event.text
        else:
            assert isinstance(event, SentenceReady)
            shown = shown.ljust(event.sentence.start) + event.sentence.text
    assert shown.split() == last.draft.text.split(), "what is on the screen is what is kept"
    return last.draft


def sentences(events: list[DraftEvent]) -> list[str]:
    return [event.sentence.text for event in events if isinstance(event, SentenceReady)]


# -- composed


def test_the_evidence_comes_first_then_each_sentence_with_its_figures(make: Make) -> None:
    events = events_of(make())
    draft = draft_of(events)
    assert sentences(events) == [sentence.text for sentence in draft.sentences]
    figures = [f for event in events if isinstance(event, SentenceReady) for f in event.figures]
    assert [(f.text, f.verdict) for f in figures] == [("5分钟", "supported")]
    assert tuple(figures) == draft.figures
    assert events[0].hits[0].chunk.document_id == "SOP-KM-01"
    assert (draft.status, draft.generator) == ("answered", "composer")


def test_a_message_that_asks_two_things_is_answered_twice(make: Make) -> None:
    draft = draft_of(events_of(make(), "卡密错误的几分钟能补发 点卡还没提取的能不能退款"))
    assert {c.document_id for c in draft.citations} == {"SOP-KM-01", "SOP-ZF-02"}
    assert "5分钟内补发" in draft.text and "24小时内可以全额退款" in draft.text
    assert {c.verdict for c in draft.citations} == {"supports"}


def test_two_rules_that_differ_are_both_shown_and_handed_off(make: Make) -> None:
    draft = draft_of(events_of(make(), CONFLICT, customer=Customer(tier="VIP", notes="第二次来问")))
    assert draft.status == "conflict"
    assert "72小时内到账[" in draft.text and "48小时内到账[" in draft.text
    assert {(c.document_id, c.verdict) for c in draft.citations} == {
        ("SOP-HF-01", "supports"),
        ("SOP-HF-02", "supports"),
    }
    [warning] = [w for w in draft.warnings if w.kind == "conflict"]
    assert "《话费慢充时效》写 72小时" in warning.message and "《话费充值说明》写 48小时" in warning.message
    assert draft.hand_off is not None
    assert draft.hand_off.why == f"两条现行规定数字不同：{warning.message}"
    assert (draft.hand_off.skill_group, draft.hand_off.customer) == ("充值组", "VIP · 第二次来问")


def test_a_refusal_says_what_the_nearest_clauses_do_not(make: Make) -> None:
    draft = draft_of(events_of(make(bar=1.0), "点卡没提取能退款吗，演唱会门票卖不卖"))
    assert (draft.status, draft.citations) == ("refused", ())
    assert draft.hand_off is not None
    assert draft.hand_off.why == "最接近的是《点卡退款规则》，其中没有说到“演唱会门票卖不卖”"
    assert draft.hand_off.nearest[0].startswith("SOP-ZF-02#")


def test_small_talk_needs_no_evidence(make: Make) -> None:
    events = events_of(make(bar=1.0), SMALL_TALK)
    draft = draft_of(events)
    assert events[0] == EvidenceFound(())
    assert (draft.status, draft.hand_off, draft.confidence) == ("small_talk", None, 1.0)


@pytest.mark.parametrize("bar", [0.0, 1.0])
@pytest.mark.parametrize("question", [QUESTION, f"有个客户问{QUESTION}", CONFLICT, SMALL_TALK, UNKNOWN])
def test_no_sentence_of_ours_claims_without_a_source(make: Make, question: str, bar: float) -> None:
    draft = draft_of(events_of(make(bar=bar), question))
    assert [s.text for s in draft.sentences if s.support == "unsupported"] == []
    assert [w for w in draft.warnings if w.kind in ("promise", "forbidden_phrase")] == []


# -- written by a model


def test_a_good_reply_of_a_model_is_shown_and_kept(make: Make) -> None:
    writer = ScriptedWriter(TRUE)
    events = events_of(make(writer))
    draft = draft_of(events)
    assert sentences(events) == TRUE
    assert (draft.generator, draft.status, draft.text) == ("model", "answered", "".join(TRUE))
    assert [(c.n, c.document_id, c.verdict) for c in draft.citations] == [(1, "SOP-KM-01", "supports")]
    assert [(f.text, f.verdict) for f in draft.figures] == [("5分钟", "supported")]
    assert draft.reply_text == "".join(TRUE).replace("[1]", "")
    assert (len(writer.messages), writer.closed) == (1, 1)


def test_a_sentence_is_shown_while_the_model_still_writes(make: Make) -> None:
    writer = ScriptedWriter(TRUE)
    events = make(writer).draft_events(QUESTION, caller=LOCAL_CALLER, keep=False)
    assert isinstance(next(events), EvidenceFound) and writer.messages == []
    assert next(events).sentence.text == TRUE[0]
    assert TRUE[2] not in writer.written
    events.close()


def test_a_wrong_number_is_withdrawn_and_the_composer_answers(make: Make) -> None:
    writer = ScriptedWriter(WRONG, WRONG)
    events = events_of(make(writer))
    draft = draft_of(events)
    why = "“30分钟”与所标条款不符"
    assert [e for e in events if isinstance(e, Replaced)] == [Replaced("", why), Replaced(draft.text, why)]
    assert sentences(events) == [TRUE[0], TRUE[0]]
    assert (draft.generator, draft.status) == ("composer", "answered")
    assert "30分钟" not in draft.text and "5分钟" in draft.text
    assert draft.text == make().draft(QUESTION, caller=LOCAL_CALLER, keep=False).text


def test_a_model_may_correct_itself(make: Make) -> None:
    events = events_of(make(ScriptedWriter(WRONG, TRUE)))
    draft = draft_of(events)
    assert (draft.generator, draft.text) == ("model", "".join(TRUE))
    assert [e.text for e in events if isinstance(e, Replaced)] == [""]


def test_a_model_that_is_silent_is_no_reason_to_wait(make: Make) -> None:
    silent = ModelFailed("模型 8 秒内没有新的文字", again=False)
    writer = ScriptedWriter([silent], TRUE)
    events = events_of(make(writer))
    assert draft_of(events).generator == "composer"
    assert [e.reason for e in events if isinstance(e, Replaced)] == [silent.reason]
    assert len(writer.messages) == 1


@pytest.mark.parametrize(
    ("question", "bar", "status"),
    [(UNKNOWN, 1.0, "refused"), (CONFLICT, 0.0, "conflict"), (SMALL_TALK, 0.0, "small_talk")],
)
def test_only_what_the_sources_answer_is_put_to_a_model(
    make: Make, question: str, bar: float, status: str
) -> None:
    writer = ScriptedWriter()
    events = events_of(make(writer, bar=bar), question, generator="model")
    draft = draft_of(events)
    assert (draft.status, draft.generator, writer.messages) == (status, "composer", [])
    assert sentences(events) == [sentence.text for sentence in draft.sentences]


def test_a_composed_draft_is_asked_for_and_no_model_writes(make: Make) -> None:
    writer = ScriptedWriter()
    assert draft_of(events_of(make(writer), generator="composer")).generator == "composer"
    assert writer.messages == []


def test_a_model_reads_the_clauses_and_what_the_agent_knows(make: Make) -> None:
    writer = ScriptedWriter([*TRUE[:2], "这笔订单20点付款。"])
    assistant = make(writer)
    draft = draft_of(events_of(assistant, facts="这笔订单20点付款", customer=Customer(type="商家")))
    told = writer.messages[0][1]["content"]
    assert "卡密错误核实订单后5分钟内补发新卡密。" in told
    assert "<坐席说明>\n这笔订单20点付款\n</坐席说明>" in told and "类型：商家" in told
    assert draft.generator == "model"
    assert [s.support for s in draft.sentences] == ["none", "sop", "agent"]


def test_who_leaves_early_closes_the_models_stream(make: Make) -> None:
    writer = ScriptedWriter(TRUE)
    events = make(writer).draft_events(QUESTION, caller=LOCAL_CALLER)
    next(events)
    next(events)
    assert (len(writer.streams), writer.closed) == (1, 0)
    events.close()
    assert writer.closed == 1
