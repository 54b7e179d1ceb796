from pathlib import Path

import numpy as np
import pytest

from kb_assistant.index.dense import DenseIndex
from kb_assistant.types import Embeddings


@pytest.fixture
def rows() -> Embeddings:
    rows = np.random.default_rng(7).normal(size=(50, 16)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_agrees_with_brute_force(rows: Embeddings) -> None:
    found = DenseIndex.build(rows).search(rows[3], top_k=7)
    assert [row for row, _ in found] == np.argsort(-(rows @ rows[3]))[:7].tolist()
    assert found[0][1] == pytest.approx(1.0, abs=1e-6)


def test_a_mask_limits_the_rows_and_padding_never_leaves(rows: Embeddings) -> None:
    allowed = np.zeros(50, dtype=bool)
    allowed[[4, 40]] = True
    assert {row for row, _ in DenseIndex.build(rows).search(rows[3], top_k=7, allowed=allowed)} == {4, 40}


def test_survives_saving(rows: Embeddings, tmp_path: Path) -> None:
    DenseIndex.build(rows).save(tmp_path / "dense.faiss")
    opened = DenseIndex.open(tmp_path / "dense.faiss")
    assert (len(opened), opened.dim) == (50, 16)
    assert np.array_equal(opened.vectors(), rows)


def test_scores_of_named_rows(rows: Embeddings) -> None:
    assert DenseIndex.build(rows).scores_of(rows[3], [9, 3]) == pytest.approx(
        [rows[9] @ rows[3], 1.0], abs=1e-6
    )
