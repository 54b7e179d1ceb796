"""The page's HTML without a browser: nothing that a customer or a document wrote becomes markup."""

import json
import re
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser

import pytest

from kb_assistant.drafting.check import Case, check_uncited
from kb_assistant.types import (
    Approval,
    Chunk,
    Citation,
    Document,
    Draft,
    DraftWarning,
    Figure,
    HandOff,
    Hit,
    MissingFact,
    Quality,
    Sentence,
    Source,
)
from kb_assistant.web.desk import parse_day
from kb_assistant.web.markup import Mark, paint, place
from kb_assistant.web.render import render_draft, render_error, render_hand_off, render_status
from kb_assistant.web.render_edited import open_figures, render_edited
from kb_assistant.web.render_lists import render_hits, snippet
from kb_assistant.web.render_source import find_quotes, render_source
from kb_assistant.web.texts import TEXTS

ZH = TEXTS["zh"]
EVIL = "<b onclick='x()'>\"&</b>"


class Seen(HTMLParser):
    """Collects tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, css: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.tags if css in (attributes.get("class") or "").split()]


@pytest.fixture
def draft() -> Draft:
    text = "快充10分钟内到账[1]。\n最多赔1000元[2]。"
    return Draft(
        sentences=(
            Sentence("快充10分钟内到账[1]。", 0, 13, "sop", (1,)),
            Sentence("最多赔1000元[2]。", 14, 26, "unsupported", (2,)),
        ),
        citations=(
            Citation(1, "c1", "d1", EVIL, EVIL, "快充10分钟", Source("a.pdf", 3, 0, 9), "supports"),
            Citation(2, "", "", "", "", "", Source("", None, 0, 0), "dangling"),
        ),
        figures=(
            Figure("10分钟", 2, 6, "supported", 1, EVIL),
            Figure("1000元", 17, 22, "contradicted", None, None),
        ),
        warnings=(DraftWarning("promise", EVIL, 14, 17, EVIL),),
        quality=Quality(1.0, 1.0, 1.0),
        draft_id="01J",
        question=EVIL,
        status="answered",
        text=text,
        reply_text=text,
        confidence=0.876,
        topic=EVIL,
        grade="urgent",
        skill_group=EVIL,
        missing_facts=(MissingFact(EVIL, EVIL),),
        approval=Approval(EVIL, EVIL),
        hand_off=None,
        generator="composer",
        generation="g",
        took_ms=41.6,
    )


def no_markup(html: str) -> Seen:
    seen = Seen(html)
    assert all("onclick" not in attributes for _, attributes in seen.tags)
    return seen


def test_the_status_line_says_outcome_urgency_confidence_and_time(draft):
    text = no_markup(render_status(draft, ZH)).text
    assert [word in text for word in ("已作答", "加急", "88%", EVIL, "42 毫秒")] == [True] * 5


def test_markers_become_buttons_and_figures_carry_their_verdict(draft):
    seen = no_markup(render_draft(draft, ZH))
    assert [a["data-cite"] for a in seen.of("cite")] == ["1", "2"]
    assert [a["class"] for a in seen.of("figure")] == ["figure supported", "figure contradicted"]
    assert seen.of("figure")[0]["title"] == f"与条款一致。原文：{EVIL}"
    assert len(seen.of("is-sop")) == len(seen.of("is-unsupported")) == 1
    assert "[1]" not in seen.text
    assert EVIL in seen.text


def test_a_draft_without_citations_has_no_list_of_sources(draft):
    assert not Seen(render_draft(replace(draft, citations=()), ZH)).of("source-line")


def test_the_brief_can_be_copied_as_it_reads():
    brief = HandOff(EVIL, EVIL, ("c1", "c2"), "没有依据", (), None, "ordinary")
    seen = no_markup(render_hand_off(brief, {"c1": "卡密 › 时效"}, ZH))
    assert seen.of("copy")[0]["data-copy"] == (
        f"客户问题：{EVIL}\n为什么没有作答：没有依据\n还缺的信息：无\n最接近的内容：卡密 › 时效\nc2\n建议技能组：无\n紧急程度：普通"
    )


def test_the_source_loses_no_character_and_marks_the_quote_in_its_clause():
    text = f"# 标题\n\n## 时限\n快充**10分钟**到账。{EVIL}\n| 项 | 时限 |\n|---|---|\n| 慢充 | 72小时 |\n"
    start = text.index("## 时限")
    document = Document("d1", "sop", EVIL, text, "a/b.md", effective_from=date(2026, 1, 1))
    chunk = Chunk("c1", "d1", "sop", EVIL, "", text[start:], Source("a/b.md", None, start, len(text)))
    html = render_source(document, chunk, ZH, quote="快充**10分钟**到账。 … | 慢充 | 72小时 |")
    seen = no_markup(html)
    body = Seen(html[html.index('class="doc"') :]).text
    kept = re.sub(r"[#*|\s]|---", "", text)
    assert re.sub(r"\s", "", body).endswith(re.sub(r"\s", "", kept))
    assert "".join(re.findall(r"<mark[^>]*>([^<]*)</mark>", html)) == "快充10分钟到账。慢充72小时"
    assert len(seen.of("in")) == 4


def test_a_pdf_shows_where_its_pages_begin():
    document = Document("d", "sop", "t", "甲\n乙\n丙", "a.pdf", page_starts=(0, 2, 4))
    chunk = Chunk("c", "d", "sop", "t", "", "乙", Source("a.pdf", 2, 2, 3))
    html = render_source(document, chunk, ZH)
    assert re.findall(r'pagebreak">([^<]*)<', html) == ["第 1 页", "第 2 页", "第 3 页"]
    assert "a.pdf</code> · 第 2 页" in html


def test_a_quote_of_the_whole_clause_or_of_other_words_marks_nothing():
    assert find_quotes("一二三", "一二三", (0, 3)) == []
    assert find_quotes("一二三四", "九", (0, 4)) == []
    assert find_quotes("一二三四", "二 … 三四", (0, 4)) == [Mark(1, 2, "quote"), Mark(2, 4, "quote")]


def test_overlapping_marks_share_their_stretch():
    assert paint("一二三", 0, 3, [Mark(0, 2, "a"), Mark(1, 3, "b", EVIL)]).count("<span") == 3
    assert Seen(paint("一二三", 0, 3, [Mark(0, 2, "a"), Mark(1, 3, "b", EVIL)])).text == "一二三"


def test_cards_escape_what_documents_say_and_name_the_citation():
    chunk = Chunk(EVIL, "d", "ticket", EVIL, f"{EVIL} > 二", EVIL, Source("t.jsonl", None, 0, 3), topic=EVIL)
    seen = no_markup(render_hits([Hit(chunk, 1, 1.0, 1.0, 1.0)], ZH, cited={EVIL: 2}, empty=""))
    assert seen.of("card")[0]["data-chunk"] == EVIL
    assert "已引用 [2]" in seen.text


def test_a_snippet_is_one_plain_line():
    assert snippet("## 标题\n- **快充**：10分钟\n| 慢充 | 72小时 |") == "快充：10分钟 慢充 72小时"
    assert snippet("字" * 200, limit=10) == "字" * 9 + "…"


def test_a_heading_path_does_not_repeat_the_title():
    assert Seen(place("卡密", "卡密 > 时效")).text == "卡密›时效"


def test_an_error_keeps_its_own_words_beside_the_lead():
    assert Seen(render_error("没能起草：", ValueError(EVIL))).text == f"没能起草： {EVIL}"


def test_a_day_is_an_iso_date_or_nothing():
    assert parse_day(" ") is None
    assert parse_day("2026-03-15") == date(2026, 3, 15)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        parse_day("昨天")


def test_every_word_exists_in_both_languages_with_the_same_blanks():
    zh, en = TEXTS["zh"], TEXTS["en"]
    assert zh.keys() == en.keys()
    blanks = {key: (re.findall(r"\{\w+\}", zh[key]), re.findall(r"\{\w+\}", en[key])) for key in zh}
    assert {key: found for key, found in blanks.items() if set(found[0]) != set(found[1])} == {}
    assert all(zh.values())
    assert all(en.values())


def test_the_checked_reply_counts_as_a_browser_does_and_escapes() -> None:
    rule = Chunk("D#1", "D", "sop", "退款", "", "点卡未提取，24小时内可以退款。", Source("d.md", None, 0, 9))
    text = "😀您好<b>。点卡未提取，48小时内可以退款。"
    check = check_uncited(text, [rule], Case(as_of=date(2026, 11, 22)))
    html = render_edited(text, check, TEXTS["zh"], confirmed=())
    marks = json.loads(unescape(re.search(r'data-marks="([^"]*)"', html).group(1)))
    units = text.encode("utf-16-le")
    assert ["48小时", "contradicted"] in [
        [units[2 * start : 2 * end].decode("utf-16-le"), css] for start, end, css in marks
    ]
    fix = json.loads(unescape(re.search(r'data-fix="([^"]*)"', html).group(1)))
    assert (
        fix["with"] == "24小时" and units[2 * fix["start"] : 2 * fix["end"]].decode("utf-16-le") == "48小时"
    )
    assert "<b>。" not in html
    assert [f.text for f in open_figures(check, ())] == ["48小时"] and open_figures(check, ["48小时"]) != []
    vouched = [unescape(re.search(r'data-confirm="([^"]*)"', html).group(1))]
    assert open_figures(check, vouched) == []
    assert "data-confirm" not in render_edited(text, check, TEXTS["zh"], confirmed=vouched)
