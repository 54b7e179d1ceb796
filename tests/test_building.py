import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kb_assistant.errors import CorpusError, IndexBusy, IndexCorrupt, StorageError
from kb_assistant.index import generations
from kb_assistant.index.building import build_index
from kb_assistant.index.generations import live_generation, writing
from kb_assistant.index.knowledge import KnowledgeIndex
from tests.fakes import HashEmbedder, OtherEmbedder


def test_a_second_build_embeds_nothing_and_publishes_nothing(corpus_dir: Path, tmp_path: Path) -> None:
    embedder = HashEmbedder()
    first = build_index(corpus_dir, tmp_path / "i", embedder)
    second = build_index(corpus_dir, tmp_path / "i", embedder)
    assert (first.published, first.embedded) == (True, first.chunks)
    assert (second.published, second.embedded, second.reused) == (False, 0, first.chunks)
    assert second.generation == first.generation
    assert embedder.embedded == first.chunks


def test_only_changed_chunks_are_embedded(corpus_dir: Path, index_dir: Path) -> None:
    path = corpus_dir / "sop" / "SOP-KM-01.md"
    path.write_text(path.read_text(encoding="utf-8").replace("5分钟", "6分钟"), encoding="utf-8")
    embedder = HashEmbedder()
    report = build_index(corpus_dir, index_dir, embedder)
    assert (report.published, report.embedded, embedder.embedded) == (True, 1, 1)
    found = KnowledgeIndex.open(index_dir, embedder).catalog.document("SOP-KM-01")
    assert "6分钟" in found.text


def test_reused_vectors_equal_embedded_ones(corpus_dir: Path, index_dir: Path, tmp_path: Path) -> None:
    (corpus_dir / "sop" / "SOP-NEW.md").write_text("# 新规则\n加急工单由主管跟进。", encoding="utf-8")
    build_index(corpus_dir, index_dir, HashEmbedder())
    build_index(corpus_dir, tmp_path / "fresh", HashEmbedder())
    vectors = [
        KnowledgeIndex.open(folder, HashEmbedder())._dense.vectors().tolist()
        for folder in (index_dir, tmp_path / "fresh")
    ]
    assert vectors[0] == vectors[1]


def test_a_removed_document_no_longer_answers(corpus_dir: Path, index_dir: Path) -> None:
    (corpus_dir / "tickets.jsonl").unlink()
    build_index(corpus_dir, index_dir, HashEmbedder())
    assert KnowledgeIndex.open(index_dir, HashEmbedder()).catalog.counts_by_kind({"public"}) == {"sop": 3}


def test_metadata_alone_changes_the_index(corpus_dir: Path, index_dir: Path) -> None:
    path = corpus_dir / "sop" / "SOP-KM-01.md"
    path.write_text(path.read_text(encoding="utf-8").replace("卡密组", "综合组", 1), encoding="utf-8")
    report = build_index(corpus_dir, index_dir, HashEmbedder())
    assert (report.published, report.embedded) == (True, 0)


def test_another_model_embeds_everything_anew(corpus_dir: Path, index_dir: Path) -> None:
    report = build_index(corpus_dir, index_dir, OtherEmbedder())
    assert report.embedded == report.chunks


def test_a_superseded_document_ends_the_day_before_its_successor(index_dir: Path) -> None:
    old = KnowledgeIndex.open(index_dir, HashEmbedder()).catalog.document("SOP-ZF-02-V1")
    assert str(old.effective_to) == "2026-02-28"


def test_a_broken_line_is_reported_and_the_rest_published(corpus_dir: Path, tmp_path: Path) -> None:
    with (corpus_dir / "tickets.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "T-3", "question": \n')
    report = build_index(corpus_dir, tmp_path / "i", HashEmbedder())
    assert [(p.path, p.line) for p in report.problems] == [("tickets.jsonl", 3)]
    assert report.documents == 5


def test_two_writers_the_second_refuses(corpus_dir: Path, index_dir: Path) -> None:
    with writing(index_dir), pytest.raises(IndexBusy, match="another `kb index`"):
        build_index(corpus_dir, index_dir, HashEmbedder())


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()])
def test_missing_or_empty_corpus(tmp_path: Path, index_dir: Path, make) -> None:
    live = live_generation(index_dir)
    make(tmp_path / "nothing")
    with pytest.raises(CorpusError, match="nothing"):
        build_index(tmp_path / "nothing", index_dir, HashEmbedder())
    assert live_generation(index_dir) == live


def test_an_index_path_that_is_a_file(corpus_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        build_index(corpus_dir, tmp_path / "file" / "index", HashEmbedder())


FULL_DISK = """
import resource, sys
from pathlib import Path
from kb_assistant.errors import StorageError
from kb_assistant.index.building import build_index
from tests.fakes import HashEmbedder
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    build_index(Path(sys.argv[1]), Path(sys.argv[2]), HashEmbedder())
except StorageError as error:
    print(error)
else:
    print("published")
"""


@pytest.mark.parametrize("room", [0, 1_000, 20_000, 40_000])
def test_no_room_for_a_file_leaves_the_live_generation(corpus_dir: Path, index_dir: Path, room: int) -> None:
    """The catalog, the FAISS file and the arrays each hit the limit first for one of the sizes."""
    live = live_generation(index_dir)
    lines = (
        f'{{"id": "T-{i}", "question": "第{i}个问题", "resolution": "第{i}个答复"}}\n' for i in range(300)
    )
    (corpus_dir / "more.jsonl").write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-c", FULL_DISK, str(corpus_dir), str(index_dir), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    assert "cannot be written" in done.stdout, done.stdout + done.stderr
    assert "the published index is unchanged" in done.stdout
    assert live_generation(index_dir) == live
    KnowledgeIndex.open(index_dir, HashEmbedder()).catalog.close()
    assert build_index(corpus_dir, index_dir, HashEmbedder()).published


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"../../etc", b""])
def test_a_damaged_pointer_is_told_and_healed(corpus_dir: Path, index_dir: Path, damage: bytes) -> None:
    (index_dir / "CURRENT").write_bytes(damage)
    with pytest.raises(IndexCorrupt, match="CURRENT"):
        KnowledgeIndex.open(index_dir, HashEmbedder())
    assert build_index(corpus_dir, index_dir, HashEmbedder()).published


def test_problems_are_those_of_the_last_build(corpus_dir: Path, index_dir: Path) -> None:
    (corpus_dir / "bad.jsonl").write_text("{broken\n", encoding="utf-8")
    listed = build_index(corpus_dir, index_dir, HashEmbedder())
    assert (listed.published, len(listed.problems), listed.embedded) == (True, 1, 0)
    (corpus_dir / "bad.jsonl").unlink()
    build_index(corpus_dir, index_dir, HashEmbedder())
    directory = generations.generation_path(index_dir, live_generation(index_dir))
    assert generations.read_manifest(directory).problems == ()


def test_the_first_successor_ends_a_rule_and_one_without_a_date_is_told(
    corpus_dir: Path, tmp_path: Path
) -> None:
    head = "---\nid: {}\ntitle: t\nsupersedes: SOP-ZF-02-V1\n{}---\n退款规则。"
    (corpus_dir / "v3.md").write_text(head.format("V3", "effective_from: 2026-06-01\n"), encoding="utf-8")
    (corpus_dir / "v4.md").write_text(head.format("V4", ""), encoding="utf-8")
    report = build_index(corpus_dir, tmp_path / "i", HashEmbedder())
    assert [p.path for p in report.problems] == ["v4.md"] and "no effective_from" in str(report.problems[0])
    old = KnowledgeIndex.open(tmp_path / "i", HashEmbedder()).catalog.document("SOP-ZF-02-V1")
    assert str(old.effective_to) == "2026-02-28"


def test_a_damaged_live_generation_is_rebuilt(corpus_dir: Path, index_dir: Path) -> None:
    catalog = generations.generation_path(index_dir, live_generation(index_dir)) / "catalog.sqlite3"
    catalog.write_bytes(catalog.read_bytes()[:100])
    report = build_index(corpus_dir, index_dir, HashEmbedder())
    assert (report.published, report.embedded) == (True, report.chunks)
    KnowledgeIndex.open(index_dir, HashEmbedder())


def test_leftovers_of_a_killed_build_are_swept(corpus_dir: Path, index_dir: Path) -> None:
    leftover = index_dir / "generations" / ".building-x"
    leftover.mkdir()
    (leftover / "dense.faiss").write_bytes(b"half")
    build_index(corpus_dir, index_dir, HashEmbedder())
    assert not leftover.exists()


def test_publication_order(corpus_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are on disk before the manifest, the manifest before the rename, the rename before CURRENT."""
    synced: list[str] = []
    real = generations._fsync

    def record(path: Path) -> None:
        synced.append(path.name)
        real(path)

    monkeypatch.setattr(generations, "_fsync", record)
    build_index(corpus_dir, tmp_path / "i", HashEmbedder())
    manifest = synced.index("manifest.json")
    assert {"catalog.sqlite3", "dense.faiss", "vocab.index.json"} <= set(synced[:manifest])
    assert synced[-3:] == ["generations", ".CURRENT.new", "i"]


def test_the_manifest_names_every_file(index_dir: Path) -> None:
    directory = generations.generation_path(index_dir, live_generation(index_dir))
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    on_disk = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == on_disk - {"manifest.json"}


def test_a_generation_directory_can_be_copied_elsewhere(index_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(index_dir, tmp_path / "copy")
    assert KnowledgeIndex.open(tmp_path / "copy", HashEmbedder()).manifest.chunks > 0
