"""How people ask, measured on the corpus's own questions."""

from pathlib import Path

import numpy as np
import pytest

from kb_assistant.index.questions import QuestionStyle, shifted
from kb_assistant.types import Chunk, Embeddings, Kind, Source
from tests.fakes import HashEmbedder


def chunk(number: int, kind: Kind = "ticket") -> Chunk:
    asks, answers = ("问题：", "处理：") if kind == "ticket" else ("问：", "答：")
    text = f"{asks}第{number}个客户问卡没到\n{answers}已核实并补发"
    return Chunk(f"c{number}", f"d{number}", kind, "", "", text, Source("p", None, 0, 1))


class Counting(HashEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def embed_queries(self, texts: list[str]) -> Embeddings:
        self.asked += len(texts)
        return super().embed_queries(texts)


def test_questions_move_to_where_the_passages_are() -> None:
    chunks, embedder = [chunk(n) for n in range(40)], HashEmbedder()
    vectors = embedder.embed_passages([c.text for c in chunks])
    style = QuestionStyle.measure(chunks, vectors, embedder, None)
    asked = embedder.embed_queries([f"第{n}个客户问卡没到" for n in range(40)])
    moved = shifted(asked, style.shift)
    assert np.linalg.norm(moved, axis=1) == pytest.approx(1)
    assert (moved @ vectors.mean(axis=0)).mean() > (asked @ vectors.mean(axis=0)).mean()


@pytest.mark.parametrize("kind", ["sop", "document"])
def test_a_corpus_without_questions_is_searched_as_it_is(kind: Kind) -> None:
    chunks = [chunk(n, kind) for n in range(40)]
    style = QuestionStyle.measure(chunks, np.ones((40, 64), np.float32), HashEmbedder(), None)
    assert not style.shift.any()


def test_few_questions_say_nothing() -> None:
    chunks = [chunk(n, "faq") for n in range(29)]
    style = QuestionStyle.measure(chunks, np.ones((29, 64), np.float32), HashEmbedder(), None)
    assert not style.shift.any()


def test_the_same_questions_are_embedded_once(tmp_path: Path) -> None:
    chunks, embedder = [chunk(n) for n in range(500)], Counting()
    vectors = np.ones((500, 64), np.float32)
    first = QuestionStyle.measure(chunks, vectors, embedder, None)
    assert embedder.asked == 200
    first.save(tmp_path / "questions.npz")
    again = QuestionStyle.measure(
        chunks, 2 * vectors, embedder, QuestionStyle.open(tmp_path / "questions.npz")
    )
    assert embedder.asked == 200 and again.key == first.key
    np.testing.assert_allclose(again.shift, 2 * vectors.mean(axis=0) - first.mean, atol=1e-6)
