"""`kb eval`: the production pipeline measured on BEIR sets and on golden questions."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from kb_assistant.corpus.text import json_lines
from kb_assistant.drafting.facts import find_quantities
from kb_assistant.errors import InvalidInput
from kb_assistant.insight.metrics import hit, interval, ndcg, recall, reciprocal_rank
from kb_assistant.types import Draft, DraftStatus

KINDS = frozenset(
    ("sop", "ticket", "multi", "dated", "conflict", "unanswerable", "out_of_domain", "small_talk")
)
RankDocuments = Callable[[Sequence[tuple[str, date | None]]], list[list[str]]]
"""Questions with their dates → for each the ids of the ten best documents, each once, best first."""
MakeDraft = Callable[[str, date | None], Draft]


@dataclass(frozen=True, slots=True)
class Score:
    """A mean over `n` questions with its 95 % bootstrap interval; NaN when n is 0."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one question scored: metric → value 0 to 1, and the documents that came back for it."""

    id: str
    text: str
    values: Mapping[str, float]
    ranked: tuple[str, ...]
    relevant: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoldenRow:
    """One golden question; the fields are explained in tests/golden/README.md."""

    id: str
    text: str
    kind: str
    split: str
    as_of: date | None
    relevant: tuple[str, ...]
    figures: tuple[str, ...]
    topic: str | None
    skill_group: str | None
    grade: str | None
    status: str


def score(values: Sequence[float]) -> Score:
    """Return mean and interval of `values`."""
    low, high = interval(values)
    return Score(sum(values) / len(values) if values else math.nan, low, high, len(values))


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSONL file; raises InvalidInput naming the line that is not one."""
    rows = []
    for number, line in json_lines(_read(path)):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{path}:{number}: not a JSON object: {error}") from error
        if not isinstance(row, dict):
            raise InvalidInput(f"{path}:{number}: expected a JSON object, got {type(row).__name__}")
        rows.append(row)
    return rows


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Return query id → document id → grade from a BEIR qrels file (tab-separated, with a header)."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in islice(json_lines(_read(path)), 1, None):
        fields = line.split("\t")
        if len(fields) != 3 or not fields[2].strip().lstrip("-").isdigit():
            raise InvalidInput(f"{path}:{number}: expected query-id, corpus-id and score, got {line!r}")
        judged.setdefault(fields[0], {})[fields[1]] = int(fields[2])
    return judged


def scores(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """Return each metric over the questions that have it, in the order metrics first appear."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.values)
    return {
        name: score([outcome.values[name] for outcome in outcomes if name in outcome.values])
        for name in names
    }


def evaluate_beir(
    queries: Iterable[dict[str, Any]], judged: dict[str, dict[str, int]], rank: RankDocuments
) -> list[Outcome]:
    """Return nDCG@10, recall@5, MRR@10 and hit@1 of every query that has a judgment."""
    wanted = []
    for query in queries:
        if "_id" not in query or not isinstance(query.get("text"), str):
            raise InvalidInput(f"a query needs _id and text, got {sorted(query)}")
        if judged.get(str(query["_id"])):
            wanted.append((str(query["_id"]), query["text"]))
    if not wanted:
        raise InvalidInput("no query has a judgment; --qrels must belong to --queries")
    asked = [text for _, text in wanted if text.strip()]  # public sets hold blank ones
    found = iter(rank([(text, None) for text in asked]))
    return [
        _outcome(identifier, text, judged[identifier], next(found) if text.strip() else [])
        for identifier, text in wanted
    ]


def _outcome(identifier: str, text: str, relevant: Mapping[str, int], ranked: Sequence[str]) -> Outcome:
    return Outcome(
        id=identifier,
        text=text,
        values={
            "ndcg@10": ndcg(ranked, relevant),
            "recall@5": recall(ranked, relevant),
            "mrr@10": reciprocal_rank(ranked, relevant),
            "hit@1": hit(ranked, relevant),
        },
        ranked=tuple(ranked),
        relevant=tuple(document for document, grade in relevant.items() if grade > 0),
    )


def read_golden(path: Path, *, split: str | None = None) -> list[GoldenRow]:
    """Return golden rows of a file, or of every .jsonl file of a folder, of one split or of all."""
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    rows = [_golden_row(row, file) for file in files for row in read_jsonl(file)]
    chosen = [row for row in rows if split is None or row.split == split]
    if not chosen:
        raise InvalidInput(f"no golden rows of split {split or 'any'!r} in {str(path)!r}")
    return chosen


def evaluate_golden(rows: Sequence[GoldenRow], rank: RankDocuments, draft: MakeDraft) -> list[Outcome]:
    """Measure retrieval, refusal, figures and triage on golden questions.

    Args:
        rows: The questions.
        rank: The ranking that search uses.
        draft: The draft that agents would get; called once a row.

    Returns:
        An outcome a row. Retrieval metrics where documents are relevant; `answered` on answerable
        rows; `refused` on unanswerable and out-of-domain rows; `small_talk`; `figures`: share of the
        expected figures that an answer carries; `topic`, `skill_group` and `grade` where given.
    """
    ranked = rank([(row.text, row.as_of) for row in rows])
    outcomes = []
    for row, documents in zip(rows, ranked, strict=True):
        found = _outcome(row.id, row.text, dict.fromkeys(row.relevant, 1), documents)
        values = {**(found.values if row.relevant else {}), **_judge(row, draft(row.text, row.as_of))}
        outcomes.append(replace(found, values=values))
    return outcomes


def _judge(row: GoldenRow, made: Draft) -> dict[str, float]:
    """Return what the draft of a golden row scores."""
    values: dict[str, float] = {}
    if row.status in ("answered", "conflict"):
        values["answered"] = float(made.status in ("answered", "conflict"))
        if row.figures and made.status == "answered":
            values["figures"] = _figures_found(row.figures, made.text)
        if row.topic:
            values["topic"] = float(made.topic == row.topic)
        if row.skill_group:
            values["skill_group"] = float(made.skill_group == row.skill_group)
    else:  # "refused" or "small_talk"
        values[row.status] = float(made.status == row.status)
    if row.grade:
        values["grade"] = float(made.grade == row.grade)
    return values


def _figures_found(expected: Sequence[str], text: str) -> float:
    said = find_quantities(text)
    found = 0
    for figure in expected:
        wanted = find_quantities(figure)
        found += figure in text or bool(wanted and all(any(q.same_value(w) for q in said) for w in wanted))
    return found / len(expected)


def _golden_row(row: dict[str, Any], path: Path) -> GoldenRow:
    try:
        if row["kind"] not in KINDS or row["status"] not in get_args(DraftStatus):
            raise ValueError(f"kind {row['kind']!r} with status {row['status']!r}")
        if not all(
            isinstance(text, str) for text in (row["text"], *row["relevant"], *row.get("figures", ()))
        ):
            raise TypeError("text, relevant and figures must be strings")
        return GoldenRow(
            id=row["_id"],
            text=row["text"],
            kind=row["kind"],
            split=row["split"],
            as_of=date.fromisoformat(row["as_of"]) if row.get("as_of") else None,
            relevant=tuple(row["relevant"]),
            figures=tuple(row.get("figures", ())),
            topic=row.get("topic"),
            skill_group=row.get("skill_group"),
            grade=row.get("grade"),
            status=row["status"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidInput(f"{path}: golden row {row.get('_id')!r}: {error!r}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{str(path)!r} cannot be read: {error}") from error
