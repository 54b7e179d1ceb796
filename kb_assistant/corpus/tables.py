"""Tables whose rows are documents: tickets, FAQ and passages in JSONL, CSV or XLSX."""

import contextlib
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

from kb_assistant.corpus.office import check_package
from kb_assistant.corpus.parsed import Row, Rows
from kb_assistant.corpus.text import clean, clean_line, decode, json_lines, quote, read_bytes
from kb_assistant.errors import UnreadableFile
from kb_assistant.types import Kind

_MAX_BYTES = 256 * 2**20
_MAX_ROWS = 200_000
_MAX_CELL = 10 * 2**20  # csv's own limit of 128 KB is below what a long ticket may have
_TITLE_LENGTH = 30  # a ticket without a title is known by how its question begins
_EXPECTED = "id, question, resolution (tickets), question, answer (FAQ) or _id, title, text (passages)"
_KEPT = frozenset((
    "id", "title", "topic", "category", "skill_group", "effective_from", "effective_to", "supersedes",
    "scope", "owner", "status", "resolved_at", "tags", "agent", "satisfaction",
))  # fmt: skip
_CHINESE_COLUMNS = {  # as ticket systems export them
    "编号": "id", "工单号": "id", "标题": "title", "问题": "question", "问": "question", "处理": "resolution",
    "处理结果": "resolution", "解决方案": "resolution", "答案": "answer", "答": "answer", "分类": "category",
    "状态": "status", "解决时间": "resolved_at", "标签": "tags", "客服": "agent", "满意度": "satisfaction",
}  # fmt: skip

_ASKED: dict[Kind, tuple[str, str]] = {"ticket": ("问题：", "\n处理："), "faq": ("问：", "\n答：")}


class _BrokenRow(Exception):
    """One row is no document; the message says why."""


def read_jsonl(path: Path) -> Rows:
    """Read one JSON object per line; blank lines are skipped.

    Args:
        path: A JSONL file; see `text.decode` for its encodings.

    Returns:
        The documents and the broken rows.

    Raises:
        UnreadableFile: If the file is no text or too large.
    """
    text = decode(read_bytes(path, max_bytes=_MAX_BYTES))
    rows: list[Row] = []
    broken: list[tuple[int, str]] = []
    for line, content in json_lines(text):
        try:
            rows.append(_to_row(line, _parse_object(content)))
        except _BrokenRow as error:
            broken.append((line, str(error)))
    return Rows(tuple(rows), tuple(broken))


def read_csv(path: Path) -> Rows:
    """Read a CSV file with a header; commas, semicolons or tabs separate the columns.

    Args:
        path: A CSV file; see `text.decode` for its encodings.

    Returns:
        The documents and the broken rows; a row's line is the one it begins on.

    Raises:
        UnreadableFile: If the file is no text, too large, or its header is not known.
    """
    text = decode(read_bytes(path, max_bytes=_MAX_BYTES))
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(_MAX_CELL)
    return _read_cells(_csv_records(text, delimiter))


def read_xlsx(path: Path) -> Rows:
    """Read the sheets whose first row is a known header; formulas give their cached values.

    Args:
        path: An XLSX file.

    Returns:
        The documents of all such sheets and their broken rows; a row's line is its row in the sheet.

    Raises:
        UnreadableFile: If the file is damaged, protected, breaks the caps of `office`, or no sheet
            has a known header.
    """
    check_package(path, "xl/workbook.xml")
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # the library fails in many ways on a damaged package
        raise UnreadableFile(
            f"Excel cannot have written this file ({type(error).__name__}: {error}); save it again as .xlsx"
        ) from error
    rows: list[Row] = []
    broken: list[tuple[int, str]] = []
    unknown: list[str] = []
    with contextlib.closing(book):
        for sheet in book.worksheets:
            try:
                sheet.reset_dimensions()  # written by other programs, they may be wrong
                cells = (
                    (i, [_cell_text(v) for v in row])
                    for i, row in enumerate(sheet.iter_rows(values_only=True), 1)
                )
                found = _read_cells(cells)
            except UnreadableFile as error:
                unknown.append(f"sheet {quote(sheet.title)}: {error}")
                continue
            prefix = [] if not rows else [f"sheet {quote(sheet.title)}: "]
            rows += found.rows
            broken += [(line, "".join([*prefix, reason])) for line, reason in found.broken]
    if not rows and not broken and unknown:
        raise UnreadableFile(unknown[0])
    return Rows(tuple(rows), tuple(broken))


def to_markdown_table(rows: Iterable[Iterable[str]]) -> str:
    """Return the rows as a Markdown table whose first row is the header; empty rows are dropped."""
    filled = [[cell.replace("|", "\\|") for cell in row] for row in rows if any(row)]
    lines = ["| " + " | ".join(row) + " |" for row in filled]
    if lines:
        lines.insert(1, "|" + "---|" * len(filled[0]))
    return "\n".join(lines)


def _parse_object(content: str) -> dict[str, object]:
    try:
        row = json.loads(content)
    except json.JSONDecodeError as error:
        raise _BrokenRow(
            f"not JSON ({error.msg} at column {error.colno}); expected one object per line"
        ) from error
    except (ValueError, RecursionError) as error:  # digits or brackets without end
        raise _BrokenRow(f"not JSON that can be read ({error}); expected one object per line") from error
    if not isinstance(row, dict):
        raise _BrokenRow(f'a JSON {type(row).__name__}, expected an object like {{"id": …, "question": …}}')
    return row


def _csv_records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(
            f"line {reader.line_num} is not CSV ({error}); save the table again as CSV"
        ) from error


def _read_cells(records: Iterator[tuple[int, list[str]]]) -> Rows:
    header: list[str] | None = None
    rows: list[Row] = []
    broken: list[tuple[int, str]] = []
    for line, record in records:
        if not any(cell.strip() for cell in record):
            continue
        if header is None:
            header = [_column(cell) for cell in record]
            if not _has_known_columns(header):
                names = ", ".join(filter(None, map(clean_line, record)))
                raise UnreadableFile(f"the columns are {quote(names)}, expected {_EXPECTED}")
            continue
        if len(rows) >= _MAX_ROWS:
            broken.append((line, f"only the first {_MAX_ROWS:,} rows are read; split the table"))
            break
        try:
            rows.append(_to_row(line, dict(zip_longest(header, record[: len(header)], fillvalue=""))))
        except _BrokenRow as error:
            broken.append((line, str(error)))
    if header is None:
        raise UnreadableFile(f"the table is empty, expected columns {_EXPECTED}")
    return Rows(tuple(rows), tuple(broken))


def _column(cell: str) -> str:
    name = clean_line(cell).lower()
    return _CHINESE_COLUMNS.get(name, name)


def _has_known_columns(names: Iterable[str]) -> bool:
    present = set(names)
    return any(
        needed <= present
        for needed in ({"question", "resolution"}, {"question", "answer"}, {"_id", "title", "text"})
    )


def question_of(kind: Kind, text: str) -> str | None:
    """Return what was asked in the text of a ticket or FAQ row; None for other texts."""
    asks, answers = _ASKED.get(kind, ("", ""))
    if asks and text.startswith(asks) and answers in text:
        return text[len(asks) : text.index(answers)].strip() or None
    return None


def _to_row(line: int, raw: Mapping[str, object]) -> Row:
    row = {_column(key): value for key, value in raw.items()}
    metadata = {key: value for key, value in row.items() if key in _KEPT}
    kind: Kind
    if "resolution" in row:
        kind = "ticket"
        question = _required(row, "question")
        text = f"{_ASKED['ticket'][0]}{question}{_ASKED['ticket'][1]}{_required(row, 'resolution')}"
    elif "answer" in row:
        kind = "faq"
        question = _required(row, "question")
        text = f"{_ASKED['faq'][0]}{question}{_ASKED['faq'][1]}{_required(row, 'answer')}"
    elif "_id" in row and "title" in row:
        metadata = {"id": row["_id"], **metadata}
        title = row["title"]
        return Row(
            line, "document", _required(row, "text"), title if isinstance(title, str) else "", metadata
        )
    else:
        raise _BrokenRow(f"the fields are {quote(', '.join(raw))}, expected {_EXPECTED}")
    return Row(line, kind, text, clean_line(question)[:_TITLE_LENGTH], metadata)


def _required(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = _cell_text(value)
    if value is not None and not isinstance(value, str):
        raise _BrokenRow(f"{name!r} is a {type(value).__name__}, expected a text")
    text = clean(value or "").strip()
    if not text:
        raise _BrokenRow(f"{name!r} is {'missing' if name not in row else 'empty'}, expected a text")
    return text


def _cell_text(value: object) -> str:
    """Return a cell as people read it: numbers without exponent or .0, days without midnight."""
    if value is None:
        return ""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    return str(value)
