"""Splitting: chunks are spans, lose nothing, keep sentences, and carry their headings."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_assistant.corpus.splitting import estimate_tokens, split
from kb_assistant.types import Document, Kind

SOP = """# 卡密错误

开头一段。

## 处理步骤
1. 核对订单号，确认商品。
2. 5分钟内补发，并发送截图。
   截图须打码。

### 商家
- 先转技术组。

## 例外

## 时效
| 情况 | 时限 |
|---|---|
| 卡密错误 | 5分钟 |
| 未到账 | 30秒 |
"""


def make_document(text: str, *, kind: Kind = "sop", path: str = "a.md", **fields: object) -> Document:
    return Document(id="A-1", kind=kind, title="卡密错误", text=text, path=path, **fields)  # type: ignore[arg-type]


def test_sections_carry_their_heading_path_without_the_title() -> None:
    chunks = split(make_document(SOP))
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        ("", "开头一段。"),
        ("处理步骤", "1. 核对订单号，确认商品。\n2. 5分钟内补发，并发送截图。\n   截图须打码。"),
        ("处理步骤 > 商家", "- 先转技术组。"),
        ("时效", "| 情况 | 时限 |\n|---|---|\n| 卡密错误 | 5分钟 |\n| 未到账 | 30秒 |"),
    ]


def test_a_heading_other_than_the_title_stays_in_the_path() -> None:
    (chunk,) = split(make_document("# 另一个标题\n## 时效\n5分钟。"))
    assert chunk.heading == "另一个标题 > 时效"


def test_list_items_and_table_rows_are_kept_whole() -> None:
    texts = [chunk.text for chunk in split(make_document(SOP), max_tokens=14)]
    assert "2. 5分钟内补发，并发送截图。" in texts
    assert "| 情况 | 时限 |\n|---|---|\n| 卡密错误 | 5分钟 |" in texts
    assert "| 未到账 | 30秒 |" in texts


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentences = [f"第{i}条规则要求先核对订单再补发卡密。" for i in range(20)]
    chunks = split(make_document("".join(sentences)), max_tokens=40)
    assert len(chunks) > 5
    assert all(chunk.text.startswith("第") and chunk.text.endswith("。") for chunk in chunks)


def test_a_sentence_larger_than_a_chunk_is_cut_at_clauses() -> None:
    chunks = split(make_document("，".join(["先核对订单再补发"] * 30) + "。"), max_tokens=30)
    assert len(chunks) > 3
    assert all(chunk.text.endswith(("，", "。")) for chunk in chunks)
    assert all(estimate_tokens(chunk.text) <= 30 for chunk in chunks)


def test_a_small_rest_takes_a_unit_from_the_chunk_before() -> None:
    lines = "\n".join(f"- 第{i}步，先核对订单再补发卡密。" for i in range(5))
    chunks = split(make_document(lines), max_tokens=estimate_tokens(lines) - 1)
    assert [chunk.text.count("\n") + 1 for chunk in chunks] == [3, 2]


def test_a_ticket_stays_whole_up_to_480_tokens() -> None:
    text = "问题：充值没到账\n处理：" + "已核对订单并补发。" * 40
    assert 200 < estimate_tokens(text) < 480
    (chunk,) = split(make_document(text, kind="ticket", path="t.jsonl"))
    assert chunk.text == text


def test_a_longer_ticket_is_cut() -> None:
    text = "问题：充值没到账\n处理：" + "已核对订单并补发。" * 100
    chunks = split(make_document(text, kind="ticket", path="t.jsonl"))
    assert len(chunks) > 2
    assert all(estimate_tokens(chunk.text) <= 200 for chunk in chunks)


def test_a_passage_with_a_hash_sign_has_no_headings() -> None:
    (chunk,) = split(make_document("# 不是标题\n正文。", kind="document", path="corpus.jsonl"))
    assert chunk.text == "# 不是标题\n正文。"


def test_a_comment_in_a_code_block_is_no_heading() -> None:
    (chunk,) = split(make_document("```\n# 注释\n代码\n```"))
    assert (chunk.heading, chunk.text) == ("", "```\n# 注释\n代码\n```")


def test_repeated_chunks_get_distinct_ids_that_survive_what_stands_before() -> None:
    first = split(make_document("## A\n同一句。\n## A\n同一句。"))
    again = split(make_document("新的一段。\n## A\n同一句。\n## A\n同一句。"))
    assert first[1].id == first[0].id + "-2"
    assert re.fullmatch(r"A-1#[0-9a-f]{12}", first[0].id)
    assert [chunk.id for chunk in again[1:]] == [chunk.id for chunk in first]


def test_the_page_is_the_one_the_chunk_begins_on() -> None:
    text = "第一页。\n\n第二页。\n\n第三页。"
    starts = (0, text.index("第二"), text.index("第三"))
    chunks = split(make_document(text, path="a.pdf", page_starts=starts), max_tokens=4)
    assert [chunk.source.page for chunk in chunks] == [1, 2, 3]


@pytest.mark.parametrize("text", ["", " \n ", "# 标题\n\n## 空\n"])
def test_no_body_makes_no_chunk(text: str) -> None:
    assert split(make_document(text)) == []


def test_max_tokens_below_one_is_the_callers_bug() -> None:
    with pytest.raises(ValueError, match="max_tokens must be >= 1, got 0"):
        split(make_document("x"), max_tokens=0)


PIECES = st.sampled_from(
    [
        "# 标题\n",
        "## 时效\n",
        "### 商家\n",
        "##\n",
        "- 项目一\n",
        "1. 第一步。\n",
        "| a | b |\n",
        "|---|---|\n",
        "\n",
        "\n\n",
    ]
    + [
        "一句话。",
        "没有句号",
        "，",
        "English words here. ",
        "5分钟内补发",
        "```\n",
        "   ",
        "\t",
        "x" * 50,
        "🙂",
        "\u3000",
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(PIECES, max_size=60).map("".join),
    st.integers(1, 60),
    st.sampled_from(["a.md", "a.jsonl"]),
    st.sampled_from(["sop", "ticket", "document"]),
)
def test_chunks_are_ordered_spans_that_lose_nothing(text: str, size: int, path: str, kind: Kind) -> None:
    chunks = split(make_document(text, path=path, kind=kind), max_tokens=size)
    assert all(
        text[chunk.source.start : chunk.source.end] == chunk.text == chunk.text.strip() for chunk in chunks
    )
    assert all(chunk.text for chunk in chunks)
    spans = [(chunk.source.start, chunk.source.end) for chunk in chunks]
    assert spans == sorted(spans)
    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    left = list(text)
    for start, end in spans:
        left[start:end] = " " * (end - start)
    for line in "".join(left).split("\n"):
        assert not line.strip() or line.startswith("#")


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join), st.integers(1, 60))
def test_no_chunk_is_larger_than_asked(text: str, size: int) -> None:
    for chunk in split(make_document(text), max_tokens=size):
        assert estimate_tokens(chunk.text) <= size
