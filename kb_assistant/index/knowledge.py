"""A generation open for search: message → dense ∪ sparse → fuse → hits."""

import logging
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb_assistant.errors import IndexMismatch, KbError
from kb_assistant.index.catalog import Catalog
from kb_assistant.index.dense import DenseIndex
from kb_assistant.index.fusion import fuse
from kb_assistant.index.generations import (
    Manifest,
    generation_path,
    live_generation,
    read_manifest,
    verify,
)
from kb_assistant.index.sparse import SparseIndex, best_rows
from kb_assistant.types import Embedder, Filters, Hit

log = logging.getLogger(__name__)

# what a rule scores above a ticket of equal relevance: tickets are written in the customers' own
# words and would otherwise hide the SOP they were solved by; chosen on the development split
RULE_BONUS = 0.2
CANDIDATES = 100  # rows each leg hands to fusion; also where the scale of the cosines begins


@dataclass(frozen=True, slots=True)
class Ranking:
    """The fused order of one query: (row, fused score) best first, with both legs' raw scores."""

    query_vector: NDArray[np.float32]
    sparse_scores: NDArray[np.float32]
    rows: list[tuple[int, float]]


class KnowledgeIndex:
    """One generation, verified and open; safe to search from any thread."""

    def __init__(
        self, manifest: Manifest, catalog: Catalog, dense: DenseIndex, sparse: SparseIndex, embedder: Embedder
    ) -> None:
        """Bind the parts of one generation; use `open`."""
        self.manifest = manifest
        self.catalog = catalog
        self._dense = dense
        self._sparse = sparse
        self._embedder = embedder

    @classmethod
    def open(cls, index_dir: Path, embedder: Embedder) -> "KnowledgeIndex":
        """Open the live generation of `index_dir`.

        Args:
            index_dir: Where generations are published.
            embedder: The model that built the index.

        Returns:
            The index, verified and ready.

        Raises:
            IndexNotFound: If nothing is published there.
            IndexCorrupt: If a file differs from the manifest; checked before any file is parsed.
            IndexMismatch: If another format version or another model built it.
        """
        directory = generation_path(index_dir, live_generation(index_dir))
        manifest = read_manifest(directory)
        if (manifest.model_id, manifest.dim) != (embedder.model_id, embedder.dim):
            raise IndexMismatch(
                f"{str(index_dir)!r} was built with {manifest.model_id!r} ({manifest.dim} dims), not "
                f"{embedder.model_id!r} ({embedder.dim}); set KB_EMBEDDER to its own model or rebuild "
                f"with: kb index corpus --index {index_dir}"
            )
        verify(directory, manifest)
        return cls(
            manifest,
            Catalog(directory / "catalog.sqlite3"),
            DenseIndex.open(directory / "dense.faiss"),
            SparseIndex.open(directory / "sparse"),
            embedder,
        )

    def search(self, query: str, *, filters: Filters, top_k: int = 5) -> list[Hit]:
        """Return the chunks that best match `query`, best first.

        Dense and BM25 scores are normalised within the query and combined (`index/fusion.py`), so
        scores order the hits of one query and mean nothing across queries.

        Args:
            query: Natural language; a blank query matches nothing.
            filters: What may be returned.
            top_k: Upper bound on the number of hits, at least 1.

        Returns:
            At most `top_k` hits on distinct chunks, by descending score, ties in corpus order.

        Raises:
            ValueError: If `top_k` is below 1.
        """
        if top_k < 1:
            raise ValueError(f"top_k must be >= 1, got {top_k}")
        if not query.strip():
            return []
        (ranking,) = self.rank([(query, filters)])
        best = ranking.rows[:top_k]
        rows = [row for row, _ in best]
        return [
            Hit(chunk=chunk, rank=rank, score=score, dense=cosine, sparse=float(ranking.sparse_scores[row]))
            for rank, ((row, score), chunk, cosine) in enumerate(
                zip(
                    best,
                    self.catalog.chunks(rows),
                    self._dense.scores_of(ranking.query_vector, rows),
                    strict=True,
                ),
                start=1,
            )
        ]

    def search_documents(self, queries: Sequence[tuple[str, Filters]], *, top_k: int = 10) -> list[list[str]]:
        """Return for each query the ids of the documents of the best chunks, each once, best first."""
        return [
            self.catalog.ids_at(
                list(dict.fromkeys(int(self.catalog.document_of[row]) for row, _ in ranking.rows))[:top_k]
            )
            for ranking in self.rank(queries)
        ]

    def rank(self, queries: Sequence[tuple[str, Filters]]) -> list[Ranking]:
        """Return the fused ranking of the best rows of each leg, for each query; embedded together."""
        vectors = self._embedder.embed_queries([query for query, _ in queries])
        return [
            self._rank_one(query, vector, self.catalog.allowed(filters))
            for (query, filters), vector in zip(queries, vectors, strict=True)
        ]

    def _rank_one(
        self, query: str, vector: NDArray[np.float32], allowed: NDArray[np.bool_] | None
    ) -> Ranking:
        sparse_scores = self._sparse.scores(query)
        dense = self._dense.search(vector, top_k=CANDIDATES, allowed=allowed)
        sparse_rows = best_rows(sparse_scores, top_k=CANDIDATES, allowed=allowed)
        sparse = [(row, float(sparse_scores[row])) for row in sparse_rows]
        fused = [
            (row, score + RULE_BONUS * (not self.catalog.is_ticket[row]))
            for row, score in fuse(dense, sparse)
        ]
        return Ranking(vector, sparse_scores, sorted(fused, key=lambda item: (-item[1], item[0])))


class LiveIndex:
    """Always the live generation of a folder: a publication is picked up without a restart."""

    def __init__(self, index_dir: Path, embedder: Embedder) -> None:
        """Remember where to look; the first `current()` opens the index."""
        self._index_dir = index_dir
        self._embedder = embedder
        self._lock = threading.Lock()
        self._open: KnowledgeIndex | None = None
        self._refused: str | None = None  # a generation that would not open, reported once

    def current(self) -> KnowledgeIndex:
        """Return the live generation, opening it if CURRENT has moved since the last call.

        While one thread opens a new generation the others keep the old one. A generation that
        cannot be opened is logged and the one in memory goes on serving; only when none is open
        yet does `KnowledgeIndex.open`'s error reach the caller.
        """
        held = self._open
        if held is None:
            with self._lock:
                if self._open is None:
                    self._open = KnowledgeIndex.open(self._index_dir, self._embedder)
                return self._open
        moved_to = self._moved_to(held)
        if moved_to is not None and self._lock.acquire(blocking=False):
            try:
                self._open = KnowledgeIndex.open(self._index_dir, self._embedder)
            except (KbError, OSError, sqlite3.Error, RuntimeError) as error:
                log.error("generation %s goes on serving: %s", held.manifest.generation, error)
                self._refused = moved_to
            finally:
                self._lock.release()
        return self._open or held

    def close(self) -> None:
        """Release the files of the open generation."""
        if self._open is not None:
            self._open.catalog.close()
            self._open = None

    def _moved_to(self, held: KnowledgeIndex) -> str | None:
        try:
            name = live_generation(self._index_dir)
        except KbError:  # the folder went away; what is in memory still answers
            return None
        return None if name in (held.manifest.generation, self._refused) else name
