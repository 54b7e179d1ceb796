"""What the page does when an agent acts, through the façade, without a browser."""

import json
import re
import time
from collections.abc import Iterator
from html import unescape

import pytest

from kb_assistant.types import LOCAL_CALLER
from kb_assistant.web.desk import Asked, Asking, Desk, Refused
from kb_assistant.web.texts import TEXTS
from tests.test_drafter import QUESTION, TRUE, WRONG, Make, make  # noqa: F401  (a fixture)
from tests.test_writing import ScriptedWriter


class SlowWriter(ScriptedWriter):
    """A model that takes longer for each piece than the page waits between two showings."""

    def _pieces(self) -> Iterator[str]:
        for piece in super()._pieces():
            time.sleep(0.12)
            yield piece


@pytest.fixture
def desk_of(make: Make):  # noqa: F811
    """Return what opens a desk, with a model if attempts are given."""
    return lambda *attempts: Desk(
        make(SlowWriter(*attempts) if attempts else None), TEXTS["zh"], LOCAL_CALLER
    )


def asked_of(
    desk: Desk, question: str = QUESTION, as_of: str | None = None
) -> list[Asking | Asked | Refused]:
    return list(desk.ask(question, customer=None, facts=None, as_of=as_of))


def test_evidence_comes_first_and_a_models_draft_sentence_by_sentence(desk_of) -> None:
    first, *growing, last = asked_of(desk_of(TRUE))
    assert isinstance(first, Asking) and "卡密" in first.evidence and "正在起草" in first.draft
    assert isinstance(last, Asked)
    assert len(growing) >= 2 and all(isinstance(step, Asking) for step in growing)
    shown = [step.draft.count('class="sentence ') for step in growing]
    assert shown == sorted(shown) and "5分钟" in growing[-1].draft


def test_what_does_not_stand_is_withdrawn_before_it_is_written_again(desk_of) -> None:
    steps = asked_of(desk_of(WRONG, TRUE))
    assert any("正在重写" in step.draft for step in steps if isinstance(step, Asking))
    assert all("30分钟" not in step.draft for step in steps if isinstance(step, Asking | Asked))


@pytest.mark.parametrize(("question", "as_of"), [("  ", None), (QUESTION, "明天")])
def test_what_cannot_be_asked_is_refused_in_words(desk_of, question: str, as_of: str | None) -> None:
    (refused,) = asked_of(desk_of(), question, as_of)
    assert isinstance(refused, Refused) and "notice" in refused.html


def open_draft(desk: Desk) -> Asked:
    *_, asked = asked_of(desk)
    assert isinstance(asked, Asked)
    return asked


def test_a_wrong_figure_is_refused_until_it_is_mended_or_vouched_for(desk_of) -> None:
    desk = desk_of()
    asked = open_draft(desk)
    wrong = asked.reply_text.replace("5分钟", "30分钟")
    assert wrong != asked.reply_text
    html = desk.checked(asked.draft_id, wrong, asked.evidence_ids, "", None, None)
    assert "contradicted" in html and "改成 5分钟" in html
    refused = desk.accept(asked.draft_id, wrong, asked.evidence_ids)
    assert not refused.closed and "30分钟" in refused.html
    vouched = unescape(re.search(r'data-confirm="([^"]*)"', html).group(1))
    done = desk.accept(asked.draft_id, wrong, asked.evidence_ids, json.dumps([vouched]))
    stored = desk._assistant.get_draft(asked.draft_id, caller=LOCAL_CALLER).decision
    assert done.closed and (stored.action, stored.reason) == ("edited", "坐席确认：30分钟")


def test_the_agents_facts_stand_for_a_figure_no_clause_has(desk_of) -> None:
    desk = desk_of()
    asked = open_draft(desk)
    text = f"{asked.reply_text}\n您的订单已经在15:30补发。"
    ids = asked.evidence_ids
    assert '"unsupported"' in desk.checked(asked.draft_id, text, ids, "", None, None).replace("&quot;", '"')
    html = desk.checked(asked.draft_id, text, ids, "", "订单已经在15:30补发", None).replace("&quot;", '"')
    assert '"unsupported"' not in html


def test_a_secret_is_neither_checked_nor_accepted(desk_of) -> None:
    desk = desk_of()
    asked = open_draft(desk)
    text = "打我手机13912345678"
    assert "手机号" in desk.checked(asked.draft_id, text, "", "", None, None)
    assert not desk.accept(asked.draft_id, text).closed


@pytest.mark.parametrize("kept", ["", "no json", '{"a": 1}', '[1, "30分钟"]'])
def test_whatever_the_browser_kept_is_read_safely(desk_of, kept: str) -> None:
    desk = desk_of()
    asked = open_draft(desk)
    assert "edited" in desk.checked(asked.draft_id, asked.reply_text, kept, kept, None, None)


def test_a_draft_that_does_not_exist_is_said(desk_of) -> None:
    assert "notice error" in desk_of().checked("01XXXXXXXXXXXXXXXXXXXXXXXX", "您好。", "", "", None, None)


@pytest.mark.parametrize("unseen", ["\u200b", "👨\u200d👩\u200d👧", "\ufeff", "\x07"])
def test_what_nobody_sees_is_no_secret(desk_of, unseen: str) -> None:
    desk = desk_of()
    asked = open_draft(desk)
    text = f"{unseen}{asked.reply_text}"
    html = desk.checked(asked.draft_id, text, asked.evidence_ids, "", None, None)
    marks = json.loads(unescape(re.search(r'data-marks="([^"]*)"', html).group(1)))
    units = text.encode("utf-16-le")
    assert [units[2 * a : 2 * b].decode("utf-16-le") for a, b, css in marks if css == "supported"] == [
        "5分钟"
    ]
    assert desk.accept(asked.draft_id, text, asked.evidence_ids).closed


def test_a_secret_in_pieces_is_one(desk_of) -> None:
    desk = desk_of()
    asked = open_draft(desk)
    assert not desk.accept(asked.draft_id, "打我手机1391\u200b2345678").closed
