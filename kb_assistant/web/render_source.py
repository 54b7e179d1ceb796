"""A document as HTML, read in place: the cited clause tinted, the quoted words marked.

Offsets are those of `Document.text`; nothing is dropped, Markdown is only dressed.
"""

import re
from dataclasses import dataclass

from kb_assistant.types import Chunk, Document
from kb_assistant.web.markup import Mark, effective_line, escape, kind_badge, notice, paint
from kb_assistant.web.texts import Texts

_HEADING = re.compile(r"(#{1,6})\s+")
_LIST = re.compile(r"\s*(?:[-*•]|\d{1,2}[.、)]|[①-⑳]|（[一二三四五六七八九十]+）)\s*")
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|?")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int
    end: int


def render_source(
    document: Document,
    chunk: Chunk | None,
    texts: Texts,
    *,
    quote: str = "",
    changed: bool = False,
    shown: int = 0,
) -> str:
    """Return the panel that shows `document` with `chunk` tinted and `quote` marked.

    Args:
        document: The whole text.
        chunk: What was cited or found; None tints nothing.
        texts: The page's words.
        quote: The cited words, several stretches joined by " … "; those not found are not marked.
        changed: Say that the source differs from what was cited.
        shown: A number that differs from one showing to the next, so that the page scrolls again.

    Returns:
        The panel; every character of the document but Markdown's own marks is in it.
    """
    span = (chunk.source.start, chunk.source.end) if chunk else (0, 0)
    marks = find_quotes(document.text, quote, span) if chunk else []
    page = ""
    if chunk and chunk.source.page:
        page = f" · {texts['page'].format(n=chunk.source.page)}"
    facts = " · ".join(
        part
        for part in (document.topic, effective_line(document.effective_from, document.effective_to, texts))
        if part
    )
    return (
        f'<section class="src" data-shown="{shown}" data-document="{escape(document.id)}"><header>'
        f"<div>{kind_badge(document.kind, texts)}<h3>{escape(document.title)}</h3></div>"
        f'<button type="button" class="close" data-close="1" aria-label="{escape(texts["source_close"])}"'
        f' title="{escape(texts["source_close"])}">×</button></header>'
        f'<p class="path"><code>{escape(document.path)}</code>{escape(page)}</p>'
        + (f'<p class="facts">{escape(facts)}</p>' if facts else "")
        + (notice(texts["source_changed"], css="caution") if changed else "")
        + f'<div class="doc" tabindex="0" role="document" aria-label="{escape(document.title)}">'
        f"{_body(document, span, marks, texts)}</div></section>"
    )


def find_quotes(text: str, quote: str, within: tuple[int, int]) -> list[Mark]:
    """Return where the stretches of `quote` stand in `text[within]`; a quote of all of it marks nothing."""
    start, end = within
    if quote.strip() == text[start:end].strip():
        return []
    marks = []
    for stretch in quote.split(" … "):
        at = text.find(stretch, start, end) if stretch.strip() else -1
        if at >= 0:
            marks.append(Mark(at, at + len(stretch), "quote"))
    return marks


def _body(document: Document, span: tuple[int, int], marks: list[Mark], texts: Texts) -> str:
    text = document.text
    marks = marks + [Mark(m.start(1), m.end(1), "strong") for m in _BOLD.finditer(text)]
    parts: list[str] = []
    table: list[_Line] = []
    pages = dict(zip(document.page_starts, range(1, len(document.page_starts) + 1), strict=True))
    offset = 0
    for raw in text.split("\n"):
        line = _Line(raw, offset, offset + len(raw))
        begun = [number for start, number in pages.items() if line.start <= start <= line.end]
        offset = line.end + 1
        is_row = raw.lstrip().startswith("|")
        if table and (begun or not is_row):
            parts.append(_table(table, text, span, marks))
            table = []
        parts += [f'<div class="pagebreak">{escape(texts["page"].format(n=n))}</div>' for n in begun]
        if is_row:
            table.append(line)
        else:
            parts.append(_line(line, text, span, marks))
    if table:
        parts.append(_table(table, text, span, marks))
    return "".join(parts)


def _line(line: _Line, text: str, span: tuple[int, int], marks: list[Mark]) -> str:
    if not line.text.strip():
        return '<div class="blank"></div>'
    css, start = "p", line.start
    heading = _HEADING.match(line.text)
    if heading:
        css, start = f"h h{len(heading.group(1))}", line.start + heading.end()
    elif _LIST.match(line.text):
        css = "li"
    return f'<div class="{css}{_within(line, span)}">{_inline(text, start, line.end, marks)}</div>'


def _table(lines: list[_Line], text: str, span: tuple[int, int], marks: list[Mark]) -> str:
    rows = []
    for number, line in enumerate(lines):
        if _RULE.fullmatch(line.text.strip()):
            continue
        is_head = number + 1 < len(lines) and bool(_RULE.fullmatch(lines[number + 1].text.strip()))
        tag = "th" if is_head else "td"
        cells = "".join(f"<{tag}>{_inline(text, a, b, marks)}</{tag}>" for a, b in _cells(line))
        rows.append(f'<tr class="row{_within(line, span)}">{cells}</tr>')
    return f'<div class="table"><table>{"".join(rows)}</table></div>'


def _cells(line: _Line) -> list[tuple[int, int]]:
    """Return the span of each cell of a table row, the white space around it left out."""
    left = line.text.index("|") + 1
    body = line.text.rstrip()
    right = len(body) - 1 if body.endswith("|") and len(body) > left else len(body)
    cells, at = [], left
    for cell in line.text[left:right].split("|"):
        inner = cell.strip()
        begin = at + (cell.index(inner) if inner else 0)
        cells.append((line.start + begin, line.start + begin + len(inner)))
        at += len(cell) + 1
    return cells


def _within(line: _Line, span: tuple[int, int]) -> str:
    return " in" if line.start < span[1] and line.end > span[0] else ""


def _inline(text: str, start: int, end: int, marks: list[Mark]) -> str:
    """Return a line's words; the stars of bold stretches are taken out where both stand in the line."""
    pieces, at = [], start
    for bold in _BOLD.finditer(text, start, end):
        pieces.append(paint(text, at, bold.start(), marks))
        pieces.append(paint(text, bold.start(1), bold.end(1), marks))
        at = bold.end()
    pieces.append(paint(text, at, end, marks))
    return "".join(pieces)
