import json
from datetime import date
from pathlib import Path

import pytest

from kb_assistant.errors import IndexCorrupt, IndexMismatch, IndexNotFound
from kb_assistant.index.building import build_index
from kb_assistant.index.generations import generation_path, live_generation
from kb_assistant.index.knowledge import CANDIDATES, KnowledgeIndex, LiveIndex
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


def test_many_queries_give_what_each_gives_alone(index: KnowledgeIndex) -> None:
    queries = ["卡密错误多久补发", "点卡退款", "", "游戏大厅转圈"]
    together = index.search_many([(query, TODAY) for query in queries], top_k=3)
    assert together == [index.search(query, filters=TODAY, top_k=3) for query in queries]


def test_what_says_the_same_appears_once_with_the_count(corpus_dir: Path, tmp_path: Path) -> None:
    row = {"question": "转账付款多久确认？", "answer": "转账付款5分钟内确认，无需重复提交。"}
    for name, change in (
        ("a", {}),
        ("b", {}),
        ("old", {"effective_to": "2026-01-01"}),
        ("secret", {"scope": "s"}),
    ):
        line = json.dumps({**row, **change, "id": name}, ensure_ascii=False)
        (corpus_dir / f"{name}.jsonl").write_text(line, encoding="utf-8")
    other = json.dumps({**row, "answer": row["answer"].replace("5", "50"), "id": "other"}, ensure_ascii=False)
    (corpus_dir / "other.jsonl").write_text(other, encoding="utf-8")
    for name in ("月卡", "礼品卡"):  # the same words under another product's title are another rule
        (corpus_dir / f"{name}.md").write_text(f"# {name}退款\n付款后24小时内可以退款。", encoding="utf-8")
    build_index(corpus_dir, tmp_path / "index", HashEmbedder())
    index = KnowledgeIndex.open(tmp_path / "index", HashEmbedder())
    hits = index.search("转账付款多久确认", filters=TODAY, top_k=20)
    # what is no longer in force or may not be seen does not count
    assert [hit.duplicates for hit in hits if "5分钟内确认" in hit.chunk.text] == [1]
    assert any("50分钟内确认" in hit.chunk.text for hit in hits)
    titles = {hit.chunk.title for hit in index.search("月卡退款 礼品卡退款", filters=TODAY, top_k=20)}
    assert {"月卡退款", "礼品卡退款"} <= titles


def test_the_lexicon_of_the_corpus_is_searched_with(corpus_dir: Path, tmp_path: Path) -> None:
    (corpus_dir / "lexicon.yaml").write_text("aliases:\n  卡密错误: [码不好使]\n", encoding="utf-8")
    build_index(corpus_dir, tmp_path / "index", HashEmbedder())
    index = KnowledgeIndex.open(tmp_path / "index", HashEmbedder())
    assert index.search("码不好使", filters=TODAY)[0].chunk.document_id == "SOP-KM-01"


class LastFirst:
    """A reranker that finds the longest text best."""

    def scores(self, question: str, texts: list[str]) -> list[float]:
        return [float(len(text)) for text in texts]


def test_a_reranker_orders_the_best_hits_anew(index_dir: Path) -> None:
    index = KnowledgeIndex.open(index_dir, HashEmbedder(), LastFirst())
    hits = index.search("退款", filters=TODAY, top_k=20)
    lengths = [len(f"{h.chunk.title}\n{h.chunk.heading}\n{h.chunk.text}") for h in hits]
    assert lengths == sorted(lengths, reverse=True)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert index.search_documents([("退款", TODAY)])[0] == list(
        dict.fromkeys(hit.chunk.document_id for hit in hits)
    )


def test_evidence_tells_how_far_the_best_stands_out(index: KnowledgeIndex) -> None:
    hits, evidence = index.retrieve("卡密错误核实订单后5分钟内补发", filters=TODAY, top_k=3)
    assert hits == index.search("卡密错误核实订单后5分钟内补发", filters=TODAY, top_k=3)
    assert 0 < evidence.spread < evidence.cosine <= 1.001 and evidence.bm25 > 0
    assert index.retrieve(" ", filters=TODAY, top_k=3)[1].cosine == 0


def test_copies_of_one_text_hide_no_other(corpus_dir: Path, tmp_path: Path) -> None:
    row = {"question": "卡密错误怎么办", "resolution": "卡密错误已补发。", "status": "resolved"}
    lines = [json.dumps({**row, "id": f"T-{at}"}, ensure_ascii=False) for at in range(2 * CANDIDATES)]
    (corpus_dir / "copies.jsonl").write_text("\n".join(lines), encoding="utf-8")
    build_index(corpus_dir, tmp_path / "index", HashEmbedder())
    index = KnowledgeIndex.open(tmp_path / "index", HashEmbedder())
    hits = index.search("卡密错误怎么办", filters=TODAY, top_k=5)
    assert next(hit.duplicates for hit in hits if hit.chunk.kind == "ticket") == 2 * CANDIDATES - 1
    assert "SOP-KM-01" in {hit.chunk.document_id for hit in hits}


def test_copies_make_nothing_more_certain(corpus_dir: Path, tmp_path: Path) -> None:
    def spread(copies: int) -> float:
        row = {"question": "卡密错误怎么办", "resolution": "卡密错误已补发。", "status": "resolved"}
        lines = [json.dumps({**row, "id": f"T-{at}"}, ensure_ascii=False) for at in range(copies)]
        (corpus_dir / "copies.jsonl").write_text("\n".join(lines), encoding="utf-8")
        build_index(corpus_dir, tmp_path / "index", HashEmbedder())
        index = KnowledgeIndex.open(tmp_path / "index", HashEmbedder())
        return index.retrieve("卡密错误怎么办", filters=TODAY, top_k=1)[1].spread

    assert spread(1) == pytest.approx(spread(20))
