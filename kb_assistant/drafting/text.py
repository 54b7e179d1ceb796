"""Cutting Chinese text into sentences and statements, with spans."""

import re
from dataclasses import dataclass

# a sentence runs to its closing mark (with the quotes and brackets that close after it) or line end
_SENTENCE = re.compile(r"[^。！？!?；;\n]*(?:[。！？!?；;]+[”’」』）)】\"']*|\n|$)")
MARKER = re.compile(r"\[([0-9]{1,3})\]")  # the citation marker [n]; ASCII digits only
_MARKERS = re.compile(rf"[ \t]*{MARKER.pattern}")
_MARKER_RUN = re.compile(rf"(?:{MARKER.pattern}[ \t]*)+")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]\s+|\d{1,2}[.、)]\s*|[①-⑳]\s*|（[一二三四五六七八九十]+）)")
_EMPTY_CELLS = {"—", "——", "-", "--", "–", "/", "无"}
_EMPTY_HEADERS = {"备注", "说明"}
_SAYS_ALONE = 3  # characters of a cell that may say something without its header
_ASKS = re.compile(r"能否|能不能|是否|可否|什么|怎么|多久|多少|哪|几")  # a header that its cell answers
_EMPHASIS = re.compile(r"\*\*|`|<br\s*/?>")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text: `text == whole[start:end]`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing a source says, `text` without list and table marks.

    `quote` is how it stands there: `quote == whole[start : start + len(quote)]`.
    """

    text: str
    quote: str
    start: int

    @property
    def end(self) -> int:
        """Offset behind the quote."""
        return self.start + len(self.quote)


def split_sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order, white space trimmed; blank ones are left out.

    A citation marker belongs to the sentence it stands in, also right after its closing mark; only a text
    that begins with a marker sets them before what they stand for.
    """
    spans: list[Span] = []
    leading = MARKER.match(text.lstrip()) is not None
    for match in _SENTENCE.finditer(text):
        start, end = _trimmed(text, *match.span())
        looking_back = _MARKER_RUN.match(text, start, end)
        if spans and looking_back and (looking_back.end() == end or not leading):
            last = spans.pop()
            behind = _trimmed(text, last.start, looking_back.end())[1]
            spans.append(Span(text[last.start : behind], last.start, behind))
            start, end = _trimmed(text, looking_back.end(), end)
        if start < end:
            spans.append(Span(text[start:end], start, end))
    return spans


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without the white space at its ends."""
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return start, start + len(text[start:end].rstrip())


def markers_in(text: str) -> tuple[int, ...]:
    """Return the numbers of the citation markers `[n]` in `text`, in order, each once."""
    return tuple(dict.fromkeys(int(n) for n in MARKER.findall(text)))


def without_markers(text: str) -> str:
    """Return `text` as it is sent: without citation markers and the blanks before them."""
    return _MARKERS.sub("", text) if "[" in text else text


def statements(text: str) -> list[Statement]:
    """Return what a chunk states: its sentences, list items and table rows, headings left out.

    A row of two cells reads `first：second`; a longer one gives each further cell the header of its
    column, `first：header cell，header cell`, unless the cell repeats or answers it or it says nothing
    (备注, 说明). Dashes and empty cells are dropped and so is the header row, which is recognised by the
    rule under it; without one in sight the cells stand alone.
    """
    found: list[Statement] = []
    header: list[str] = []
    at = 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        start, at = at, at + len(line) + 1
        is_row = line.lstrip().startswith("|")
        header = header if is_row else []
        if not line.strip() or line.lstrip().startswith("#") or _TABLE_RULE.match(line):
            continue
        if is_row:
            if number + 1 < len(lines) and _TABLE_RULE.match(lines[number + 1]):
                header = _cells(line)
            elif row := _row_text(_cells(line), header):
                found.append(Statement(row, line.strip(), start + line.index("|")))
            continue
        body = line.lstrip("> ")
        body = body[_list_mark(body) :]
        start += len(line) - len(body)
        found.extend(
            Statement(plain, s.text, start + s.start)
            for s in split_sentences(body)
            if (plain := _plain(s.text))
        )
    return found


def _list_mark(line: str) -> int:
    mark = _LIST_MARK.match(line)
    return mark.end() if mark else 0


def _cells(line: str) -> list[str]:
    return [_plain(cell) for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _row_text(cells: list[str], header: list[str]) -> str:
    labels = header if len(header) == len(cells) > 2 else [""] * len(cells)
    parts = [
        f"{label} {cell}" if _adds(label, cell) else cell
        for cell, label in zip(cells, labels, strict=True)
        if cell and cell not in _EMPTY_CELLS
    ]
    if len(parts) < 2 or not cells[0]:
        return ""
    return f"{cells[0]}：{'，'.join(parts[1:])}"


def _adds(label: str, cell: str) -> bool:
    """Tell whether a cell needs the header of its column: 手续费 3%, but not 能否退款 全额退款."""
    if not label or label in _EMPTY_HEADERS:
        return False
    if len(cell) < _SAYS_ALONE:  # 是否扣款 否
        return True
    if _ASKS.search(label):
        return False
    return not any(label[i : i + 2] in cell for i in range(len(label) - 1))


def _plain(text: str) -> str:
    return _EMPHASIS.sub("", text).strip()
