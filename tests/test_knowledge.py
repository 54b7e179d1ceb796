import json
from datetime import date
from pathlib import Path

import pytest

from kb_assistant.errors import IndexCorrupt, IndexMismatch, IndexNotFound
from kb_assistant.index.building import build_index
from kb_assistant.index.generations import generation_path, live_generation
from kb_assistant.index.knowledge import KnowledgeIndex, LiveIndex
from kb_assistant.types import Filters
from tests.fakes import HashEmbedder, OtherEmbedder

TODAY = Filters(scopes=frozenset({"public"}), as_of=date(2026, 11, 21))


@pytest.fixture
def index(index_dir: Path, embedder: HashEmbedder) -> KnowledgeIndex:
    return KnowledgeIndex.open(index_dir, embedder)


def test_the_right_clause_comes_first(index: KnowledgeIndex) -> None:
    hits = index.search("卡密错误多久补发", filters=TODAY)
    assert (hits[0].chunk.document_id, hits[0].rank) == ("SOP-KM-01", 1)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.chunk.id for hit in hits}) == len(hits)


def test_a_chunk_is_a_span_of_its_document(index: KnowledgeIndex) -> None:
    for hit in index.search("退款", filters=TODAY, top_k=20):
        text = index.catalog.document(hit.chunk.document_id).text
        assert text[hit.chunk.source.start : hit.chunk.source.end] == hit.chunk.text


@pytest.mark.parametrize(
    ("day", "expected"), [(date(2026, 2, 28), "SOP-ZF-02-V1"), (date(2026, 3, 1), "SOP-ZF-02")]
)
def test_the_rule_in_force_on_the_date(index: KnowledgeIndex, day: date, expected: str) -> None:
    (found,) = index.search_documents([("点卡未提取退款手续费", Filters(frozenset({"public"}), day))])
    assert found[0] == expected
    assert not {"SOP-ZF-02", "SOP-ZF-02-V1"} <= set(found)


def test_filters_limit_kind_topic_and_group(index: KnowledgeIndex) -> None:
    def search(**wanted: str) -> set[str]:
        filters = Filters(scopes=TODAY.scopes, as_of=TODAY.as_of, **wanted)  # type: ignore[arg-type]
        return {h.chunk.document_id for h in index.search("卡密 退款 游戏", filters=filters, top_k=50)}

    assert search(kind="ticket") == {"T-2026-00001", "T-2026-00002"}
    assert search(topic="支付与退款") == {"SOP-ZF-02"}
    assert search(skill_group="卡密组") == {"SOP-KM-01"}
    assert search(topic="没有这个主题") == set()


def test_foreign_scopes_are_never_found(index: KnowledgeIndex) -> None:
    assert index.search("卡密", filters=Filters(frozenset({"secret"}), TODAY.as_of)) == []


def test_codes_are_found_whole(index: KnowledgeIndex) -> None:
    hits = index.search("DD20260815000312", filters=TODAY)
    assert hits[0].chunk.document_id == "T-2026-00002"


def test_a_blank_query_matches_nothing_and_top_k_is_checked(index: KnowledgeIndex) -> None:
    assert index.search(" \n", filters=TODAY) == []
    with pytest.raises(ValueError, match="top_k must be >= 1, got 0"):
        index.search("卡密", filters=TODAY, top_k=0)


def test_documents_are_distinct_and_agree_with_the_hits(index: KnowledgeIndex) -> None:
    (documents,) = index.search_documents([("卡密错误", TODAY)])
    hits = index.search("卡密错误", filters=TODAY, top_k=50)
    assert documents == list(dict.fromkeys(hit.chunk.document_id for hit in hits))


def test_nothing_published(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFound, match="build one with: kb index corpus --index"):
        KnowledgeIndex.open(tmp_path / "none", HashEmbedder())


def test_another_model_is_refused(index_dir: Path) -> None:
    with pytest.raises(IndexMismatch, match="was built with 'hash-64'.*not 'hash-64-other'"):
        KnowledgeIndex.open(index_dir, OtherEmbedder())


def test_another_format_is_refused(index_dir: Path) -> None:
    path = generation_path(index_dir, live_generation(index_dir)) / "manifest.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text(encoding="utf-8")), "format": 99}), encoding="utf-8"
    )
    with pytest.raises(IndexMismatch, match="index format 99"):
        KnowledgeIndex.open(index_dir, HashEmbedder())


def files_of(index_dir: Path) -> list[Path]:
    directory = generation_path(index_dir, live_generation(index_dir))
    return sorted(p for p in directory.rglob("*") if p.is_file())


def test_every_torn_file_is_detected_before_it_is_parsed(index_dir: Path) -> None:
    for path in files_of(index_dir):
        whole = path.read_bytes()
        for damage in (b"", whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), None):
            if damage is None:
                path.unlink()
            else:
                path.write_bytes(damage)
            with pytest.raises(IndexCorrupt, match=path.name.replace(".", r"\.")):
                KnowledgeIndex.open(index_dir, HashEmbedder())
        path.write_bytes(whole)
    KnowledgeIndex.open(index_dir, HashEmbedder())


def test_a_publication_is_picked_up_without_reopening(corpus_dir: Path, index_dir: Path) -> None:
    live = LiveIndex(index_dir, HashEmbedder())
    before = live.current().manifest.generation
    (corpus_dir / "new.md").write_text("# 维护公告\n系统维护提前24小时通知。", encoding="utf-8")
    report = build_index(corpus_dir, index_dir, HashEmbedder())
    assert live.current().manifest.generation == report.generation != before


def test_a_bad_publication_leaves_the_old_one_serving(corpus_dir: Path, index_dir: Path) -> None:
    live = LiveIndex(index_dir, HashEmbedder())
    before = live.current().manifest.generation
    (corpus_dir / "new.md").write_text("# 维护公告\n系统维护提前24小时通知。", encoding="utf-8")
    build_index(corpus_dir, index_dir, HashEmbedder())
    files_of(index_dir)[0].write_bytes(b"torn")
    assert live.current().manifest.generation == before
    assert live.current().search("退款", filters=TODAY)
