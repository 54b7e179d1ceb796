"""The golden questions are well-formed, and the test split is the one that was frozen."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from kb_assistant.corpus.loading import load_corpus
from kb_assistant.insight.evaluation import read_golden

GOLDEN = Path(__file__).parent / "golden"
CORPUS = Path(__file__).parent.parent / "corpus"
# Corrections of the test split, each with its reason, are listed in tests/golden/README.md.
TEST_SPLIT_SHA256 = "40c3acdc738088f7310e9697e454c094ba765c4626fe44541a65a23bd057ba9c"
KINDS = {"sop", "ticket", "multi", "dated", "conflict", "unanswerable", "out_of_domain", "small_talk"}
STATUSES = {"answered", "refused", "conflict", "small_talk"}


@pytest.fixture(scope="module")
def documents() -> dict:
    return {document.id: document for document in load_corpus(CORPUS).documents}


def test_the_test_split_is_frozen() -> None:
    digest = hashlib.sha256((GOLDEN / "test.jsonl").read_bytes()).hexdigest()
    assert digest == TEST_SPLIT_SHA256, (
        "the test split may only be corrected with a reason in tests/golden/README.md"
    )


def test_counts() -> None:
    rows = read_golden(GOLDEN)
    test = [row for row in rows if row.split == "test"]
    assert len(rows) >= 300 and len(test) >= 150
    assert sum(row.kind == "unanswerable" for row in test) >= 50
    assert set(Counter(row.kind for row in test)) == KINDS == set(Counter(row.kind for row in rows))
    assert len({row.id for row in rows}) == len(rows) == len({row.text for row in rows})


def test_splits_live_in_their_files() -> None:
    for split in ("dev", "test"):
        assert {row.split for row in read_golden(GOLDEN / f"{split}.jsonl")} == {split}


def test_rows_are_consistent(documents: dict) -> None:
    for row in read_golden(GOLDEN):
        assert row.kind in KINDS and row.status in STATUSES, row
        assert bool(row.relevant) == (row.status in ("answered", "conflict")), row
        assert (row.as_of is not None) == (row.kind == "dated"), row
        missing = [identifier for identifier in row.relevant if identifier not in documents]
        assert not missing, (row.id, missing)


def test_expected_figures_stand_in_a_relevant_document(documents: dict) -> None:
    for row in read_golden(GOLDEN):
        text = "".join("".join(documents[i].text for i in row.relevant).split())
        absent = [figure for figure in row.figures if "".join(figure.split()) not in text]
        assert not absent, (row.id, absent)
