"""What the corpus itself shows about how people ask: tickets and FAQ rows hold their own words.

An embedder places a colloquial message nearer to other messages than to the rule that settles it.
Moving every question by the mean difference between passages and questions takes the style out and
leaves the subject; corpora without questions of their own are searched as they are.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb_assistant.corpus.tables import question_of
from kb_assistant.types import Chunk, Embedder, Embeddings

_SAMPLE = 200  # questions whose mean is taken: more change it by less than a hundredth
_LEAST = 30  # fewer say more about themselves than about how people ask


@dataclass(frozen=True, slots=True)
class QuestionStyle:
    """The mean vector of the questions that `key` names, and what moves a question to the passages.

    Both of shape (dim,); zeros for a corpus without questions of its own.
    """

    key: str
    mean: NDArray[np.float32]
    shift: NDArray[np.float32]

    @classmethod
    def measure(
        cls, chunks: Sequence[Chunk], vectors: Embeddings, embedder: Embedder, known: "QuestionStyle | None"
    ) -> "QuestionStyle":
        """Measure the style of the questions among `chunks`.

        Args:
            chunks: All chunks of the index.
            vectors: Their vectors, shape (n, dim).
            embedder: Embeds the questions, unless `known` is about the same ones.
            known: What the live generation measured.

        Returns:
            The style; zeros where fewer than 30 rows hold a question.
        """
        questions = _sample(chunks)
        if not questions:
            zeros = np.zeros(embedder.dim, np.float32)
            return cls("", zeros, zeros)
        key = hashlib.sha256("\0".join((embedder.model_id, *questions)).encode()).hexdigest()
        mean = known.mean if known and known.key == key else embedder.embed_queries(questions).mean(axis=0)
        return cls(key, mean, vectors.mean(axis=0) - mean)

    @classmethod
    def open(cls, path: Path) -> "QuestionStyle":
        """Read what `save` wrote; the checksum must have been verified."""
        with np.load(path, allow_pickle=False) as file:
            return cls(str(file["key"]), file["mean"], file["shift"])

    def save(self, path: Path) -> None:
        """Write it; never pickle."""
        np.savez(path, key=np.array(self.key), mean=self.mean, shift=self.shift)


def shifted(vectors: Embeddings, shift: NDArray[np.float32]) -> Embeddings:
    """Return unit vectors of questions, shape (n, dim), moved by `shift`, again of unit length."""
    moved = vectors + shift
    unit: Embeddings = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return unit


def _sample(chunks: Sequence[Chunk]) -> list[str]:
    """Return up to 200 questions of tickets and FAQ rows, chosen by hash; none if there are under 30.

    Chosen so, the sample hardly changes when rows are added, and a build need not embed it again.
    """
    questions = {asked for chunk in chunks if (asked := question_of(chunk.kind, chunk.text))}
    if len(questions) < _LEAST:
        return []
    return sorted(questions, key=lambda text: hashlib.sha256(text.encode()).digest())[:_SAMPLE]
