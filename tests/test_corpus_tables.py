"""Rows as documents: JSONL, CSV and XLSX."""

import json
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from kb_assistant.corpus.parsed import Row
from kb_assistant.corpus.tables import read_csv, read_jsonl, read_xlsx, to_markdown_table
from kb_assistant.errors import UnreadableFile


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def write_xlsx(path: Path, *sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_jsonl_rows_by_their_fields(tmp_path: Path) -> None:
    rows = [
        {
            "id": "T-1",
            "question": "没到账",
            "resolution": "已补发",
            "category": "充值",
            "tags": ["a"],
            "extra": 1,
        },
        {"question": "多久到账", "answer": "30秒"},
        {"_id": "p1", "title": "标题", "text": "正文"},
    ]
    path = write(tmp_path / "a.jsonl", "\n\n".join(json.dumps(row) for row in rows))
    assert read_jsonl(path).rows == (
        Row(
            1,
            "ticket",
            "问题：没到账\n处理：已补发",
            "没到账",
            {"id": "T-1", "category": "充值", "tags": ["a"]},
        ),
        Row(3, "faq", "问：多久到账\n答：30秒", "多久到账", {}),
        Row(5, "document", "正文", "标题", {"id": "p1", "title": "标题"}),
    )


def test_broken_jsonl_rows_are_named_and_the_rest_kept(tmp_path: Path) -> None:
    good = '{"question": "q", "answer": "a"}'
    lines = [
        good,
        "{",
        "[1]",
        '{"question": "", "answer": "a"}',
        '{"id": 1}',
        '{"question": [], "answer": "a"}',
    ]
    lines += ["[" * 100_000, '{"question": ' + "9" * 5000 + "}", good]
    result = read_jsonl(write(tmp_path / "a.jsonl", "\n".join(lines)))
    assert [row.line for row in result.rows] == [1, 9]
    assert [line for line, _ in result.broken] == [2, 3, 4, 5, 6, 7, 8]
    reasons = dict(result.broken)
    assert reasons[2].startswith("not JSON (")
    assert reasons[3].startswith("a JSON list, expected an object")
    assert reasons[4] == "'question' is empty, expected a text"
    assert reasons[5].startswith("the fields are 'id', expected id, question, resolution (tickets)")
    assert reasons[6] == "'question' is a list, expected a text"


def test_half_a_surrogate_in_json_cannot_break_what_follows(tmp_path: Path) -> None:
    (row,) = read_jsonl(write(tmp_path / "a.jsonl", '{"question": "q\\ud800", "answer": "a"}')).rows
    assert row.text.encode() == "问：q\n答：a".encode()


def test_line_separators_inside_json_strings_end_no_row(tmp_path: Path) -> None:
    text = '{"question": "一\u2028二\u2029三\x85四", "answer": "a"}\r\n\n{"question": "b", "answer": "c"}'
    result = read_jsonl(write(tmp_path / "a.jsonl", text))
    assert result.broken == ()
    assert [(row.line, row.text) for row in result.rows] == [
        (1, "问：一\n二\n三\n四\n答：a"),
        (3, "问：b\n答：c"),
    ]


def test_an_unknown_header_is_quoted_as_written(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="the columns are 'Ab-1, C', expected"):
        read_csv(write(tmp_path / "a.csv", "Ab-1,C\n"))


def test_a_long_question_titles_its_ticket_by_its_beginning(tmp_path: Path) -> None:
    (row,) = read_jsonl(
        write(tmp_path / "a.jsonl", json.dumps({"question": "长" * 50, "resolution": "好"}))
    ).rows
    assert row.title == "长" * 30


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8-sig"), (";", "gb18030"), ("\t", "utf-16")])
def test_csv_delimiters_and_encodings(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = "id,question,resolution\nT-1,没有到账怎么办,已经补发给客户\n".replace(",", delimiter)
    (row,) = read_csv(write(tmp_path / "a.csv", text, encoding)).rows
    assert (row.line, row.text) == (2, "问题：没有到账怎么办\n处理：已经补发给客户")


def test_csv_rows_are_numbered_by_the_line_they_begin_on(tmp_path: Path) -> None:
    text = 'Question,Answer\r\n"两行\r\n问题",好\r\n,空\r\n\r\n问,答\r\n'
    result = read_csv(write(tmp_path / "a.csv", text))
    assert [(row.line, row.text) for row in result.rows] == [
        (2, "问：两行\n问题\n答：好"),
        (6, "问：问\n答：答"),
    ]
    assert result.broken == ((4, "'question' is empty, expected a text"),)


def test_chinese_headers_are_known(tmp_path: Path) -> None:
    (row,) = read_csv(write(tmp_path / "a.csv", "工单号,问题,处理结果,分类\nT-9,慢,已催,充值\n")).rows
    assert (row.kind, row.metadata) == ("ticket", {"id": "T-9", "category": "充值"})


def test_an_unknown_header_names_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="the columns are 'a, b', expected id, question, resolution"):
        read_csv(write(tmp_path / "a.csv", "a,b\n1,2\n"))


def test_xlsx_cells_read_as_people_see_them(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "a.xlsx",
        [
            ["id", "question", "resolution", "resolved_at", "satisfaction"],
            [20260001.0, "几分钟", 5, datetime(2026, 3, 1), 4.5],
            [None, None, None, None, None],
            ["T-2", "没答", None, None, None],
        ],
    )
    result = read_xlsx(path)
    metadata = {"id": "20260001", "resolved_at": "2026-03-01", "satisfaction": "4.5"}
    assert result.rows == (Row(2, "ticket", "问题：几分钟\n处理：5", "几分钟", metadata),)
    assert result.broken == ((4, "'resolution' is empty, expected a text"),)


def test_xlsx_takes_every_sheet_with_a_known_header(tmp_path: Path) -> None:
    faq: list[list[object]] = [["question", "answer"], ["问", "答"]]
    result = read_xlsx(write_xlsx(tmp_path / "a.xlsx", [["说明"], ["x"]], faq, faq))
    assert [row.text for row in result.rows] == ["问：问\n答：答"] * 2


def test_a_formula_gives_its_cached_value_or_nothing(tmp_path: Path) -> None:
    result = read_xlsx(write_xlsx(tmp_path / "a.xlsx", [["question", "answer"], ["问", "=1+1"]]))
    assert result.broken == ((2, "'answer' is empty, expected a text"),)


def test_a_markdown_table_escapes_bars_and_drops_empty_rows() -> None:
    assert to_markdown_table([["a", "b|c"], ["", ""], ["1", "2"]]) == "| a | b\\|c |\n|---|---|\n| 1 | 2 |"
