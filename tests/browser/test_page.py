"""The page in a real browser: what an agent does all day, with the clicks an agent makes."""

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

pytestmark = pytest.mark.browser

QUESTION = "充了100元话费，快充的，两个小时了还没到账，怎么办"
UNKNOWN = "怎么加盟开一家奶茶店"
SHOTS = os.environ.get("KB_SHOTS")  # a folder for screenshots that people look at: `make shots`


def ask(page, question: str) -> None:
    """Paste a message, press Ctrl+Enter and wait for the draft."""
    page.locator("#question textarea").fill(question)
    with page.expect_response(re.compile("queue/data")):
        page.locator("#question textarea").press("Control+Enter")
    page.locator("#status .statusline").wait_for()
    page.locator("#accept:not([disabled])").wait_for()


def newest(server) -> dict:
    """Return the newest draft, over HTTP."""
    with urlopen(f"{server.url}/v1/drafts?status=all&limit=1") as response:
        return json.load(response)["drafts"][0]["draft"]


def decision(database: Path) -> dict:
    """Return the newest decision with its draft's reply."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute(
            "SELECT d.*, draft.payload FROM decision d JOIN draft ON draft.id = d.draft_id"
            " ORDER BY d.decided_at DESC LIMIT 1"
        ).fetchone()
    return {**dict(row), "reply_text": json.loads(row["payload"])["reply_text"]}


def audit(database: Path, draft_id: str) -> list[tuple[str, dict]]:
    """Return a draft's audit trail, oldest first, as (event, details)."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT event, details FROM audit WHERE draft_id = ? ORDER BY id", (draft_id,)
        ).fetchall()
    return [(event, json.loads(details)) for event, details in rows]


def test_an_agent_reads_a_citation_edits_the_reply_and_accepts_it(page, server):
    ask(page, QUESTION)
    assert page.locator("#status .badge").first.inner_text() == "已作答"
    assert page.locator("#draft .figure.supported").count() >= 1
    assert page.locator("#evidence .card").count() >= 3

    page.locator("#draft .cite").first.click()
    source = page.locator("#source .src")
    source.wait_for()
    cited = newest(server)["citations"][0]
    assert source.locator("h3").inner_text() == cited["title"]
    assert source.locator(".path").inner_text().startswith(cited["source"]["path"])
    quoted = source.locator("mark.quote").first
    assert quoted.is_visible()
    assert source.locator(".in mark.quote").count() >= 1
    assert quoted.evaluate(
        "e => { const d = e.closest('.doc').getBoundingClientRect(), m = e.getBoundingClientRect();"
        " return m.top >= d.top && m.bottom <= d.bottom; }"
    )

    reply = page.locator("#editor textarea").input_value()
    page.locator("#editor textarea").fill(f"{reply}\n祝您生活愉快。")
    page.locator("#accept").click()
    done = page.locator("#outcome .done")
    done.wait_for()
    stored = decision(server.database)
    assert (stored["action"], stored["agent"]) == ("edited", "local")
    assert stored["final_text"] == f"{stored['reply_text']}\n祝您生活愉快。"
    assert [event for event, _ in audit(server.database, stored["draft_id"])] == [
        "draft.created",
        "draft.decided",
    ]
    assert audit(server.database, stored["draft_id"])[1][1] == {"action": "edited", "agent": "local"}
    assert done.locator("strong").inner_text() == "已采纳修改稿"
    assert done.locator("code").inner_text() == stored["draft_id"]
    assert done.locator(".when-copied").is_visible()
    assert page.evaluate("navigator.clipboard.readText()") == stored["final_text"]
    for button in ("#accept", "#reject", "#hand-off"):
        assert page.locator(button).is_disabled()


def test_a_draft_sent_as_it_is_counts_as_accepted(page, server):
    ask(page, QUESTION)
    page.locator("#accept").click()
    page.locator("#outcome .done").wait_for()
    stored = decision(server.database)
    assert (stored["action"], stored["final_text"]) == ("accepted", stored["reply_text"])


def test_a_rejection_keeps_its_reason(page, server):
    ask(page, "卡密显示过期了怎么办")
    page.locator("#reason input").click()
    page.get_by_role("option", name="过时").click()
    page.locator("#note").locator("input, textarea").fill("规则上周改了")
    page.locator("#reject").click()
    done = page.locator("#outcome .done")
    done.wait_for()
    stored = decision(server.database)
    assert (stored["action"], stored["reason"], stored["final_text"]) == (
        "rejected",
        "outdated: 规则上周改了",
        None,
    )
    assert audit(server.database, stored["draft_id"])[-1] == (
        "draft.decided",
        {"action": "rejected", "agent": "local"},
    )
    assert "规则上周改了" in done.inner_text()
    page.locator("#tab-records-button, button[role=tab]:has-text('记录')").first.click()
    record = page.locator(f"#records .record[data-draft='{stored['draft_id']}']")
    record.wait_for()
    assert "拒绝" in record.locator("summary").inner_text()


def test_other_as_reason_needs_a_note(page):
    ask(page, "卡密显示过期了怎么办")
    page.locator("#reason input").click()
    page.get_by_role("option", name="其他").click()
    page.locator("#reject").click()
    page.locator("#outcome .notice").wait_for()
    assert page.locator("#outcome .notice").inner_text() == "原因选了“其他”，请在补充说明里写一句。"
    assert page.locator("#reject").is_enabled()


def test_a_refusal_shows_the_brief_for_the_colleague(page, server):
    ask(page, UNKNOWN)
    assert page.locator("#status .badge").first.inner_text() == "建议转人工"
    brief = page.locator("#brief .brief")
    assert brief.locator("dd").first.inner_text() == UNKNOWN
    brief.locator(".copy").click()
    brief.locator(".copy:has-text('已复制')").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith(f"客户问题：{UNKNOWN}\n")
    page.locator("#hand-off").click()
    page.locator("#outcome .done").wait_for()
    assert decision(server.database)["action"] == "handed_off"


def test_a_blank_question_gets_a_hint(page):
    page.locator("#ask").click()
    page.locator("#message .notice").wait_for()
    assert page.locator("#message .notice").inner_text() == "先把客户的消息粘贴到上面的框里，再点“起草回复”。"
    assert page.locator("#accept").is_disabled()


def test_a_second_decision_is_told_and_changes_nothing(page, server):
    ask(page, QUESTION)
    draft_id = newest(server)["draft_id"]
    body = json.dumps({"action": "handed_off", "agent": "小李"}).encode()
    urlopen(
        Request(
            f"{server.url}/v1/drafts/{draft_id}/decision",
            data=body,
            headers={"content-type": "application/json"},
        )
    ).close()
    page.locator("#accept").click()
    error = page.locator("#outcome .notice.error")
    error.wait_for()
    assert error.inner_text().startswith("没有记录下来：")
    assert "already handed_off by '小李'" in error.inner_text()
    assert decision(server.database)["action"] == "handed_off"
    assert page.locator("#accept").is_disabled()


def test_no_open_page_holds_a_connection(page, server):
    """A browser opens six connections per host; a page that kept one would block the seventh."""
    with urlopen(f"{server.url}/config") as answer:
        assert json.load(answer)["connect_heartbeat"] is False


def test_what_a_customer_writes_is_shown_and_never_run(page):
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>${alert(3)}{{value}} 怎么加盟开一家奶茶店"
    ask(page, hostile)
    assert page.locator("#brief dd").first.inner_text() == hostile
    assert page.locator("#brief img, #brief script").count() == 0


def test_search_finds_filters_and_opens_the_page_of_a_pdf(page):
    page.get_by_role("tab", name="检索").click()
    page.locator("#query").locator("input, textarea").fill("话费慢充多久到账")
    page.locator("#search").click()
    page.locator("#hits .card").first.wait_for()
    page.locator("#hits .card:has-text('对照表')").first.click()
    source = page.locator("#search-source .src")
    source.wait_for()
    assert re.search(r"对照表\.pdf · 第 \d+ 页", source.locator(".path").inner_text())
    assert source.locator(".pagebreak").count() >= 2
    assert source.locator(".in").count() >= 1


def test_the_page_in_english(page, server):
    page.locator("#language").click()
    page.locator("h1:has-text('KB Assistant')").wait_for()
    page.locator("#question textarea").fill(QUESTION)
    page.locator("#ask").click()
    page.locator("#status .statusline").wait_for()
    assert page.locator("#status .badge").first.inner_text() == "Answered"
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_nothing_is_cut_off_or_overlaps(page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    ask(page, QUESTION)
    page.locator("#draft .cite").first.click()
    page.locator("#source .src").wait_for()
    page.wait_for_timeout(600)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    blocks = ["#asking", "#answering", "#reading"]
    boxes = [page.locator(block).bounding_box() for block in blocks]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = (
                a["x"] + a["width"] <= b["x"] + 1
                or b["x"] + b["width"] <= a["x"] + 1
                or a["y"] + a["height"] <= b["y"] + 1
                or b["y"] + b["height"] <= a["y"] + 1
            )
            assert apart, (a, b)
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"answered-{size[0]}x{size[1]}.png")


def test_a_double_click_records_once_and_says_so(page, server):
    ask(page, QUESTION)
    page.locator("#accept").dblclick()
    page.locator("#outcome .done").wait_for()
    page.wait_for_timeout(500)
    assert page.locator("#outcome .done strong").inner_text() == "已采纳"
    assert decision(server.database)["draft_id"] == newest(server)["draft_id"]


def test_a_question_that_fails_takes_the_draft_before_it_away(page, server):
    ask(page, QUESTION)
    page.locator("#question textarea").fill("长" * 10_001)
    page.locator("#question textarea").press("Control+Enter")
    page.locator("#message .notice").wait_for()
    assert page.locator("#accept").is_disabled()
    assert page.locator("#editor textarea").input_value() == ""


def test_a_date_that_is_none_is_told(page, server):
    page.locator("#context").get_by_text("补充情况").click()
    page.locator("#as-of textarea, #as-of input").fill("昨天")
    page.locator("#question textarea").fill(QUESTION)
    page.locator("#question textarea").press("Control+Enter")
    assert "昨天" in page.locator("#message").get_by_text("日期").inner_text()


def replace_in_editor(page, old: str, new: str) -> None:
    """Select words in the editor and type others over them."""
    page.locator("#editor textarea").evaluate(
        "(field, old) => { const at = field.value.indexOf(old); field.focus();"
        " field.setSelectionRange(at, at + old.length); }",
        old,
    )
    page.keyboard.insert_text(new)


def test_a_wrong_figure_is_marked_in_place_and_keeps_the_reply_from_being_accepted(page, server):
    ask(page, QUESTION)
    page.evaluate("navigator.clipboard.writeText('')")
    good = page.locator("#draft .figure.supported").first.inner_text()
    editor = page.locator("#editor textarea")
    before = editor.input_value()
    replace_in_editor(page, good, "93小时")
    page.locator("#editor .marks .contradicted", has_text="93小时").wait_for()
    assert page.locator("#edited .serious").count() >= 1
    caret = before.index(good) + len("93小时")
    assert editor.evaluate("field => [field.selectionStart, field === document.activeElement]") == [
        caret,
        True,
    ]

    page.locator("#accept").click()
    page.locator("#outcome .notice", has_text="93小时").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == ""

    editor.press("Control+z")
    page.locator("#editor .marks .contradicted").wait_for(state="detached")
    assert editor.input_value() == before
    replace_in_editor(page, good, "93小时")
    fix = page.locator("#edited [data-fix]", has_text="改成").first
    value = fix.inner_text().removeprefix("改成").strip()
    fix.click()
    page.locator("#editor .marks .supported", has_text=value).first.wait_for()
    assert "93小时" not in editor.input_value()
    page.locator("#accept").click()
    page.locator("#outcome .done").wait_for()
    page.wait_for_function("navigator.clipboard.readText().then(text => text !== '')")
    assert page.evaluate("navigator.clipboard.readText()") == editor.input_value()
    assert decision(server.database)["reason"] is None


def test_a_figure_the_agent_vouches_for_is_accepted_and_recorded(page, server):
    ask(page, QUESTION)
    good = page.locator("#draft .figure.supported").first.inner_text()
    replace_in_editor(page, good, "93小时")
    page.locator("#edited [data-confirm]").first.click()
    page.locator("#editor .marks .confirmed", has_text="93小时").wait_for()
    page.locator("#accept").click()
    page.locator("#outcome .done").wait_for()
    stored = decision(server.database)
    assert stored["action"] == "edited" and "93小时" in stored["final_text"]
    assert stored["reason"] == "坐席确认：93小时"


def test_marks_move_with_what_is_typed_and_nothing_is_checked_while_an_input_method_composes(page):
    ask(page, QUESTION)
    page.locator("#editor .marks .supported").first.wait_for()
    first = page.locator("#editor .marks .supported").first.inner_text()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.locator("#editor textarea").evaluate(
        "field => { field.focus(); field.setSelectionRange(0, 0);"
        " field.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true })); }"
    )
    page.keyboard.insert_text("您好呀😀")
    page.wait_for_timeout(400)
    assert page.locator("#editor .marks .supported").first.inner_text() == first
    checks = [url for url in asked if "run/predict" in url or "queue/join" in url]
    page.locator("#editor textarea").evaluate(
        "field => field.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }))"
    )
    with page.expect_request(lambda request: request.method == "POST"):
        pass
    page.wait_for_timeout(300)
    assert checks == []
    assert page.locator("#editor .marks .supported").first.inner_text() == first


def test_a_secret_typed_into_the_reply_is_named_and_never_accepted(page, server):
    ask(page, QUESTION)
    before = newest(server)
    page.locator("#editor textarea").fill("您打我手机13912345678，或者发卡密：ABCD-EFGH-JKLM-NPQR")
    page.locator("#edited .notice", has_text="卡密、手机号").wait_for()
    page.locator("#accept").click()
    page.locator("#outcome .notice", has_text="卡密、手机号").wait_for()
    assert newest(server) == before


def test_a_whole_journey_by_keys_alone(page, server):
    page.keyboard.press("?")  # in the message it is a letter
    assert page.locator("#question textarea").input_value() == "?"
    page.keyboard.press("Alt+Slash")
    page.locator("#keys[open]").wait_for()
    page.keyboard.press("Escape")
    page.locator("#keys[open]").wait_for(state="detached")

    page.keyboard.press("Alt+KeyQ")
    page.keyboard.insert_text(QUESTION)
    page.keyboard.press("Control+Enter")
    page.locator("#accept:not([disabled])").wait_for()
    page.keyboard.press("Alt+ArrowDown")
    page.locator("#source .src").wait_for()
    assert page.locator("#draft .source-line").first.get_attribute("aria-current") == "true"
    page.keyboard.press("Escape")
    page.locator("#source .src").wait_for(state="detached")
    page.keyboard.press("Alt+Digit1")
    page.locator("#source .src").wait_for()

    good = page.locator("#draft .figure.supported").first.inner_text()
    page.keyboard.press("Alt+KeyE")
    replace_in_editor(page, good, "93小时")
    page.locator("#edited [data-fix]").first.wait_for()
    page.keyboard.press("Alt+KeyF")
    page.locator("#editor .marks .contradicted").wait_for(state="detached")
    page.keyboard.press("Alt+KeyS")
    page.wait_for_function("document.activeElement.closest('#query')")
    page.keyboard.insert_text("话费慢充")
    page.locator("#hits .card").first.wait_for()  # as one types, no Enter
    page.keyboard.press("Alt+KeyD")
    page.wait_for_function("document.activeElement.closest('#editor')")
    page.keyboard.press("Control+Enter")
    page.locator("#outcome .done").wait_for()
    assert decision(server.database)["final_text"] == page.locator("#editor textarea").input_value()


def test_a_draft_is_handed_off_and_another_rejected_by_keys(page, server):
    ask(page, QUESTION)
    page.keyboard.press("Alt+KeyH")
    page.locator("#outcome .done").wait_for()
    assert decision(server.database)["action"] == "handed_off"
    ask(page, QUESTION)
    page.keyboard.press("Alt+KeyR")
    page.wait_for_function("document.activeElement.closest('#reason')")
    page.locator("#note input, #note textarea").first.fill("口气太硬")
    page.keyboard.press("Enter")
    page.locator("#outcome .done").wait_for()
    stored = decision(server.database)
    assert (stored["action"], stored["reason"]) == ("rejected", "wrong: 口气太硬")


def test_a_fix_is_taken_once_and_a_vouch_holds_for_its_own_place(page, server):
    ask(page, QUESTION)
    figures = page.locator("#draft .figure.supported").all_inner_texts()
    before = page.locator("#editor textarea").input_value()
    replace_in_editor(page, figures[0], "93小时")
    fix = page.locator("#edited [data-fix]", has_text="改成").first
    value = fix.inner_text().removeprefix("改成").strip()
    fix.dblclick()
    page.locator("#editor .marks .contradicted").wait_for(state="detached")
    assert page.locator("#editor textarea").input_value() == before.replace(figures[0], value, 1)

    replace_in_editor(page, value, "93小时")
    page.locator("#edited [data-confirm]").first.click()
    page.locator("#editor .marks .confirmed").first.wait_for()
    page.locator("#editor textarea").press("End")
    page.locator("#editor textarea").fill("话费快充支付后93小时内到账。话费慢充支付后93小时内到账。")
    page.locator("#editor .marks .contradicted").first.wait_for()


def test_keys_decide_nothing_behind_a_dialog_or_on_another_tab(page, server):
    ask(page, QUESTION)
    page.keyboard.press("Alt+Slash")
    page.locator("#keys[open]").wait_for()
    page.keyboard.press("Alt+KeyH")
    page.keyboard.press("Escape")
    page.locator("#keys[open]").wait_for(state="detached")
    page.keyboard.press("Alt+KeyS")
    page.wait_for_function("document.activeElement.closest('#query')")
    page.keyboard.press("Alt+KeyA")
    page.keyboard.press("Alt+KeyD")
    page.wait_for_timeout(300)
    assert page.locator("#outcome .done").count() == 0
    assert page.locator("#accept:not([disabled])").count() == 1


def test_a_message_that_has_changed_is_told_and_a_blank_one_loses_nothing(page):
    ask(page, QUESTION)
    assert not page.locator("#other-question .notice").is_visible()
    page.locator("#editor textarea").fill("改过的回复。")
    page.locator("#question textarea").fill("")
    page.locator("#other-question .notice").wait_for()
    page.locator("#question textarea").press("Control+Enter")
    page.locator("#message .notice").wait_for()
    assert page.locator("#editor textarea").input_value() == "改过的回复。"
    assert page.locator("#accept:not([disabled])").count() == 1


def test_after_the_decision_the_reply_cannot_be_changed(page):
    ask(page, QUESTION)
    page.locator("#accept").click()
    page.locator("#outcome .done").wait_for()
    assert page.locator("#editor textarea").is_disabled()
    ask(page, QUESTION)
    assert page.locator("#editor textarea").is_enabled()


def test_undo_never_brings_back_the_reply_to_the_customer_before(page):
    ask(page, QUESTION)
    page.locator("#editor textarea").press("Control+a")
    page.keyboard.insert_text("上一位客户的回复，全是粘贴进来的。")
    page.locator("#question textarea").fill("卡密过期了怎么办")
    page.locator("#question textarea").press("Control+Enter")
    page.wait_for_function("!document.querySelector('#editor textarea').value.includes('上一位')")
    page.locator("#accept:not([disabled])").wait_for()
    reply = page.locator("#editor textarea").input_value()
    page.locator("#editor textarea").press("End")
    page.keyboard.type("好")
    for _ in range(5):
        page.keyboard.press("Control+z")
    assert page.locator("#editor textarea").input_value() == reply
