"""The manager's lexicon: what fires, what does not, and how a wrong file is told."""

from pathlib import Path

import pytest

from kb_assistant.corpus.lexicon import contains_word, count_aliases, find_aliases, read_lexicon
from kb_assistant.index.generations import read_lexicon as load_lexicon
from kb_assistant.index.generations import write_lexicon
from kb_assistant.types import Lexicon

LEXICON = Lexicon({"没到账": "未到账", "没到": "未到账", "cdk": "卡密", "卡蜜": "卡密", "没到期": "未到期"})


def said(text: str) -> list[tuple[str, str]]:
    return [(use.alias, use.term) for use in find_aliases(LEXICON, text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("钱没到账", [("没到账", "未到账")]),  # the longest wins
        ("卡没到期就废了", [("没到期", "未到期")]),
        ("买的CDK和卡蜜", [("cdk", "卡密"), ("卡蜜", "卡密")]),
        ("abcdk9 cdkey", []),  # not inside a longer Latin word
        ("未到账", []),
        ("", []),
    ],
)
def test_aliases_fire(text: str, expected: list[tuple[str, str]]) -> None:
    assert said(text) == expected


def test_an_alias_inside_its_own_term_does_not_fire() -> None:
    assert find_aliases(Lexicon({"到账": "到账时间"}), "到账时间多久") == []


def test_script_and_width_do_not_matter() -> None:
    assert said("ＣＤＫ兌換，錢沒到賬") == [("cdk", "卡密"), ("没到账", "未到账")]


def test_words_have_bounds() -> None:
    assert contains_word("再不退我打12345", "12345") and not contains_word("订单20123456", "12345")


def test_counts_tell_what_never_fires() -> None:
    counts = count_aliases(LEXICON, ["卡蜜没到，卡蜜呢", "没到", "好的"])
    assert [(c.alias, c.count) for c in counts[:2]] == [("没到", 2), ("卡蜜", 1)]
    assert {c.alias for c in counts if not c.count} == {"没到账", "cdk", "没到期"}
    assert counts[0].example == "卡蜜没到，卡蜜呢"


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "lexicon.yaml").write_text(
        "aliases:\n  未到账: [没到账, 不到账]\n  卡密: [CDK]\nurgent: [12315, 律师函]\n", encoding="utf-8"
    )
    lexicon, problems = read_lexicon(tmp_path)
    assert lexicon == Lexicon({"没到账": "未到账", "不到账": "未到账", "cdk": "卡密"}, ("12315", "律师函"))
    assert problems == []


def test_siblings_are_groups_of_names(tmp_path: Path) -> None:
    (tmp_path / "lexicon.yaml").write_text(
        "siblings:\n  - [快充, 慢充]\n  - [點卡, 话费, 话费]\n", encoding="utf-8"
    )
    assert read_lexicon(tmp_path) == (Lexicon(siblings=(("快充", "慢充"), ("点卡", "话费"))), [])


@pytest.mark.parametrize(
    "lexicon", [Lexicon({"没到": "未到账"}, ("12315",), (("快充", "慢充"), ("点卡", "话费"))), Lexicon()]
)
def test_a_generation_keeps_the_lexicon(lexicon: Lexicon, tmp_path: Path) -> None:
    write_lexicon(tmp_path / "lexicon.json", lexicon)
    assert load_lexicon(tmp_path / "lexicon.json") == lexicon


def test_a_lexicon_of_an_older_generation_has_no_siblings(tmp_path: Path) -> None:
    (tmp_path / "lexicon.json").write_text('{"aliases": {"没到": "未到账"}, "urgent": []}', encoding="utf-8")
    assert load_lexicon(tmp_path / "lexicon.json") == Lexicon({"没到": "未到账"})


def test_everything_in_the_file_is_text(tmp_path: Path) -> None:
    (tmp_path / "lexicon.yaml").write_text(
        "aliases:\n  no: [yes, 2026-13-11, 012]\nurgent: [true]\n", encoding="utf-8"
    )
    assert read_lexicon(tmp_path) == (Lexicon({"yes": "no", "2026-13-11": "no", "012": "no"}, ("true",)), [])


def test_no_file_is_an_empty_lexicon(tmp_path: Path) -> None:
    assert read_lexicon(tmp_path) == (Lexicon(), [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("aliases: [a", "not YAML"),
        ("- 没到账", "expected `aliases:`"),
        ("aliases: 没到账", "`aliases` is no mapping"),
        ("aliases:\n  未到账: 没到账", "needs a list"),
        ("aliases:\n  未到账: [[没到账]]", "expected a word"),
        ("aliases:\n  未到账: [没到]\n  未收到: [没到]", "the first counts"),
        ("synonyms: {}", "unknown entry"),
        ("aliases:\n  '': [没到]", "a term is blank"),
        ("siblings: 快充", "no list of lists"),
        ("siblings:\n  - [快充]", "at least two names"),
        ("siblings:\n  - 快充", "needs a list"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_counts(content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "lexicon.yaml").write_text(content, encoding="utf-8")
    _, problems = read_lexicon(tmp_path)
    assert len(problems) == 1 and reason in problems[0].reason and problems[0].path == "lexicon.yaml"
