"""What the page does when an agent acts: façade calls in, HTML out; knows nothing of Gradio."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import get_args

from kb_assistant.assistant import TIMEZONE, Assistant, IndexStatus, today, visible
from kb_assistant.drafting.drafter import DraftEvent, DraftReady, EvidenceFound
from kb_assistant.drafting.writing import Replaced, SentenceReady
from kb_assistant.errors import AlreadyDecided, KbError, NotFound
from kb_assistant.types import Action, Caller, Check, Chunk, Citation, Customer, Document, Draft, Hit, Kind
from kb_assistant.web.markup import notice, placeholder
from kb_assistant.web.render import (
    render_decision,
    render_draft,
    render_error,
    render_hand_off,
    render_sentence,
    render_status,
)
from kb_assistant.web.render_edited import open_figures, render_edited
from kb_assistant.web.render_lists import render_hits, render_records
from kb_assistant.web.render_source import render_source
from kb_assistant.web.texts import Texts

EVIDENCE = 8  # cards beside a draft; what matters is among the first three
HITS = 20  # cards of a search
RECORDS = 200  # rows of today's list: more is for `kb` and the endpoint
_STEP_S = 0.1  # between two showings of a growing draft
OTHER = "other"  # the reason that needs a note
REASONS = ("wrong", "outdated", "incomplete", "tone", OTHER)


@dataclass(frozen=True, slots=True)
class Asking:
    """The desk while a draft is made, as HTML: the evidence, then what of the draft has passed its check."""

    evidence: str
    draft: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The desk after a question, as HTML but for `draft_id` and `reply_text`."""

    draft_id: str
    status: str
    draft: str
    brief: str
    evidence: str
    evidence_ids: str  # a JSON list
    reply_text: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome as HTML, and whether the draft now has a decision."""

    html: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """An action that did not happen, and why, as HTML; `kept` where what is on the desk still holds."""

    html: str
    kept: bool = False


class Desk:
    """The page's actions, over one façade, in one language, for one caller."""

    def __init__(self, assistant: Assistant, texts: Texts, caller: Caller) -> None:
        """Bind them; nothing of any open page is kept here."""
        self._assistant = assistant
        self._texts = texts
        self._caller = caller
        self._shown = count(1)  # a source that opens again is a new showing: the page scrolls to it anew

    def ask(
        self, question: str, *, customer: Customer | None, facts: str | None, as_of: str | None
    ) -> Iterator[Asking | Asked | Refused]:
        """Draft a reply, telling how far it is; `Asked` or `Refused` comes last."""
        texts = self._texts
        if not (question or "").strip():
            yield Refused(notice(texts["blank_question"], css="caution"), kept=True)
            return
        try:
            day = parse_day(as_of)
        except ValueError:
            yield Refused(notice(texts["bad_date"].format(value=as_of), css="caution"), kept=True)
            return
        try:
            events = self._assistant.draft_events(
                question, caller=self._caller, customer=customer, facts=facts or None, as_of=day
            )
            with closing(events):
                yield from self._drafting(events)
        except KbError as error:
            yield Refused(render_error(texts["error_draft"], error))

    def _drafting(self, events: Iterable[DraftEvent]) -> Iterator[Asking | Asked]:
        texts = self._texts
        hits: tuple[Hit, ...] = ()
        evidence, rows, told = "", "", time.monotonic()
        for event in events:
            match event:
                case EvidenceFound():
                    hits = event.hits[:EVIDENCE]
                    evidence = render_hits(hits, texts, empty=texts["evidence_empty"])
                    yield Asking(evidence, placeholder(texts["drafting"]))
                case SentenceReady(sentence, figures):
                    rows += render_sentence(sentence, figures, texts)
                    if time.monotonic() >= told + _STEP_S:  # a composed draft comes all at once
                        told = time.monotonic()
                        yield Asking(evidence, f'<div class="sentences">{rows}</div>')
                case Replaced():
                    rows = ""
                    yield Asking(evidence, placeholder(texts["drafting_again"]))
                case DraftReady(draft):
                    numbers = {citation.chunk_id: citation.n for citation in draft.citations}
                    yield Asked(
                        draft_id=draft.draft_id,
                        status=render_status(draft, texts),
                        draft=render_draft(draft, texts),
                        brief=self._brief(draft, hits),
                        evidence=render_hits(hits, texts, cited=numbers, empty=texts["evidence_empty"]),
                        evidence_ids=json.dumps([hit.chunk.id for hit in hits]),
                        reply_text=draft.reply_text,
                    )

    def source(self, draft_id: str, *, cite: int | None, chunk_id: str | None) -> str:
        """Return the panel for a citation number of a draft or for a chunk id."""
        texts = self._texts
        try:
            citations: tuple[Citation, ...] = ()
            if draft_id:
                citations = self._assistant.get_draft(draft_id, caller=self._caller).draft.citations
            cited = next((c for c in citations if c.n == cite or c.chunk_id == chunk_id), None)
            wanted = chunk_id or (cited.chunk_id if cited else "")
            if not wanted:
                return notice(texts["verdict_dangling"], css="caution")
            document, chunk = self._open(wanted, cited)
        except KbError as error:
            return render_error(texts["error_source"], error)
        return render_source(
            document,
            chunk,
            texts,
            quote=cited.quote if cited else "",
            changed=chunk is None,
            shown=next(self._shown),
        )

    def decide(
        self, draft_id: str, action: Action, *, final_text: str | None = None, reason: str | None = None
    ) -> Decided:
        """Record a decision, once; the same click a second time shows what was recorded."""
        if not draft_id:
            return Decided(notice(self._texts["no_draft"], css="caution"), closed=False)
        try:
            stored = self._assistant.get_draft(draft_id, caller=self._caller)
            decision = self._assistant.decide(
                draft_id, action, caller=self._caller, final_text=final_text, reason=reason
            )
        except AlreadyDecided as error:
            made = self._assistant.get_draft(draft_id, caller=self._caller).decision
            mine = made is not None and made.agent == self._caller.name
            if made is None or not mine or not _same_deed(made.action, action):
                return Decided(render_error(self._texts["error_decision"], error), closed=True)
            decision = made  # a double click: what was recorded is what was meant
        except KbError as error:
            return Decided(render_error(self._texts["error_decision"], error), closed=False)
        group = stored.draft.skill_group
        return Decided(render_decision(decision, self._texts, skill_group=group), closed=True)

    def accept(
        self,
        draft_id: str,
        final_text: str,
        evidence: str = "",
        confirmed: str = "",
        facts: str | None = None,
        as_of: str | None = None,
    ) -> Decided:
        """Record that `final_text` is sent, unless a figure differs from its clause and is not vouched for.

        See `checked` for the arguments.
        """
        texts = self._texts
        if draft_id and not (final_text or "").strip():
            return Decided(notice(texts["blank_reply"], css="caution"), closed=False)
        vouched: list[str] = []
        if draft_id:
            if self._holds_secret(final_text):
                return Decided(notice(texts["edited_secret"], css="caution"), closed=False)
            try:
                check = self._check(draft_id, final_text, evidence, facts, as_of)
            except KbError as error:
                return Decided(render_error(texts["error_decision"], error), closed=False)
            figures = open_figures(check, _listed(confirmed))
            if figures:
                named = "、".join(dict.fromkeys(figure.text for figure in figures))
                return Decided(
                    notice(texts["edited_open"].format(figures=named), css="caution"), closed=False
                )
            vouched = list(dict.fromkeys(figure.text for figure in open_figures(check, ())))
        reason = texts["confirmed_reason"].format(figures="、".join(vouched)) if vouched else None
        return self.decide(draft_id, "accepted", final_text=final_text, reason=reason)

    def checked(
        self, draft_id: str, text: str, evidence: str, confirmed: str, facts: str | None, as_of: str | None
    ) -> str:
        """Return what the check says of the reply as it stands in the editor; "" where there is none.

        `evidence` and `confirmed` are JSON lists: ids of the chunks on the desk, keys of the figures that
        the agent vouches for.
        """
        if not draft_id or not (text or "").strip():
            return ""
        if self._holds_secret(text):
            return notice(self._texts["edited_secret"], css="caution")
        try:
            check = self._check(draft_id, text, evidence, facts, as_of)
        except KbError as error:
            return render_error(self._texts["error_lead"], error)
        return render_edited(text, check, self._texts, confirmed=_listed(confirmed))

    def _holds_secret(self, text: str) -> bool:
        return self._assistant.masked(text) != visible(text)

    def _check(self, draft_id: str, text: str, evidence: str, facts: str | None, as_of: str | None) -> Check:
        try:
            day = parse_day(as_of)
        except ValueError:
            day = None  # said where the question is asked
        # as long as the text itself, so that offsets fit it
        seen = visible(text, instead=" ")
        return self._assistant.check_reply(
            draft_id, seen, caller=self._caller, also=_listed(evidence), facts=facts or None, as_of=day
        )

    def reject(self, draft_id: str, reason: str | None, note: str | None) -> Decided:
        """Record a rejection: the code of the reason and the agent's note, or the note alone."""
        words = (note or "").strip()
        if draft_id and reason not in REASONS:
            return Decided(notice(self._texts["reason_needed"], css="caution"), closed=False)
        if draft_id and reason == OTHER and not words:
            return Decided(notice(self._texts["note_needed"], css="caution"), closed=False)
        kept = words if reason == OTHER else f"{reason}: {words}" if words else reason
        return self.decide(draft_id, "rejected", reason=kept)

    def search(
        self,
        query: str,
        *,
        kind: str | None,
        topic: str | None,
        skill_group: str | None,
        as_of: str | None,
    ) -> tuple[str, str]:
        """Return the line above the hits and the hits."""
        texts = self._texts
        if not (query or "").strip():
            return notice(texts["blank_query"], css="caution"), placeholder(texts["hits_start"])
        try:
            day = parse_day(as_of)
        except ValueError:
            return notice(texts["bad_date"].format(value=as_of), css="caution"), ""
        try:
            result = self._assistant.search(
                query,
                caller=self._caller,
                top_k=HITS,
                kind=_kind(kind),
                topic=topic or None,
                skill_group=skill_group or None,
                as_of=day,
            )
        except KbError as error:
            return render_error(texts["error_search"], error), ""
        line = texts["hits_count"].format(count=len(result.hits), took=round(result.took_ms))
        return notice(line), render_hits(result.hits, texts, empty=texts["hits_empty"])

    def records(self) -> str:
        """Return today's drafts and decisions."""
        try:
            drafts, following = self._assistant.list_drafts(caller=self._caller, status="all", limit=RECORDS)
        except KbError as error:
            return render_error(self._texts["error_lead"], error)
        day = today()
        kept = [stored for stored in drafts if stored.created_at.astimezone(TIMEZONE).date() == day]
        return render_records(kept, self._texts, cut=following is not None and len(kept) == len(drafts))

    def index_status(self) -> IndexStatus | None:
        """Return what is published; None when nothing readable is."""
        try:
            return self._assistant.status(caller=self._caller)
        except KbError:
            return None

    def _open(self, chunk_id: str, cited: Citation | None) -> tuple[Document, Chunk | None]:
        """Return document and chunk; no chunk where a citation's source has changed since."""
        try:
            chunk = self._assistant.chunk(chunk_id, caller=self._caller)
        except NotFound:
            if cited is None:
                raise
            return self._assistant.document(cited.document_id, caller=self._caller), None
        return self._assistant.document(chunk.document_id, caller=self._caller), chunk

    def _brief(self, draft: Draft, hits: tuple[Hit, ...]) -> str:
        if draft.hand_off is None:
            return ""
        names = {hit.chunk.id: f"{hit.chunk.title} › {hit.chunk.heading}".strip(" ›") for hit in hits}
        return render_hand_off(draft.hand_off, names, self._texts)


def parse_day(text: str | None) -> date | None:
    """Return the date of `2026-03-15`, also with / or ., None for a blank; ValueError otherwise."""
    words = (text or "").strip().replace("/", "-").replace(".", "-")
    return date.fromisoformat(words) if words else None


def _listed(text: str) -> list[str]:
    """Return the strings of a JSON list that the browser keeps; anything else is an empty one."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _kind(text: str | None) -> Kind | None:
    return next((kind for kind in get_args(Kind) if kind == text), None)


def _same_deed(recorded: Action, wanted: Action) -> bool:
    """Tell whether a recorded action is what the button means: accepting changed words is an edit."""
    return recorded == wanted or {recorded, wanted} == {"accepted", "edited"}
