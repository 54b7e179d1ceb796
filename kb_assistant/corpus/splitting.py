"""Documents to chunks: an SOP along its headings, a ticket or FAQ whole, a passage whole if short.

Every chunk is a span of its document's text. Chunks are packed from whole lines and paragraphs, so
a sentence is cut only if it alone is larger than a chunk.
"""

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from kb_assistant.corpus.markdown import find_headings, plain_heading
from kb_assistant.types import Chunk, Document, Source

Span = tuple[int, int]

_WHOLE_UP_TO = {"ticket": 480, "faq": 480, "document": 384}  # tokens; the embedder reads 512
_TABLE_SUFFIXES = frozenset((".jsonl", ".csv", ".xlsx"))  # their rows have no headings
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W_\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+")
_TOKENS_PER_CJK = 0.7  # measured on e5's tokenizer, as is the next
_TOKENS_PER_WORD = 1.3
_LIST_ITEM = re.compile(
    r"\s*(?:[-*+•●○■◆]\s|[(\uff08]?[0-9]{1,3}[.、)\uff09]|[一二三四五六七八九十]{1,3}、|[①-⑳]|>)"
)
_LINE_END = tuple("。！？!?：:；;…”」』|")  # a line that ends so does not run on into the next
_SENTENCE = re.compile(r"[。！？!?…]+[”’」』)\uff09]*|\.(?=\s)")
_CLAUSE = re.compile(r"[；;，,、：:\s]+")
_LEAST_FILL = 0.25  # of a chunk: a smaller last chunk of a section takes units from the one before


def split(document: Document, *, max_tokens: int = 200) -> list[Chunk]:
    """Cut a document into chunks in the order of the text.

    Args:
        document: Masked; a ticket or FAQ of up to 480 tokens and a passage of up to 384 stay whole.
        max_tokens: Upper bound of a chunk as `estimate_tokens` counts, at least 1.

    Returns:
        Chunks that hold all text but headings and white space; none for a blank document.

    Raises:
        ValueError: If `max_tokens` is below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be >= 1, got {max_tokens}")
    whole = _strip(document.text, (0, len(document.text)))
    if whole[0] == whole[1]:
        return []
    limit = max(max_tokens, _WHOLE_UP_TO.get(document.kind, 0))
    if PurePosixPath(document.path).suffix.lower() in _TABLE_SUFFIXES:
        fits = estimate_tokens(document.text[slice(*whole)]) <= limit
        spans = [whole] if fits else list(_pack(document.text, whole, max_tokens))
        return _to_chunks(document, [("", span) for span in spans])
    return _to_chunks(
        document,
        [
            (heading, span)
            for heading, section in _sections(document.text, document.title)
            for span in _pack(document.text, section, max_tokens)
        ],
    )


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a multilingual model makes of the text; 0 only for blank text."""
    words = sum(1 + len(word) // 8 for word in _WORD.findall(text))
    marks = sum(not char.isalnum() and not char.isspace() for char in text)
    tokens = _TOKENS_PER_CJK * len(_CJK.findall(text)) + _TOKENS_PER_WORD * words + 0.3 * marks
    return max(round(tokens), 1 if text.strip() else 0)


def _sections(text: str, title: str) -> Iterator[tuple[str, Span]]:
    """Yield (heading path, span below the heading); the heading that repeats the title is left out."""
    path: list[tuple[int, str]] = []
    start = 0
    for heading_start, heading_end, level, name in find_headings(text):
        yield " > ".join(name for _, name in path), (start, heading_start)
        path = [(above, other) for above, other in path if above < level]
        if name and name != plain_heading(title):
            path.append((level, name))
        start = heading_end
    yield " > ".join(name for _, name in path), (start, len(text))


def _pack(text: str, section: Span, max_tokens: int) -> Iterator[Span]:
    """Yield spans of at most `max_tokens`, each of as many whole units as fit."""

    def size(first: Span, last: Span) -> int:
        return estimate_tokens(text[first[0] : last[1]])

    packs: list[list[Span]] = []
    for unit in _units(text, section, max_tokens):
        if packs and size(packs[-1][0], unit) <= max_tokens:
            packs[-1].append(unit)
        else:
            packs.append([unit])
    if len(packs) > 1:
        before, last = packs[-2:]
        while (
            len(before) > 1
            and size(last[0], last[-1]) < _LEAST_FILL * max_tokens
            and size(before[-1], last[-1]) <= max_tokens
        ):
            last.insert(0, before.pop())
    for pack in packs:
        yield pack[0][0], pack[-1][1]


def _units(text: str, section: Span, max_tokens: int) -> Iterator[Span]:
    """Yield what is kept whole: paragraphs, list items, table rows; sentences where one is too large."""
    for block in _blocks(text, section):
        if estimate_tokens(text[slice(*block)]) <= max_tokens:
            yield block
            continue
        for sentence in _cut(text, block, _SENTENCE):
            if estimate_tokens(text[slice(*sentence)]) <= max_tokens:
                yield sentence
                continue
            for clause in _cut(text, sentence, _CLAUSE):
                yield from _halve(text, clause, max_tokens)


def _blocks(text: str, section: Span) -> Iterator[Span]:
    """Yield paragraphs, list items with the lines that run on, and table rows.

    A table's header and its rule stay with the first row.
    """
    start = end = -1
    last = ""
    table_rows = 0
    for line_start, line_end in _lines(text, section):
        line = text[line_start:line_end]
        is_row = line.lstrip().startswith("|")
        table_rows = table_rows + 1 if is_row else 0
        begins = (table_rows != 2 and table_rows != 3) if is_row else _begins_block(line, last)
        if start >= 0 and (begins or not line.strip()):
            yield _strip(text, (start, end))
            start = -1
        if line.strip():
            start = line_start if start < 0 else start
            end = line_end
        last = line
    if start >= 0:
        yield _strip(text, (start, end))


def _begins_block(line: str, last: str) -> bool:
    return (
        last.rstrip().endswith(_LINE_END)
        or last.lstrip().startswith("|")
        or _LIST_ITEM.match(line) is not None
    )


def _lines(text: str, section: Span) -> Iterator[Span]:
    start, stop = section
    while start < stop:
        end = text.find("\n", start, stop)
        end = stop if end < 0 else end
        yield start, end
        start = end + 1


def _cut(text: str, span: Span, ends: re.Pattern[str]) -> Iterator[Span]:
    """Yield the parts of a span, each with the mark that ends it."""
    start = span[0]
    for match in ends.finditer(text, *span):
        part = _strip(text, (start, match.end()))
        if part[0] < part[1]:
            yield part
        start = match.end()
    part = _strip(text, (start, span[1]))
    if part[0] < part[1]:
        yield part


def _halve(text: str, span: Span, max_tokens: int) -> Iterator[Span]:
    """Yield pieces of a text without any mark to cut at; a single character is never cut."""
    stack = [span]
    while stack:
        start, end = stack.pop()
        if end - start <= 1 or estimate_tokens(text[start:end]) <= max_tokens:
            if (piece := _strip(text, (start, end)))[0] < piece[1]:
                yield piece
            continue
        middle = (start + end) // 2
        stack += [(middle, end), (start, middle)]


def _strip(text: str, span: Span) -> Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _to_chunks(document: Document, spans: list[tuple[str, Span]]) -> list[Chunk]:
    chunks = []
    repeats: Counter[str] = Counter()
    for heading, (start, end) in spans:
        text = document.text[start:end]
        digest = hashlib.sha256(f"{heading}\n{text}".encode()).hexdigest()[:12]
        repeats[digest] += 1
        suffix = f"-{repeats[digest]}" if repeats[digest] > 1 else ""
        page = bisect_right(document.page_starts, start) if document.page_starts else None
        chunks.append(
            Chunk(
                id=f"{document.id}#{digest}{suffix}",
                document_id=document.id,
                kind=document.kind,
                title=document.title,
                heading=heading,
                text=text,
                source=Source(document.path, page, start, end),
                topic=document.topic,
                skill_group=document.skill_group,
                effective_from=document.effective_from,
                effective_to=document.effective_to,
                scope=document.scope,
            )
        )
    return chunks
