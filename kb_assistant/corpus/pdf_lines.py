"""From the lines that stand on PDF pages to Markdown text: pure functions over lines."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from kb_assistant.corpus.pdf_layout import Line, join_wrapped, width
from kb_assistant.corpus.tables import to_markdown_table
from kb_assistant.corpus.text import clean_line

_SECTION_NAMES = (
    "适用场景|适用范围|不适用|目的|背景|定义|前提|前提条件|处理步骤|处理流程|操作步骤|步骤|时效|例外|例外情况"
    "|升级与审批|升级|审批|话术|参考话术|常见原因|常见问题|注意事项|示例|附录|相关文件|修订记录"
)
_SECTION = re.compile(
    rf"(?:第[一二三四五六七八九十0-9]+[章节条部]\s*|[一二三四五六七八九十]+[、.]\s*|[0-9]+(?:\.[0-9]+)*[.、]?\s*|【)?"
    rf"(?:{_SECTION_NAMES})】?[:\uff1a]?"
)
_PAGE_NUMBER = re.compile(
    r"[-–—·\s]*(?:第\s*)?(?:page\s*)?[0-9]{1,4}\s*页?(?:\s*(?:[/,\uff0c]|of)?\s*共?\s*[0-9]{1,4}\s*页)?"
    r"(?:\s*(?:/|of)\s*[0-9]{1,4})?[-–—·\s]*",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"(?:[-•●○■◆▪*]|[(\uff08]?[0-9一二三四五六七八九十]{1,3}[.、)\uff09]|[①-⑳])")
_SENTENCE_END = re.compile("[。！？!?；;：:…|][”」』)\uff09]*$")
_EDGE = 2  # running headers and footers stand within this many lines of a page's top or bottom
_RUNNING_SHARE = 0.6
_LARGER = 1.03  # times the body's size; 11.5 pt above 11 pt is a common third level
_MAX_HEADING = 40  # characters
_FULL = 0.8  # of the usual line width: a shorter line was ended on purpose

# Fonts put radicals in place of everyday characters. NFKC knows the Kangxi radicals and two of the
# supplement, but turns two into a rare variant (戶 for 户, 靑 for 青); these and the others that are
# whole characters are mapped here (Unicode's EquivalentUnifiedIdeograph).
_RADICALS = {
    code: unicodedata.normalize("NFKC", chr(code)) for code in (*range(0x2F00, 0x2FD6), 0x2E9F, 0x2EF3)
} | str.maketrans(
    "⼾⾭⺠⺩⺹⻁⻄⻅⻆⻇⻉⻋⻑⻓⻔⻗⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰⻲",
    "户青民王老虎西见角角贝车长长门雨青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙龟",
)


def clean_lines(lines: Iterable[Line]) -> list[Line]:
    """Return the lines with everyday characters for radicals and single spaces; blank ones are dropped."""
    cleaned = []
    for line in lines:
        cells = tuple((_clean(text), left) for text, left in line.cells)
        if text := _clean(line.text):
            cleaned.append(Line(text, line.size, cells))
    return cleaned


def drop_running_lines(pages: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers, and headers and footers that return on most pages (digits may differ)."""
    pages = [
        [line for i, line in enumerate(page) if not (_at_edge(i, page) and _PAGE_NUMBER.fullmatch(line.text))]
        for page in pages
    ]
    filled = sum(bool(page) for page in pages)
    counts = Counter(key for page in pages for key in {_running_key(page[i]) for i in _edges(page)})
    running = {key for key, count in counts.items() if count >= max(2, _RUNNING_SHARE * filled)}
    return [
        [line for i, line in enumerate(page) if not (_at_edge(i, page) and _running_key(line) in running)]
        for page in pages
    ]


def to_markdown(pages: list[list[Line]]) -> list[str]:
    """Return each page as text: headings as `# …`, tables, lines wrapped inside a sentence joined.

    The body's font size is the commonest outside tables. A short line in a larger one is a heading,
    its level by size; so is a line that is the name of an SOP's section.
    """
    prose = [line for page in pages for line in page if not line.cells]
    body_size = _commonest_size(prose)
    widths = sorted(width(line.text) for line in prose if line.size <= body_size * _LARGER)
    full_width = _FULL * widths[int(len(widths) * 0.9)] if widths else 0.0
    levels = _heading_levels(pages, body_size)
    return [_page_to_markdown(page, levels, full_width) for page in pages]


def _page_to_markdown(page: list[Line], levels: dict[float, int], full_width: float) -> str:
    out: list[str] = []
    last: Line | None = None  # the line that the next one may continue
    last_level = 0
    for is_table, group in groupby(page, key=lambda line: bool(line.cells)):
        lines = list(group)
        if is_table and len(lines) > 1:
            out.append(f"\n{to_markdown_table(_aligned(lines))}\n")
            last = None
            continue
        for line in lines:
            level = _level(line, levels)
            if last is not None and _is_same_heading(last, line, last_level, level, levels):
                out[-1] = join_wrapped(out[-1], line.text)
            elif level:
                out.append(f"\n{'#' * level} {line.text}")
            elif last is not None and not last_level and _continues(last, line, full_width):
                out[-1] = join_wrapped(out[-1], line.text)
            else:
                out.append(f"\n{line.text}" if last_level else line.text)
            last, last_level = line, level
    return re.sub("\n{3,}", "\n\n", "\n".join(out)).strip("\n")


def _is_same_heading(last: Line, line: Line, last_level: int, level: int, levels: dict[float, int]) -> bool:
    """Whether a heading runs over two lines."""
    return 0 < level == last_level and last.size == line.size and line.size in levels


def _aligned(rows: list[Line]) -> list[list[str]]:
    """Return the cells of a table's rows; in a row with empty cells each stands in its column."""
    columns = [left for _, left in max(rows, key=lambda row: len(row.cells)).cells]
    aligned = []
    for row in rows:
        cells = [""] * len(columns)
        if len(row.cells) == len(columns):
            cells = [text for text, _ in row.cells]
        else:
            for text, left in row.cells:
                column = min(range(len(columns)), key=lambda i: abs(columns[i] - left))
                cells[column] = f"{cells[column]} {text}".strip()
        aligned.append(cells)
    return aligned


def _heading_levels(pages: list[list[Line]], body_size: float) -> dict[float, int]:
    """Return the level of each heading size; the largest is level 1 only if it titles the document."""
    headings = [
        line for page in pages for line in page if _may_be_heading(line) and line.size > body_size * _LARGER
    ]
    sizes = sorted({line.size for line in headings}, reverse=True)
    if not sizes:
        return {}
    titles = [line for line in headings if line.size == sizes[0]]
    top = 1 if len(titles) <= 2 and titles[0] in pages[0][: 2 * _EDGE] else 2
    return {size: min(top + rank, 6) for rank, size in enumerate(sizes)}


def _level(line: Line, levels: dict[float, int]) -> int:
    if _may_be_heading(line) and line.size in levels:
        return levels[line.size]
    return 2 if not line.cells and _SECTION.fullmatch(line.text) else 0


def _may_be_heading(line: Line) -> bool:
    if line.cells:
        return False
    return (
        len(line.text) <= _MAX_HEADING
        and line.text[-1] not in "。；，,;"
        and any(map(str.isalpha, line.text))
    )


def _continues(last: Line, line: Line, full_width: float) -> bool:
    if (
        last.cells
        or line.cells
        or width(last.text) < full_width
        or _SENTENCE_END.search(last.text)
        or _LIST_ITEM.match(line.text)
    ):
        return False
    return abs(last.size - line.size) < 1


def _commonest_size(lines: Iterable[Line]) -> float:
    counts: Counter[float] = Counter()
    for line in lines:
        counts[line.size] += len(line.text)
    return max(counts, key=lambda size: (counts[size], -size), default=0.0)


def _clean(text: str) -> str:
    return clean_line(text.translate(_RADICALS))


def _edges(page: list[Line]) -> list[int]:
    return [i for i in range(len(page)) if _at_edge(i, page)]


def _at_edge(i: int, page: list[Line]) -> bool:
    return i < _EDGE or i >= len(page) - _EDGE


def _running_key(line: Line) -> tuple[str, float]:
    """Equal for lines that differ in digits only; the title in large type is not its own header."""
    return re.sub("[0-9]+", "#", line.text), line.size
