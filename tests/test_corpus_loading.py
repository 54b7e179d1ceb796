"""Loading a corpus folder: what is a document, what is a problem, and nothing secret gets out."""

import json
import logging
import os
from datetime import date
from pathlib import Path

import pytest

from kb_assistant.corpus import loading
from kb_assistant.corpus.loading import load_corpus
from kb_assistant.corpus.parsed import Problem
from kb_assistant.errors import CorpusError, InvalidInput


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "a.md").write_text("# 甲\n正文。\n", encoding="utf-8")
    return root


def add(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_documents_come_by_path_then_row(corpus: Path) -> None:
    add(
        corpus,
        "tickets/t.jsonl",
        '{"id":"T-2","question":"乙","resolution":"好"}\n{"question":"丙","answer":"好"}',
    )
    add(corpus, "b/x.txt", "纯文本。")
    result = load_corpus(corpus)
    assert [(document.id, document.kind, document.title) for document in result.documents] == [
        ("a.md", "sop", "甲"),
        ("b/x.txt", "sop", "x"),
        ("T-2", "ticket", "乙"),
        ("tickets/t.jsonl#2", "faq", "丙"),
    ]
    assert result.problems == ()


def test_loading_twice_gives_the_same(corpus: Path) -> None:
    assert load_corpus(corpus) == load_corpus(corpus)


def test_names_that_are_no_documents_are_skipped(corpus: Path) -> None:
    for name in (
        "_x.md",
        ".x.md",
        "_sources/x.md",
        ".git/x.md",
        "README.md",
        "sub/readme.md",
        "lexicon.yaml",
    ):
        add(corpus, name, "# 不是文档")
    for name in ("checks.jsonl", "queries.jsonl", "qrels.tsv", "qrels/test.tsv"):
        add(corpus, name, "{}")
    assert load_corpus(corpus) == load_corpus(corpus / "a.md")


def test_front_matter_and_sidecar_are_merged(corpus: Path) -> None:
    add(corpus, "s/规则.md", "---\nid: SOP-1\ntopic: 卡密\nversion: 3\n---\n# 标题\n正文。")
    add(corpus, "s/规则.meta.yaml", "topic: 别的\nowner: 罗倩\neffective_from: 2026-02-01\n")
    add(corpus, "s/规则.md.meta.yaml", "owner: 李雷\nkind: faq\n")
    document = load_corpus(corpus).documents[1]
    assert (document.id, document.topic, document.owner, document.kind) == ("SOP-1", "卡密", "李雷", "faq")
    assert document.effective_from == date(2026, 2, 1)
    assert document.attributes == {"version": "3"}


def test_a_sidecar_gives_rows_what_they_do_not_say(corpus: Path) -> None:
    add(corpus, "t.jsonl", '{"id":"T-1","question":"a","resolution":"b","category":"充值","scope":""}')
    add(corpus, "t.meta.yaml", "id: X\ntitle: X\nkind: sop\nscope: team\nskill_group: 充值组\n")
    document = load_corpus(corpus).documents[1]
    assert (document.id, document.title, document.kind) == ("T-1", "a", "ticket")
    assert (document.scope, document.skill_group, document.topic) == ("team", "充值组", "充值")


def test_ticket_columns_become_attributes(corpus: Path) -> None:
    row = {
        "id": "T-1",
        "question": "a",
        "resolution": "b",
        "status": "已解决",
        "tags": ["x", "y"],
        "satisfaction": 5,
    }
    add(corpus, "t.jsonl", json.dumps(row | {"phone": "13800138000", "resolved_at": "2026-03-01 10:00"}))
    assert load_corpus(corpus).documents[1].attributes == {
        "status": "已解决", "tags": "x, y", "satisfaction": "5", "resolved_at": "2026-03-01 10:00",
    }  # fmt: skip


def test_what_cannot_be_read_is_reported_with_its_place(corpus: Path) -> None:
    add(corpus, "b.md", "---\neffective_from: 明天\n---\n正文")
    add(corpus, "c.doc", "x")
    add(corpus, "d.txt", " \n")
    add(corpus, "e.md", "正文")
    add(corpus, "e.meta.yaml", "a: b: c")
    add(corpus, "f.jsonl", '{"question":"a","answer":"b"}\n{"question":"a"\n')
    add(corpus, "g.meta.yaml", "id: G")
    (corpus / "h.pdf").write_bytes(b"%PDF-1.4")
    result = load_corpus(corpus)
    assert [document.path for document in result.documents] == ["a.md", "f.jsonl"]
    problems = [str(problem) for problem in result.problems]
    assert [problem.split(": ", 1)[0] for problem in problems] == [
        "b.md", "c.doc", "d.txt", "e.md", "f.jsonl:2", "g.meta.yaml", "h.pdf",
    ]  # fmt: skip
    assert problems[0] == "b.md: effective_from is '明天', expected a date like 2026-01-31; correct it"
    assert problems[1].startswith("c.doc: the extension is '.doc', expected .md .txt .pdf")
    assert problems[2] == "d.txt: the file has no text; add text or remove it"
    assert problems[3].startswith("e.md: in 'e.meta.yaml': the metadata is not valid YAML")
    assert problems[5].startswith("g.meta.yaml: no document has this name")


def test_many_broken_rows_are_summed_up(corpus: Path) -> None:
    add(corpus, "t.jsonl", "{}\n" * 100)
    problems = load_corpus(corpus).problems
    assert len(problems) == 21
    assert problems[-1] == Problem("t.jsonl", 21, "this and 79 further rows are broken too")


def test_of_two_documents_with_one_id_the_first_by_path_stays(corpus: Path) -> None:
    add(corpus, "b.md", "---\nid: A\n---\n# 乙\n")
    add(corpus, "c.md", "---\nid: A\n---\n# 丙\n")
    result = load_corpus(corpus)
    assert [document.title for document in result.documents] == ["甲", "乙"]
    (problem,) = result.problems
    assert str(problem) == "c.md: the id 'A' ('丙') is taken by 'b.md' ('乙'); give one of them another id"


def test_everything_is_masked_with_common_numbers(corpus: Path) -> None:
    row = {
        "id": "T-1", "title": "13800138000 没到账", "question": "我是 13900139000，卡密 A1B2C3D4",
        "resolution": "已致电 13800138000", "agent": "张三 13900139000", "owner": "4111111111111111",
    }  # fmt: skip
    add(corpus, "t.jsonl", json.dumps(row))
    document = load_corpus(corpus).documents[1]
    assert document.title == "[手机号1] 没到账"
    assert document.text == "问题：我是 [手机号2]，卡密 [卡密1]\n处理：已致电 [手机号1]"
    assert document.attributes == {"agent": "张三 [手机号2]"}
    assert document.owner == "[银行卡1]"


def test_an_id_is_masked_only_if_it_is_a_secret(corpus: Path) -> None:
    rows = [
        {"id": id, "question": "a", "answer": "b"}
        for id in ("13800138000", "4111111111111111", "DD20260815000312")
    ]
    add(corpus, "t.jsonl", "\n".join(map(json.dumps, rows)))
    ids = [document.id for document in load_corpus(corpus).documents[1:]]
    assert ids == ["t.jsonl#1", "4111111111111111", "DD20260815000312"]


SECRETS_IN_PROBLEMS = {
    "b.csv": "卡密：abcd-1234-efgh-9999 我的电话13912345678\n1,2\n",
    "c.md": "---\nkind: tel13912345678\n---\nx",
    "d.md": "---\neffective_from: 13912345678\n---\nx",
    "e.md": "---\na: !13912345678 x\n---\nx",
    "f.jsonl": '{"13912345678": 1}\n{"问\\ue000": 1, "\\n13912345678": 2}',
    "g.13912345678": "x",
    "13912345678.doc": "x",
    "h.\n13912345678": "x",
    "i.md": "x",
    "i.md.meta.yaml": "effective_to: 卡密 abcd-1234-efgh-9999",
    "j.csv": "x" * 230 + ",13912345678," + "y" * 50_000 + ",13912345678\n",
    "13912345678.meta.yaml": "id: X",
}


def test_no_problem_holds_a_secret(corpus: Path) -> None:
    for name, text in SECRETS_IN_PROBLEMS.items():
        add(corpus, name, text)
    problems = load_corpus(corpus).problems
    told = "\n".join(map(str, problems))
    assert len(problems) == len(SECRETS_IN_PROBLEMS)  # two rows of f.jsonl, none of the used sidecar
    assert "139123" not in told and "345678" not in told and "1234-efgh" not in told
    assert "b.csv: the columns are '卡密：[卡密1] 我的电话[手机号1]', expected id, question" in told
    assert "d.md: effective_from is '[手机号1]', expected a date" in told
    assert "\n[手机号1].doc: the extension is '.doc'" in "\n" + told
    assert max(len(problem.reason) for problem in problems) <= 403
    (corpus / "a.md").unlink()
    with pytest.raises(CorpusError) as caught:
        load_corpus(corpus)
    assert "13912345678" not in str(caught.value)


def test_patterns_reach_the_problems(corpus: Path) -> None:
    add(corpus, "ZZ-77.csv", "ZZ-78,b\n")
    (problem,) = load_corpus(corpus, card_key_patterns=[r"ZZ-\d+"]).problems
    assert str(problem).startswith("[卡密1].csv: the columns are '[卡密1], b', expected")


def test_a_path_is_masked_wherever_it_is_stored(corpus: Path) -> None:
    add(corpus, "t/13800138000.md", "电话13800138000，备用13900139000")
    add(corpus, "t/13900139000.csv", "question,answer\n问,答\n")
    documents = load_corpus(corpus).documents[1:]
    assert [(d.id, d.path, d.title, d.text) for d in documents] == [
        ("t/[手机号1].md", "t/[手机号1].md", "[手机号1]", "电话[手机号1]，备用[手机号2]"),
        ("t/[手机号1].csv#2", "t/[手机号1].csv", "问", "问：问\n答：答"),
    ]


def test_a_pattern_leaves_the_suffix_of_a_path(corpus: Path) -> None:
    add(corpus, "ZZ77.csv", "question,answer\n问,答\n")
    documents = load_corpus(corpus, card_key_patterns=["ZZ.*"]).documents
    assert [document.path for document in documents] == ["[卡密1].csv", "a.md"]


def test_files_whose_masked_ids_collide_are_told(corpus: Path) -> None:
    add(corpus, "13800138000.md", "# 甲二")
    add(corpus, "13900139000.md", "# 乙二")
    result = load_corpus(corpus)
    assert [document.title for document in result.documents] == ["甲二", "甲"]
    (problem,) = result.problems
    assert str(problem).startswith("[手机号1].md: the id '[手机号1].md' ('乙二') is taken by '[手机号1].md'")


def test_attributes_are_masked_with_their_keys(corpus: Path) -> None:
    front = '卡密: abcd-1234-efgh\n13800138000: x\nnote: {to: "\\n13800138000"}\n'
    add(corpus, "b.md", f"---\n{front}---\n正文")
    assert load_corpus(corpus).documents[1].attributes == {
        "卡密": "[卡密1]", "[手机号1]": "x", "note": '{"to": "[手机号1]"}',
    }  # fmt: skip


def test_every_document_encodes(corpus: Path) -> None:
    front = r""""\ud800": x
"a\udfffb": "c\ud800"
title: "题\ud800目"
topic: ["\ud800", "t\ud800"]"""
    add(corpus, "b.md", f"---\n{front}\n---\n正文")
    row = r'{"id":"T\ud800-1","question":"q\udc00","resolution":"r","agent":"\ud800","owner":"o\ud800"}'
    add(corpus, "t.jsonl", row)
    (corpus / os.fsdecode(b"z\xff.txt")).write_text("x", encoding="utf-8")
    (corpus / os.fsdecode(b"z\xff.doc")).write_text("x", encoding="utf-8")
    result = load_corpus(corpus)
    repr(result).encode()  # its repr would escape them
    values = [
        value
        for d in result.documents
        for value in (d.id, d.title, d.text, d.path, d.topic or "", d.owner or "", *d.attributes,
                      *d.attributes.values())
    ]  # fmt: skip
    "".join([*values, *map(str, result.problems)]).encode()
    b, t, z = result.documents[1:]
    assert (b.title, b.topic, b.attributes) == ("题目", "t", {"ab": "c"})
    assert (t.id, t.owner, t.attributes) == ("T-1", "o", {})
    assert (z.id, z.title) == ("z\ufffd.txt", "z\ufffd")


def test_metadata_that_cannot_be_read_costs_its_file_or_row(corpus: Path) -> None:
    add(corpus, "b.md", f"---\nid: 0x{'F' * 5000}\n---\nx")
    add(corpus, "c.md", "---\neffective_from: 0001-01-01\n---\nx")
    add(corpus, "d.jsonl", '{"question":"a","answer":"b","tags":' + "[" * 900 + "]" * 900 + "}")
    result = load_corpus(corpus)
    assert [document.id for document in result.documents[:2]] == ["a.md", "c.md"]
    assert result.documents[1].effective_from == date.min
    assert result.problems[0].path == "b.md"
    assert result.problems[0].reason.startswith("id cannot be read (Exceeds the limit")


def test_a_bug_costs_its_file_and_is_logged(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add(corpus, "b.txt", "x")

    said = "no half of\n13800138000"

    def broken(path: Path) -> None:
        raise ZeroDivisionError(said)

    monkeypatch.setitem(loading._READERS, ".txt", broken)
    with caplog.at_level(logging.ERROR):
        result = load_corpus(corpus)
    assert [document.id for document in result.documents] == ["a.md"]
    reason = (
        "reading stopped on this file (ZeroDivisionError: no half of [手机号1]); save it again or remove it"
    )
    assert result.problems == (Problem("b.txt", None, reason),)
    assert "in broken" in caplog.text and reason in caplog.text and "13800138000" not in caplog.text


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_a_file_ends_the_build(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def broken(path: Path) -> None:
        raise error

    monkeypatch.setitem(loading._READERS, ".md", broken)
    with pytest.raises(error):
        load_corpus(corpus)


def test_a_name_too_long_for_a_sidecar_is_read(corpus: Path) -> None:
    add(corpus, "b" * 250 + ".md", "x")
    assert [len(document.id) for document in load_corpus(corpus).documents] == [4, 253]


def test_patterns_reach_the_text(corpus: Path) -> None:
    add(corpus, "b.txt", "收到 ZZ-77。")
    assert load_corpus(corpus, card_key_patterns=[r"ZZ-\d+"]).documents[1].text == "收到 [卡密1]。"
    with pytest.raises(InvalidInput, match="KB_CARD_KEY_PATTERNS"):  # no problem of every file
        load_corpus(corpus, card_key_patterns=["["])


def test_page_starts_move_with_the_masking(corpus: Path) -> None:
    from tests.test_corpus_formats import write_pdf

    pages = [
        [(11, "电话13800138000。"), (11, "第一页完。")],
        [(11, "第二页13900139000。")],
        [(11, "第三页。")],
    ]
    write_pdf(corpus / "b.pdf", *pages)
    document = load_corpus(corpus).documents[1]
    assert document.text == "电话[手机号1]。\n第一页完。\n第二页[手机号2]。\n第三页。"
    assert [document.text[start:][:3] for start in document.page_starts] == ["电话[", "第二页", "第三页"]


def test_invisible_characters_cannot_hide_a_secret(corpus: Path) -> None:
    add(corpus, "b.md", "# 标\u200b题\x07\n138\u200b0013\u00ad8000\n")
    document = load_corpus(corpus).documents[1]
    assert (document.title, document.text) == ("标题", "# 标题\n[手机号1]")


def test_links_that_leave_the_corpus_are_reported(corpus: Path, tmp_path: Path) -> None:
    secret = add(tmp_path, "outside/secret.md", "# 外面")
    (corpus / "b.md").symlink_to(secret)
    (corpus / "c").symlink_to(secret.parent, target_is_directory=True)
    (corpus / "d").symlink_to(corpus, target_is_directory=True)
    (corpus / "e.md").symlink_to(corpus / "nowhere.md")
    (corpus / "f.md").symlink_to(corpus / "a.md")
    os.mkfifo(corpus / "g.md")
    result = load_corpus(corpus)
    assert [document.path for document in result.documents] == ["a.md", "f.md"]
    assert [(problem.path, problem.reason.split(";")[0]) for problem in result.problems] == [
        ("b.md", "the link leaves the corpus folder"),
        ("c", "the link leaves the corpus folder"),
        ("d", "links to folders are not followed"),
        ("e.md", "the file cannot be opened: No such file or directory"),
        ("g.md", "this is no regular file"),
    ]


def test_a_single_file_is_a_corpus(corpus: Path) -> None:
    (document,) = load_corpus(corpus / "a.md").documents
    assert (document.id, document.path) == ("a.md", "a.md")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no file to index, expected .md .txt"),
        ({"README.md": "x"}, "holds no file to index"),
        ({"a.exe": "x"}, r"holds no file to index(.|\n)*\n  a.exe: the extension is '.exe'"),
        (
            {"a.md": "", "b.md": "", "c.md": "", "d.md": ""},
            r"no document that can be read(.|\n)*a.md: (.|\n)*and 1 more",
        ),
    ],
)
def test_a_corpus_without_documents_is_an_error(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        add(tmp_path, name, text)
    with pytest.raises(CorpusError, match=message):
        load_corpus(tmp_path)


def test_a_missing_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no corpus at '.*nowhere'; give a folder with"):
        load_corpus(tmp_path / "nowhere")


def test_three_thousand_passages_load(tmp_path: Path) -> None:
    text = "客户反馈充值成功但未到账，先核对订单号与充值账号，再查询渠道状态，超过30分钟转技术组处理。" * 5
    rows = (json.dumps({"_id": f"p{i}", "title": f"标题{i}", "text": f"{i} {text}"}) for i in range(3000))
    add(tmp_path, "corpus.jsonl", "\n".join(rows))
    assert len(load_corpus(tmp_path).documents) == 3000
