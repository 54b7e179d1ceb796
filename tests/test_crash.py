"""`kill -9` at any moment of a build: the old generation answers, and the next build succeeds."""

import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from kb_assistant.index.building import build_index
from kb_assistant.index.knowledge import KnowledgeIndex
from kb_assistant.types import Filters
from tests.fakes import HashEmbedder

ROUNDS = 10
BUILD = """
import sys
from pathlib import Path
from kb_assistant.index.building import build_index
from tests.fakes import HashEmbedder
print("ready", flush=True)
while True:  # each build changes the corpus, so that each publishes
    corpus = Path(sys.argv[1])
    counter = corpus / "counter.md"
    number = int(counter.read_text(encoding="utf-8").rsplit("第", 1)[1].split("版")[0]) + 1 if counter.exists() else 1
    counter.write_text(f"# 计数\\n这是第{number}版的规则。", encoding="utf-8")
    print(build_index(corpus, Path(sys.argv[2]), HashEmbedder()).generation, flush=True)
"""


def test_ten_kills_leave_a_whole_generation(corpus_dir: Path, tmp_path: Path) -> None:
    index_dir = tmp_path / "index"
    build_index(corpus_dir, index_dir, HashEmbedder())
    rng = random.Random(20_260_301)
    filters = Filters(frozenset({"public"}), date(2026, 11, 21))
    for _ in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(corpus_dir), str(index_dir)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        with process.stdout:
            acknowledged = process.stdout.read().split()
        process.wait()
        index = KnowledgeIndex.open(index_dir, HashEmbedder())  # verifies every checksum
        assert index.search("卡密错误多久补发", filters=filters)[0].chunk.document_id == "SOP-KM-01"
        if acknowledged:  # what was reported as published is live, or the build after it is
            names = [g.name for g in (index_dir / "generations").iterdir()]
            assert acknowledged[-1] in names
            assert "版的规则" in index.catalog.document("counter.md").text
        index.catalog.close()
    report = build_index(corpus_dir, index_dir, HashEmbedder())
    KnowledgeIndex.open(index_dir, HashEmbedder())
    assert not list((index_dir / "generations").glob(".building-*"))
    assert report.chunks > 0
