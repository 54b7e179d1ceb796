"""The tab 起草: question and evidence, draft and decision, source. Wiring only."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from kb_assistant.types import Customer
from kb_assistant.web.desk import REASONS, Asked, Asking, Decided, Desk, Refused
from kb_assistant.web.markup import escape, notice, placeholder
from kb_assistant.web.texts import Texts

CUSTOMER_TYPES = ("new", "individual", "merchant", "vip")
# Drafting is bound by the processor: a few at a time keep every one of them fast, the others queue.
EMBEDDING = {"concurrency_limit": 4, "concurrency_id": "embedder"}
# The rest takes milliseconds and skips the queue.
FAST = {"queue": False}
EVENT = {"show_progress": "hidden", "api_visibility": "private"}
LISTEN = "kb.listen(element, trigger); // 'click'"
WATCH_EDITOR = "kb.editor(element, trigger); watch('value', () => kb.mark(element));"
LISTEN_AND_REVEAL = f"watch('value', () => kb.reveal(element)); {LISTEN}"
# what is recorded, once it is: neither what was refused nor what was typed since may lie in the clipboard
_COPY_SENT = (
    "async () => { const done = document.querySelector('#outcome [data-sent]');"
    " if (done) await kb.copy(done.dataset.sent); }"
)


def build_desk_tab(desk: Desk, texts: Texts) -> None:
    """Add the tab to the page under construction."""
    with gr.Tab(texts["tab_desk"], id="desk-tab", elem_id="tab-desk"):
        # The browser keeps the draft's id. A gr.State would hold a connection per open page, of which
        # a browser allows six, and would be lost when the server restarts.
        draft_id = gr.Textbox(visible="hidden", elem_id="draft-id")
        evidence_ids = gr.Textbox(visible="hidden", elem_id="evidence-ids")
        confirmed = gr.Textbox(visible="hidden", elem_id="confirmed")
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="asking"):
                question, context, ask, message = _question_form(texts)
                evidence = html_block(placeholder(texts["evidence_start"]), "evidence", texts["evidence"])
            with gr.Column(elem_id="answering"):
                status = html_block("", "status")
                draft = html_block(
                    placeholder(texts["draft_start"], title=texts["draft_start_title"]),
                    "draft",
                    texts["draft"],
                )
                brief = html_block("", "brief")
                html_block(notice(texts["other_question"], css="caution"), "other-question")
                editor, edited, decision = _decision_form(texts)
            with gr.Column(elem_id="reading"):
                source = html_block(
                    placeholder(texts["source_start"]), "source", texts["source"], js=LISTEN_AND_REVEAL
                )
    accept, hand_off, reason, note, reject, outcome = decision

    def on_ask(question: str, *given: Any) -> Iterator[list[Any]]:
        tier, kind, notes, as_of, facts = given
        customer = Customer(tier or None, kind or None, notes or None) if tier or kind or notes else None
        for asked in desk.ask(question, customer=customer, facts=facts, as_of=as_of):
            yield _desk_after(desk, texts, asked, facts, as_of)

    shown = [message, draft_id, status, draft, brief, evidence, source, editor]
    shown += [edited, evidence_ids, confirmed, outcome]
    (
        ask.click(None, js="() => kb.busy(true)", trigger_mode="always_last", **EVENT)
        .then(
            on_ask,
            [question, *context],
            [*shown, accept, hand_off, reject, note],
            **EMBEDDING,
            **EVENT,
        )
        .then(None, js="() => kb.busy(false)", **EVENT)
    )

    def on_open(draft_id: str, event: gr.EventData) -> str:
        wanted = event._data or {}
        if "close" in wanted:
            return placeholder(texts["source_start"])
        number = str(wanted.get("cite", ""))
        return desk.source(
            draft_id, cite=int(number) if number.isdecimal() else None, chunk_id=wanted.get("chunk")
        )

    for clickable in (draft, evidence, source):
        clickable.click(on_open, draft_id, source, **FAST, **EVENT)

    *_, day, stated = context
    grounds = [evidence_ids, confirmed, stated, day]

    def on_edit(
        draft_id: str, evidence: str, confirmed: str, facts: str, as_of: str, event: gr.EventData
    ) -> str:
        text = str((event._data or {}).get("text", ""))
        return desk.checked(draft_id, text, evidence, confirmed, facts, as_of)

    gr.on(
        [stated.change, day.change],
        desk.checked,
        [draft_id, editor, *grounds],
        edited,
        trigger_mode="always_last",
        **FAST,
        **EVENT,
    )
    edited.input(on_edit, [draft_id, *grounds], edited, trigger_mode="always_last", **FAST, **EVENT)

    def after(decided: Decided) -> list[Any]:
        if not decided.closed:
            return [decided.html, *[gr.skip()] * 4]
        # what is changed now would be sent unrecorded
        return [decided.html, *_open_for_decision(False), gr.update(interactive=False)]

    results = [outcome, accept, hand_off, reject, editor]
    accept.click(
        lambda draft_id, text, *given: after(desk.accept(draft_id, text, *given)),
        [draft_id, editor, *grounds],
        results,
        **FAST,
        **EVENT,
    ).then(None, js=_COPY_SENT, **EVENT)
    hand_off.click(
        lambda draft_id: after(desk.decide(draft_id, "handed_off")), draft_id, results, **FAST, **EVENT
    )
    gr.on(
        [reject.click, note.submit],
        lambda draft_id, why, words: after(desk.reject(draft_id, why, words)),
        [draft_id, reason, note],
        results,
        **FAST,
        **EVENT,
    )


def _desk_after(
    desk: Desk, texts: Texts, asked: Asking | Asked | Refused, facts: str, as_of: str
) -> list[Any]:
    """Return what stands on the desk, in the order of its outputs."""
    if not isinstance(asked, Asked):
        # the draft of the question before must not be sent in answer to this one
        message, draft, evidence = (
            ("", asked.draft, asked.evidence) if isinstance(asked, Asking) else (asked.html, "", "")
        )
        start = placeholder(texts["source_start"])
        cleared = [message, "", "", draft, "", evidence, start, *[""] * 5, *_open_for_decision(False), ""]
        kept = isinstance(asked, Refused) and asked.kept
        return [message, *[gr.skip() for _ in cleared[1:]]] if kept else cleared
    return [
        "",
        asked.draft_id,
        asked.status,
        asked.draft,
        asked.brief,
        asked.evidence,
        placeholder(texts["source_start"]),
        gr.update(value=asked.reply_text, interactive=True),
        desk.checked(asked.draft_id, asked.reply_text, asked.evidence_ids, "", facts, as_of),
        asked.evidence_ids,
        "",
        "",
        *_open_for_decision(True),
        "",
    ]


def _question_form(texts: Texts) -> tuple[gr.Textbox, list[Any], gr.Button, gr.HTML]:
    question = gr.Textbox(
        label=texts["question"],
        placeholder=texts["question_hint"],
        lines=4,
        max_lines=10,
        elem_id="question",
        autofocus=True,
    )
    with gr.Accordion(texts["context"], open=False, elem_id="context"):
        with gr.Row():
            tier = gr.Textbox(
                label=texts["tier"], placeholder=texts["tier_hint"], elem_id="tier", min_width=120
            )
            kind = gr.Dropdown(
                [(texts["type_any"], ""), *((texts[f"type_{name}"], name) for name in CUSTOMER_TYPES)],
                value="",
                label=texts["type"],
                elem_id="customer-type",
                filterable=False,
                min_width=120,
            )
            # not gr.DateTime: it keeps its last valid value silently when what is typed is no date
            as_of = gr.Textbox(
                label=texts["as_of"], placeholder="2026-03-15", elem_id="as-of", max_lines=1, min_width=120
            )
        facts = gr.Textbox(label=texts["facts"], placeholder=texts["facts_hint"], lines=2, elem_id="facts")
        notes = gr.Textbox(label=texts["notes"], placeholder=texts["notes_hint"], elem_id="notes")
    ask = gr.Button(f"{texts['ask']}  ({texts['ask_hint']})", variant="primary", elem_id="ask")
    return question, [tier, kind, notes, as_of, facts], ask, html_block("", "message")


def _decision_form(texts: Texts) -> tuple[gr.Textbox, gr.HTML, tuple[Any, ...]]:
    editor = gr.Textbox(
        label=texts["editor"], placeholder=texts["editor_hint"], lines=5, max_lines=16, elem_id="editor"
    )
    edited = html_block("", "edited", js=WATCH_EDITOR)
    with gr.Row(elem_id="deciding"):
        accept = gr.Button(
            texts["accept"], variant="primary", interactive=False, elem_id="accept", min_width=140
        )
        hand_off = gr.Button(texts["hand_off"], interactive=False, elem_id="hand-off", min_width=96)
        reason = gr.Dropdown(
            [(texts[f"reason_{code}"], code) for code in REASONS],
            value="wrong",
            label=texts["reason"],
            elem_id="reason",
            filterable=False,
            min_width=110,
        )
        note = gr.Textbox(label=texts["note"], placeholder=texts["note_hint"], elem_id="note", max_lines=1)
        reject = gr.Button(texts["reject"], interactive=False, elem_id="reject", min_width=80)
    return editor, edited, (accept, hand_off, reason, note, reject, html_block("", "outcome"))


def _open_for_decision(undecided: bool) -> list[Any]:
    return [gr.update(interactive=undecided)] * 3


def html_block(value: str, elem_id: str, title: str = "", *, js: str = LISTEN) -> gr.HTML:
    """Return an HTML block whose clicks on `data-…` elements are events; `title` stays above its value."""
    heading = f'<h2 class="title">{escape(title)}</h2>' if title else ""
    return gr.HTML(
        value, elem_id=elem_id, html_template=f"{heading}${{value}}", js_on_load=js, apply_default_css=False
    )
