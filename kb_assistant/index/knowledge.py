"""A generation open for search: message → dense ∪ sparse → fuse → hits."""

import logging
import math
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb_assistant.corpus.lexicon import find_aliases
from kb_assistant.errors import IndexMismatch, KbError
from kb_assistant.index.building import indexed_text
from kb_assistant.index.catalog import Catalog
from kb_assistant.index.dense import DenseIndex
from kb_assistant.index.fusion import fuse
from kb_assistant.index.generations import (
    Manifest,
    generation_path,
    live_generation,
    read_lexicon,
    read_manifest,
    verify,
)
from kb_assistant.index.questions import QuestionStyle, shifted
from kb_assistant.index.reranking import RERANKED, Reranker
from kb_assistant.index.sparse import SparseIndex, best_rows
from kb_assistant.types import Embedder, Evidence, Filters, Hit, Lexicon

log = logging.getLogger(__name__)

# what a rule scores above a ticket of equal relevance: tickets are written in the customers' own
# words and would otherwise hide the SOP they were solved by; chosen on the development split
RULE_BONUS = 0.2
CANDIDATES = 100  # different texts each leg hands to fusion; also where the scale of the cosines begins
MOST_COPIES = 1_000  # rows a leg looks at beyond those, so that copies of one text hide no other
KEPT_COPIES = 3  # of one text in a leg; each is a document of its own, and one is enough to show


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order of one query: (row, score) best first, with both legs' raw scores."""

    query_vector: NDArray[np.float32]
    sparse_scores: NDArray[np.float32]
    allowed: NDArray[np.bool_] | None
    rows: list[tuple[int, float]]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Parts:
    """The opened files of one generation; `shift` moves questions, shape (dim,)."""

    manifest: Manifest
    catalog: Catalog
    dense: DenseIndex
    sparse: SparseIndex
    lexicon: Lexicon
    shift: NDArray[np.float32]


class KnowledgeIndex:
    """One generation, verified and open; safe to search from any thread."""

    def __init__(self, parts: Parts, embedder: Embedder, reranker: Reranker | None) -> None:
        """Bind the parts of one generation; use `open`."""
        self.manifest = parts.manifest
        self.catalog = parts.catalog
        self.lexicon = parts.lexicon
        self._dense = parts.dense
        self._sparse = parts.sparse
        self._shift = parts.shift
        copies = len(parts.catalog) - len(np.unique(parts.catalog.same_as))
        self._reach = CANDIDATES + min(copies, MOST_COPIES)
        self._embedder = embedder
        self._reranker = reranker

    @classmethod
    def open(cls, index_dir: Path, embedder: Embedder, reranker: Reranker | None = None) -> "KnowledgeIndex":
        """Open the live generation of `index_dir`.

        Args:
            index_dir: Where generations are published.
            embedder: The model that built the index.
            reranker: Orders the best hits anew; None leaves the fused order.

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
        parts = Parts(
            manifest,
            Catalog(directory / "catalog.sqlite3"),
            DenseIndex.open(directory / "dense.faiss"),
            SparseIndex.open(directory / "sparse"),
            read_lexicon(directory / "lexicon.json"),
            QuestionStyle.open(directory / "questions.npz").shift,
        )
        return cls(parts, embedder, reranker)

    def search(self, query: str, *, filters: Filters, top_k: int = 5) -> list[Hit]:
        """Return the chunks that best match `query`, best first; see `search_many`."""
        return self.search_many([(query, filters)], top_k=top_k)[0]

    def retrieve(self, query: str, *, filters: Filters, top_k: int) -> tuple[list[Hit], Evidence]:
        """Return what `search` returns, and how far the best of it stands out."""
        (ranking,) = self.rank([(query, filters)])
        return self._hits(ranking, top_k), ranking.evidence

    def search_many(self, queries: Sequence[tuple[str, Filters]], *, top_k: int = 5) -> list[list[Hit]]:
        """Return for each query the chunks that best match it, best first.

        Dense and BM25 scores are normalised within the query and combined (`index/fusion.py`), so
        scores order the hits of one query and mean nothing across queries. Chunks that say the same
        thing appear once, with the number of the others.

        Args:
            queries: Natural language, and what may be returned; a blank query matches nothing.
            top_k: Upper bound on the number of hits of a query, at least 1.

        Returns:
            At most `top_k` hits on distinct chunks, by descending score, ties in corpus order.

        Raises:
            ValueError: If `top_k` is below 1.
        """
        if top_k < 1:
            raise ValueError(f"top_k must be >= 1, got {top_k}")
        return [self._hits(ranking, top_k) for ranking in self.rank(queries)]

    def search_documents(self, queries: Sequence[tuple[str, Filters]], *, top_k: int = 10) -> list[list[str]]:
        """Return for each query the ids of the documents of the best chunks, each once, best first."""
        return [
            self.catalog.ids_at(
                list(dict.fromkeys(int(self.catalog.document_of[row]) for row, _ in ranking.rows))[:top_k]
            )
            for ranking in self.rank(queries)
        ]

    def rank(self, queries: Sequence[tuple[str, Filters]]) -> Iterator[Ranking]:
        """Yield the ranking of the best rows of each leg, for each query; embedded together."""
        said = [self._in_our_terms(query) for query, _ in queries]
        vectors = shifted(self._embedder.embed_queries(said), self._shift)
        masks = {filters: self.catalog.allowed(filters) for _, filters in queries}
        for text, vector, (_, filters) in zip(said, vectors, queries, strict=True):
            yield self._rank_one(text, vector, masks[filters])

    def _in_our_terms(self, query: str) -> str:
        """Return the query followed by the manual's terms for the aliases in it."""
        terms = dict.fromkeys(use.term for use in find_aliases(self.lexicon, query))
        return " ".join((query, *terms))

    def _rank_one(
        self, query: str, vector: NDArray[np.float32], allowed: NDArray[np.bool_] | None
    ) -> Ranking:
        sparse_scores = self._sparse.scores(query)
        if not query.strip():
            return Ranking(vector, sparse_scores, allowed, [], Evidence(0.0, 0.0, 0.0))
        dense = self._candidates(self._dense.search(vector, top_k=self._reach, allowed=allowed))
        sparse_rows = best_rows(sparse_scores, top_k=self._reach, allowed=allowed)
        sparse = self._candidates([(row, float(sparse_scores[row])) for row in sparse_rows])
        scored = fuse(dense, sparse)
        tickets = self.catalog.is_ticket[[row for row, _ in scored]].tolist()
        fused = [
            (row, score + RULE_BONUS * (not is_ticket))
            for (row, score), is_ticket in zip(scored, tickets, strict=True)
        ]
        rows = sorted(fused, key=lambda item: (-item[1], item[0]))
        texts = self.catalog.same_as[[row for row, _ in dense]].tolist()
        different = dict(zip(reversed(texts), (cosine for _, cosine in reversed(dense)), strict=True))
        cosines = sorted(different.values(), reverse=True)
        evidence = Evidence(
            cosine=cosines[0] if cosines else 0.0,
            spread=cosines[0] - math.fsum(cosines) / len(cosines) if cosines else 0.0,
            bm25=sparse[0][1] if sparse else 0.0,
            unknown_codes=self._sparse.unknown_codes(query),
        )
        return Ranking(vector, sparse_scores, allowed, self._reranked(query, rows), evidence)

    def _candidates(self, leg: list[tuple[int, float]]) -> list[tuple[int, float]]:
        """Return the rows of a leg down to its last candidate; rows that say the same count once."""
        if self._reach == CANDIDATES:
            return leg
        seen: dict[int, int] = {}
        rows = []
        for text, item in zip(self.catalog.same_as[[row for row, _ in leg]].tolist(), leg, strict=True):
            copies = seen[text] = seen.get(text, 0) + 1
            if len(seen) > CANDIDATES:
                break
            if copies <= KEPT_COPIES:
                rows.append(item)
        return rows

    def _reranked(self, query: str, rows: list[tuple[int, float]]) -> list[tuple[int, float]]:
        """Return `rows` with the first ones in the reranker's order, if there is a reranker.

        The scores stay in place, so that they still say how far the evidence falls off.
        """
        if self._reranker is None or not rows:
            return rows
        first = rows[:RERANKED]
        texts = [indexed_text(chunk) for chunk in self.catalog.chunks([row for row, _ in first])]
        judged = self._reranker.scores(query, texts)
        order = sorted(range(len(first)), key=lambda at: (-judged[at], at))
        moved = [(first[at][0], score) for at, (_, score) in zip(order, first, strict=True)]
        return moved + rows[RERANKED:]

    def _hits(self, ranking: Ranking, top_k: int) -> list[Hit]:
        first: dict[int, tuple[int, float]] = {}  # what is said → the best row that says it
        for row, score in ranking.rows:
            first.setdefault(int(self.catalog.same_as[row]), (row, score))
            if len(first) == top_k:
                break
        rows = [row for row, _ in first.values()]
        return [
            Hit(
                chunk=chunk,
                rank=rank,
                score=score,
                dense=cosine,
                sparse=float(ranking.sparse_scores[row]),
                duplicates=self.catalog.count_same(said, ranking.allowed) - 1,
            )
            for rank, ((said, (row, score)), chunk, cosine) in enumerate(
                zip(
                    first.items(),
                    self.catalog.chunks(rows),
                    self._dense.scores_of(ranking.query_vector, rows),
                    strict=True,
                ),
                start=1,
            )
        ]


class LiveIndex:
    """Always the live generation of a folder: a publication is picked up without a restart."""

    def __init__(self, index_dir: Path, embedder: Embedder, reranker: Reranker | None = None) -> None:
        """Remember where to look; the first `current()` opens the index."""
        self._index_dir = index_dir
        self._models = (embedder, reranker)
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
                    self._open = KnowledgeIndex.open(self._index_dir, *self._models)
                return self._open
        moved_to = self._moved_to(held)
        if moved_to is not None and self._lock.acquire(blocking=False):
            try:
                self._open = KnowledgeIndex.open(self._index_dir, *self._models)
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
