"""Cutting Chinese text into sentences and statements, with spans."""

import re
from dataclasses import dataclass

# a sentence runs to its closing mark (with the quotes and brackets that close after it) or line end
_SENTENCE = re.compile(r"[^。！？!?；;\n]*(?:[。！？!?；;]+[”’」』）)】\"']*|\n|$)")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]\s+|\d{1,2}[.、)]\s*|[①-⑳]\s*|（[一二三四五六七八九十]+）)")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text: `text == whole[start:end]`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing a source says: `quote` as it stands there, `text` without list and table marks."""

    text: str
    quote: str


def split_sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order, white space trimmed; blank ones are left out.

    A citation marker belongs to the sentence it stands in, also right after its closing mark.
    """
    spans: list[Span] = []
    for match in _SENTENCE.finditer(text):
        raw = match.group()
        stripped = raw.strip()
        if not stripped:
            continue
        start = match.start() + raw.index(stripped)
        if spans and _MARKER.sub("", stripped).strip() == "":  # "…。[1]": the marker looks back
            last = spans.pop()
            spans.append(Span(text[last.start : start + len(stripped)], last.start, start + len(stripped)))
            continue
        spans.append(Span(stripped, start, start + len(stripped)))
    return spans


def markers_in(text: str) -> tuple[int, ...]:
    """Return the numbers of the citation markers `[n]` in `text`, in order, each once."""
    return tuple(dict.fromkeys(int(n) for n in _MARKER.findall(text)))


def without_markers(text: str) -> str:
    """Return `text` as it is sent: without citation markers and the blanks before them."""
    return re.sub(r"[ \t]*\[\d{1,3}\]", "", text)


def statements(text: str) -> list[Statement]:
    """Return what a chunk states: its sentences, list items and table rows, headings left out.

    A table row reads `first cell：other cells` joined by commas; dashes and empty cells are dropped
    and so is the header row, which is recognised by the rule under it.
    """
    found: list[Statement] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#") or _TABLE_RULE.match(line):
            continue
        if line.lstrip().startswith("|"):
            is_header = number + 1 < len(lines) and bool(_TABLE_RULE.match(lines[number + 1]))
            if not is_header and (row := _row_text(line)):
                found.append(Statement(row, line.strip()))
            continue
        body = _LIST_MARK.sub("", line.lstrip("> "))
        found.extend(Statement(_plain(s.text), s.text) for s in split_sentences(body) if _plain(s.text))
    return found


def _row_text(line: str) -> str:
    cells = [_plain(cell) for cell in line.strip().strip("|").split("|")]
    cells = [cell for cell in cells if cell and cell not in "—-–/无"]
    if len(cells) < 2:
        return ""
    return f"{cells[0]}：{'，'.join(cells[1:])}"


def _plain(text: str) -> str:
    return re.sub(r"\*\*|`|<br\s*/?>", "", text).strip()
