"""A draft as HTML: status line, sentences with citations and figures, warnings, the hand-off brief.

Pure functions over the nouns of `types`; whatever a customer or a document wrote is escaped.
"""

from collections.abc import Mapping, Sequence

from kb_assistant.drafting.text import MARKER
from kb_assistant.types import Citation, Decision, Draft, DraftWarning, Figure, HandOff, Sentence
from kb_assistant.web.markup import Mark, badge, escape, notice, paint, place
from kb_assistant.web.texts import Texts

_SERIOUS = ("conflict", "contradicts_sop", "promise", "quoted_instruction", "superseded")


def render_status(draft: Draft, texts: Texts) -> str:
    """Return the line above a draft: outcome, confidence, topic, skill group, urgency, time taken."""
    percent = round(draft.confidence * 100)
    cells = [badge(texts[f"status_{draft.status}"], f"status-{draft.status} strong")]
    if draft.grade == "urgent":
        cells.append(badge(texts["grade_urgent"], "urgent strong", title=draft.grade_reason))
    else:
        cells.append(badge(texts["grade_ordinary"], "plain"))
    if draft.status != "small_talk":
        cells.append(
            f'<span class="cell"><i>{escape(texts["confidence"])}</i>'
            f'<span class="meter"><span style="width:{percent}%"></span></span>{percent}%</span>'
        )
    for key, value in (("topic", draft.topic), ("skill_group", draft.skill_group)):
        if value:
            hint = escape(draft.topic_reason)
            cells.append(
                f'<span class="cell" title="{hint}"><i>{escape(texts[key])}</i>{escape(value)}</span>'
            )
    took = texts["took"].format(ms=round(draft.took_ms))
    cells.append(f'<span class="took">{escape(took)}</span>')
    return f'<div class="statusline" role="status">{"".join(cells)}</div>'


def render_draft(draft: Draft, texts: Texts) -> str:
    """Return the draft, one row per sentence with its support, then the sources it cites and the notices.

    Citation markers are buttons that carry `data-cite`; figures are marked by their verdict.
    """
    known = {citation.n: citation for citation in draft.citations}
    rows = "".join(_sentence(sentence, draft, known, texts) for sentence in draft.sentences)
    parts = [f'<div class="sentences">{rows}</div>']
    if draft.figures:
        parts.append(_legend(draft.figures, texts))
    if draft.citations:
        parts.append(_citations(draft, texts))
    parts.append(_notices(draft, texts))
    return "".join(parts)


def render_sentence(sentence: Sentence, figures: tuple[Figure, ...], texts: Texts) -> str:
    """Return one sentence of a draft that is still being written; its offsets are those of its own text.

    Its citations open once the draft is there.
    """
    marks = [_figure_mark(figure, texts) for figure in figures]
    text = " " * sentence.start + sentence.text
    return _row(sentence, _with_citations(text, sentence, marks, None, texts), texts)


def render_hand_off(hand_off: HandOff, nearest: Mapping[str, str], texts: Texts) -> str:
    """Return the brief as a card with a copy button.

    Args:
        hand_off: The brief of a refused draft.
        nearest: A readable name for each chunk id the brief lists, where there is one.
        texts: The page's words.

    Returns:
        The card; its copy button carries the brief as plain text in `data-copy`.
    """
    lines = hand_off_lines(hand_off, nearest, texts)
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in lines)
    plain = "\n".join(f"{name}：{value}" for name, value in lines)
    return (
        f'<section class="brief"><header><h3>{escape(texts["hand_off_title"])}</h3>'
        f'<button type="button" class="copy" data-copy="{escape(plain)}"'
        f' data-done="{escape(texts["copied"])}">{escape(texts["copy"])}</button></header>'
        f"<dl>{rows}</dl></section>"
    )


def hand_off_lines(hand_off: HandOff, nearest: Mapping[str, str], texts: Texts) -> list[tuple[str, str]]:
    """Return the brief as (name, value) in reading order; what is searched is told only where it differs."""
    none, grade = texts["none"], texts[f"grade_{hand_off.grade}"]
    lines = [
        (texts["hand_off_question"], hand_off.question),
        (texts["hand_off_why"], hand_off.why),
        (texts["hand_off_missing"], "、".join(hand_off.missing) or none),
        (texts["hand_off_nearest"], "\n".join(nearest.get(i, i) for i in hand_off.nearest) or none),
        (texts["hand_off_group"], hand_off.skill_group or none),
        (texts["hand_off_grade"], " · ".join(filter(None, (grade, hand_off.grade_reason)))),
    ]
    if hand_off.customer:
        lines.insert(1, (texts["hand_off_customer"], hand_off.customer))
    if hand_off.searched != hand_off.question:
        lines.insert(1, (texts["hand_off_searched"], hand_off.searched))
    return lines


def render_decision(decision: Decision, texts: Texts, *, skill_group: str | None = None) -> str:
    """Return the confirmation: what was recorded, and the draft's id."""
    line = texts[f"done_{decision.action}_line"].format(
        reason=decision.reason or "", group=skill_group or texts["done_any_group"]
    )
    copied, sent = "", ""
    if decision.action in ("accepted", "edited"):
        sent = f' data-sent="{escape(decision.final_text or "")}"'
        copied = (
            f'<span class="when-copied">{escape(texts["done_copied"])}</span>'
            f'<span class="when-not-copied">{escape(texts["done_not_copied"])}</span>'
        )
    return (
        f'<div class="done" role="status"{sent}><strong>{escape(texts[f"done_{decision.action}"])}</strong>'
        f"<span>{escape(line)}</span>{copied}"
        f'<span class="meta">{escape(texts["done_id"])} <code>{escape(decision.draft_id)}</code>'
        f" · {escape(texts['done_next'])}</span></div>"
    )


def _sentence(sentence: Sentence, draft: Draft, known: Mapping[int, Citation], texts: Texts) -> str:
    marks = [_figure_mark(figure, texts) for figure in draft.figures]
    marks += [
        Mark(w.start, w.end, "flagged", w.message)
        for w in draft.warnings
        if w.start is not None and w.end is not None
    ]
    return _row(sentence, _with_citations(draft.text, sentence, marks, known, texts), texts)


def _with_citations(
    text: str, sentence: Sentence, marks: Sequence[Mark], known: Mapping[int, Citation] | None, texts: Texts
) -> str:
    pieces, at = [], sentence.start
    for marker in MARKER.finditer(text, sentence.start, sentence.end):
        pieces.append(paint(text, at, marker.start(), marks))
        number = int(marker.group(1))
        pieces.append(badge(str(number), "cited") if known is None else _cite_button(number, known, texts))
        at = marker.end()
    pieces.append(paint(text, at, sentence.end, marks))
    return "".join(pieces)


def _row(sentence: Sentence, inside: str, texts: Texts) -> str:
    label = ""
    if sentence.support != "none":
        name = f"support_{sentence.support}"
        label = badge(texts[name], name.replace("_", "-"), title=texts[f"{name}_title"])
    return (
        f'<div class="sentence is-{sentence.support}"><p>{inside}</p>'
        f'<span class="support">{label}</span></div>'
    )


def _cite_button(number: int, known: Mapping[int, Citation], texts: Texts) -> str:
    citation = known.get(number)
    verdict = citation.verdict if citation else "dangling"
    title = f"{citation.title} › {citation.heading}" if citation and citation.title else ""
    hint = escape(f"{texts['open_source']}：{title or texts['verdict_dangling']}")
    return (
        f'<button type="button" class="cite {verdict}" data-cite="{number}" title="{hint}"'
        f' aria-label="[{number}] {hint}">{number}</button>'
    )


def _figure_mark(figure: Figure, texts: Texts) -> Mark:
    title = texts[f"figure_{figure.verdict}"]
    if figure.source_text:
        title = texts["figure_source"].format(verdict=title, source=figure.source_text)
    return Mark(figure.start, figure.end, f"figure {figure.verdict}", title)


def _legend(figures: tuple[Figure, ...], texts: Texts) -> str:
    cells = []
    for verdict in ("supported", "contradicted", "unsupported"):
        count = sum(figure.verdict == verdict for figure in figures)
        if count:
            cells.append(f'<span class="key {verdict}">{escape(texts[f"figure_{verdict}"])} {count}</span>')
    return f'<p class="legend">{escape(texts["legend"])}{"".join(cells)}</p>'


def _citations(draft: Draft, texts: Texts) -> str:
    rows = []
    for citation in draft.citations:
        page = ""
        if citation.source.page:
            page = f'<span class="page">{escape(texts["page"].format(n=citation.source.page))}</span>'
        verdict = badge(texts[f"verdict_{citation.verdict}"], f"verdict-{citation.verdict}")
        rows.append(
            f'<li><button type="button" class="source-line" data-cite="{citation.n}">'
            f'<span class="n">{citation.n}</span>{place(citation.title, citation.heading)}'
            f"{page}{verdict}</button></li>"
        )
    return f'<h3 class="minor">{escape(texts["citations"])}</h3><ol class="source-lines">{"".join(rows)}</ol>'


def _notices(draft: Draft, texts: Texts) -> str:
    lines = [_warning(warning, texts) for warning in draft.warnings]
    if draft.missing_facts:
        names = "、".join(fact.name for fact in draft.missing_facts)
        lines.append(_line(texts["missing"], names, "ask"))
    if draft.approval:
        text = texts["approval_line"].format(role=draft.approval.role, reason=draft.approval.reason)
        lines.append(_line(texts["approval"], text, "approval"))
    return f'<div class="notices">{"".join(lines)}</div>' if lines else ""


def _warning(warning: DraftWarning, texts: Texts) -> str:
    text = warning.message
    if warning.suggestion:
        text = f"{text}。{texts['suggestion'].format(text=warning.suggestion)}"
    css = "serious" if warning.kind in _SERIOUS else "caution"
    return _line(texts[f"warning_{warning.kind}"], text, css)


def _line(label: str, text: str, css: str) -> str:
    return f'<div class="line {css}"><b>{escape(label)}</b><span>{escape(text)}</span></div>'


def render_error(lead: str, error: Exception) -> str:
    """Return an error a person can fix: the lead in the page's language, then the error's own words."""
    return notice(lead, css="error", detail=str(error))
