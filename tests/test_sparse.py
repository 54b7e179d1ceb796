import math
from pathlib import Path

import numpy as np
import pytest

from kb_assistant.index.sparse import K1, B, SparseIndex, best_rows
from kb_assistant.index.tokens import tokenize

TEXTS = ["卡密错误怎么办", "话费充值未到账", "卡密卡密过期", "会员续费提醒 DK-50"]


def bm25_by_hand(query: str, texts: list[str]) -> list[float]:
    """Lucene's BM25 written out, as an oracle."""
    documents = [tokenize(text) for text in texts]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        total = 0.0
        for token in tokenize(query):
            df = sum(token in other for other in documents)
            tf = document.count(token)
            idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
            total += idf * tf / (tf + K1 * (1 - B + B * len(document) / mean))
        scores.append(total)
    return scores


def test_agrees_with_the_formula() -> None:
    index = SparseIndex.build(TEXTS)
    for query in ("卡密过期", "充值没到账", "dk-50"):
        assert index.scores(query).tolist() == pytest.approx(bm25_by_hand(query, TEXTS), rel=1e-5)


def test_unknown_tokens_score_nothing() -> None:
    assert SparseIndex.build(TEXTS).scores("天气预报").tolist() == [0.0] * 4


def test_survives_saving_and_is_memory_mapped(tmp_path: Path) -> None:
    built = SparseIndex.build(TEXTS)
    built.save(tmp_path / "sparse")
    opened = SparseIndex.open(tmp_path / "sparse")
    assert opened.scores("卡密").tolist() == built.scores("卡密").tolist()
    assert not list(tmp_path.rglob("*.pkl"))


def test_best_rows_leaves_out_what_does_not_match() -> None:
    assert best_rows(np.array([0, 2, 1, 2], dtype=np.float32), top_k=3) == [1, 3, 2]
    assert best_rows(np.array([0, 2, 1, 2], dtype=np.float32), top_k=1) == [1]


def test_best_rows_keeps_to_the_mask() -> None:
    scores = np.array([3, 2, 1], dtype=np.float32)
    assert best_rows(scores, top_k=3, allowed=np.array([False, True, True])) == [1, 2]


def test_an_error_code_that_no_row_can_mean_is_unknown() -> None:
    index = SparseIndex.build(["错误码E1003：卡密已使用", "E1001-E1012 见附表", "E2001 表头缺失"])
    assert index.unknown_codes("e1003、E-1005、E2001") == ()
    assert index.unknown_codes("报E3015，又报e1013") == ("E3015", "E1013")
    assert index.unknown_codes("ThinkPad T480、vivo X100、A1234账户、G1234次") == ()
