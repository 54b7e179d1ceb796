"""The reply under the agent's hands as HTML: what its check found, one line each, with the fix beside it.

The marks in the editor itself are drawn by `page.js` from the stretches in `data-marks`.
"""

import json
from collections.abc import Collection

from kb_assistant.types import Check, DraftWarning, Figure, Sentence
from kb_assistant.web.markup import badge, escape
from kb_assistant.web.texts import Texts

_SHOWN = 30  # characters of a sentence that a line quotes
_SERIOUS = ("conflict", "contradicts_sop", "promise", "superseded")
_TOLD = (*_SERIOUS, "omission", "forbidden_phrase", "approval", "missing_fact")


def open_figures(check: Check, confirmed: Collection[str]) -> list[Figure]:
    """Return the figures that differ from their clause and that the agent does not vouch for."""
    return [f for f in check.figures if f.verdict == "contradicted" and key_of(f) not in confirmed]


def key_of(figure: Figure) -> str:
    """Return what is vouched for: a figure against one statement, not wherever it stands."""
    return f"{figure.text} ≠ {figure.source_text or ''}"


def render_edited(text: str, check: Check, texts: Texts, *, confirmed: Collection[str]) -> str:
    """Return the lines below the editor.

    Args:
        text: The reply that was checked.
        check: Its verdict.
        texts: The page's words.
        confirmed: Keys (`key_of`) of the figures that the agent vouches for.

    Returns:
        HTML whose first element carries the text and the stretches to mark in it as [start, end, class], in
        UTF-16 units as a browser counts. Buttons carry `data-fix` (a replacement), `data-goto` or
        `data-confirm`.
    """
    lines = [_figure_line(text, f, texts, confirmed) for f in check.figures if f.verdict != "supported"]
    wrong = [(f.start, f.end) for f in check.figures if f.verdict != "supported"]
    for sentence in check.sentences:
        explained = any(sentence.start <= start < sentence.end for start, _ in wrong)
        if sentence.support == "unsupported" and not explained:
            lines.append(
                _line(
                    "caution", texts["edited_no_source"], _short(sentence.text), _goto(text, sentence, texts)
                )
            )
    told = [w for w in check.warnings if w.kind in _TOLD and not _about_wrong_figure(w, wrong)]
    lines += [_warning_line(text, warning, texts) for warning in told]
    marks = json.dumps(_marks(text, check, confirmed))
    good = sum(figure.verdict == "supported" for figure in check.figures)
    clean = texts["edited_clean"] if good else texts["edited_none"]
    head = badge(f"{clean} {good}" if good else clean, "support-sop" if good else "") if not lines else ""
    return (
        f'<div class="edited" role="status" data-of="{escape(text)}" data-marks="{escape(marks)}">{head}'
        f'<div class="notices">{"".join(lines)}</div></div>'
    )


def _about_wrong_figure(warning: DraftWarning, wrong: Collection[tuple[int, int]]) -> bool:
    """Tell whether a condition is only missing because its figure is wrong, which is said already."""
    start, end = warning.start, warning.end
    if warning.kind != "omission" or start is None or end is None:
        return False
    return any(start <= at < end for at, _ in wrong)


def _figure_line(text: str, figure: Figure, texts: Texts, confirmed: Collection[str]) -> str:
    value = figure.source_figure
    says = texts["edited_says"].format(value=value) if value else texts[f"figure_{figure.verdict}"]
    source = f" · {_short(figure.source_text, 60)}" if figure.source_text else ""
    if key_of(figure) in confirmed:
        return _line("ask", figure.text, texts["edited_confirmed"], _goto(text, figure, texts))
    buttons = _goto(text, figure, texts)
    if value:
        fixed = {"start": _units(text, figure.start), "end": _units(text, figure.end), "with": value}
        buttons += _button(
            "fix", json.dumps(fixed, ensure_ascii=False), texts["edited_use"].format(value=value)
        )
    if figure.verdict == "contradicted":
        buttons += _button("confirm", key_of(figure), texts["edited_confirm"])
    css = "serious" if figure.verdict == "contradicted" else "plain"
    return _line(css, figure.text, f"{says}{source}", buttons)


def _warning_line(text: str, warning: DraftWarning, texts: Texts) -> str:
    buttons = ""
    if warning.start is not None and warning.end is not None:
        buttons = _goto(text, warning, texts)
        if warning.kind == "omission":
            condition = warning.suggestion.partition("：")[2] if warning.suggestion else ""
            at = _units(text, _before_closing(text, warning.end))
            fixed = {"start": at, "end": at, "with": f"（{condition}）"}
            if condition:
                buttons += _button("fix", json.dumps(fixed, ensure_ascii=False), texts["edited_add"])
    message = warning.message
    if warning.suggestion and warning.kind != "omission":
        message = f"{message}。{texts['suggestion'].format(text=warning.suggestion)}"
    css = "serious" if warning.kind in _SERIOUS else "caution"
    return _line(css, texts[f"warning_{warning.kind}"], message, buttons)


def _line(css: str, label: str, text: str, buttons: str) -> str:
    inside = f"<b>{escape(label)}</b><span>{escape(text)}</span><span>{buttons}</span>"
    return f'<div class="line {css}">{inside}</div>'


def _button(name: str, value: str, label: str) -> str:
    return f'<button type="button" class="copy" data-{name}="{escape(value)}">{escape(label)}</button>'


def _goto(text: str, found: Figure | Sentence | DraftWarning, texts: Texts) -> str:
    start, end = found.start, found.end
    if start is None or end is None:
        return ""
    place = {"start": _units(text, start), "end": _units(text, end)}
    return _button("goto", json.dumps(place), texts["edited_goto"])


def _marks(text: str, check: Check, confirmed: Collection[str]) -> list[tuple[int, int, str]]:
    marks = [(s.start, s.end, "no-source") for s in check.sentences if s.support == "unsupported"]
    marks += [(f.start, f.end, "confirmed" if key_of(f) in confirmed else f.verdict) for f in check.figures]
    marks += [
        (w.start, w.end, "flagged")
        for w in check.warnings
        if w.kind in ("promise", "forbidden_phrase") and w.start is not None and w.end is not None
    ]
    return [(_units(text, start), _units(text, end), css) for start, end, css in marks]


def _units(text: str, offset: int) -> int:
    """Return an offset in code points as one in UTF-16 units."""
    return len(text[:offset].encode("utf-16-le")) // 2


def _before_closing(text: str, end: int) -> int:
    while end and text[end - 1] in "。！？!?；;\n ":
        end -= 1
    return end


def _short(text: str, limit: int = _SHOWN) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"
