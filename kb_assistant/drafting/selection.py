"""Which statements of the sources answer a message: an estimated probability for each.

How a like case was solved points at the rule that settled it: statements whose words or figures a similar
ticket's resolution repeats are likelier to be the answer than those that merely resemble the inquiry.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb_assistant.drafting.facts import Quantity, find_quantities
from kb_assistant.drafting.siblings import named_in
from kb_assistant.drafting.text import Statement, statements
from kb_assistant.drafting.wording import Wording, covered, wording
from kb_assistant.types import Chunk, Embeddings, Hit

_READ = 8  # hits whose statements compete
_COMPARED = 24  # statements that are embedded, some 3 ms each
_CASES = 4  # solved tickets that are read
_SECTIONS = (
    "时效",
    "时限",
    "规则",
    "例外",
    "前提",
    "多久",
    "限额",
    "费",
    "条件",
    "权益",
    "标准",
    "对照",
    "问答",
)
_EXAMPLES = re.compile(r"示例|举例|算例|案例|质检|培训|名词|修订|适用|常见原因")
_SCRIPT = "话术"
# what a message asks for, and the dimensions that answer it
_ASKED: tuple[tuple[str, re.Pattern[str], frozenset[str]], ...] = (
    (
        "time",
        re.compile(
            r"多久|多长|几天|几个?小时|几分钟|几点|啥时候|什么时候|何时|几时|多会|等到|几号|多少天|最晚|最迟|到期|赶得上|来得及|算晚|过点|几个?月"
        ),
        frozenset(("second", "workday", "month", "clock", "date", "service")),
    ),
    (
        "money",
        re.compile(
            r"多少|几块|手续费|收费|要钱|加钱|扣钱|扣我|几个?点|打折|几折|优惠|赔|补偿|到手|额度|上限|抽|费|几成"
        ),
        frozenset(("yuan", "percent")),
    ),
    (
        "count",
        re.compile(r"几次|几张|几台|几个|几笔|多少张|多少个|最多|上限|几遍|几回|几批|几人|限|多少"),
        frozenset(
            ("张", "次", "单", "台", "行", "笔", "条", "个", "位", "份", "批", "point", "级", "字", "人")
        ),
    ),
)
_ASKS_WHETHER = re.compile(r"能|可以|行不|可不可|行吗|中不|算不|要不要|是不是|吗|不$|不\s")
_SAYS_WHETHER = re.compile(r"可以|能|不可|不支持|不予|不得|无法|须|需|不会|不用")
_LIMIT = re.compile(r"(?:超过|满|已过|过了)$")

FEATURES = (
    "cosine", "case_cosine", "case_words", "asked_words", "rank", "ticket", "faq", "example", "script",
    "time", "money", "count", "whether", "elapsed", "case_figure", "topic", "document", "sibling",
)  # fmt: skip
# logistic regression fitted by benchmarks/fit_selection.py on statements that supervisors chose
WEIGHTS = (
    1.939, 1.224, 3.710, 1.663, 1.239, -4.152, 0.867, -1.343, -0.728, 0.095, 0.709, 0.906, 0.310, 1.031,
    0.102, 0.813, -0.343, -0.270,
)  # fmt: skip
INTERCEPT = -3.389


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement that could be said, with the probability that it answers."""

    statement: Statement
    chunk: Chunk
    probability: float


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A message with its vector, and what embeds statements to compare with it, rows of unit length."""

    text: str
    vector: NDArray[np.float32]
    embed: Callable[[list[str]], Embeddings]
    terms: tuple[str, ...] = ()  # the manual's words for what it says
    siblings: tuple[frozenset[str], ...] = ()

    @property
    def expanded(self) -> str:
        """The message with the manual's words behind it."""
        return "，".join((self.text, *self.terms))


@dataclass(frozen=True, slots=True)
class _Case:
    """How a similar ticket was solved: its words and figures, weighed by how similar it is."""

    words: Wording
    figures: tuple[Quantity, ...]
    weight: float


def candidates(
    inquiry: Inquiry,
    hits: Sequence[Hit],
    document_chunks: Callable[[str], list[Chunk]],
    said: Callable[[Statement, Chunk], Statement | None],
) -> list[Candidate]:
    """Return the statements that may answer, the likeliest first.

    Args:
        inquiry: What is to be answered.
        hits: Evidence, best first; similar tickets among them are read as solved cases.
        document_chunks: All chunks of a document.
        said: How a statement is said to whoever asks; None if it may not be said to them at all.

    Returns:
        At most two dozen, each with its probability.
    """
    pool = [
        (phrased, chunk)
        for chunk in source_chunks(hits, document_chunks)
        for statement in statements(chunk.text)
        for phrased in [said(statement, chunk)]
        if phrased is not None
    ]
    if not pool:
        return []
    table = features(inquiry, hits, pool)
    first = np.argsort(-_log_odds(table), kind="stable")[:_COMPARED]
    add_cosines(table, inquiry, hits, [pool[row] for row in first], first)
    odds = _log_odds(table)
    order = sorted(first, key=lambda row: -odds[row])
    return [
        Candidate(statement, chunk, 1 / (1 + math.exp(-odds[row])))
        for row in order
        for statement, chunk in [pool[row]]
    ]


def source_chunks(hits: Sequence[Hit], document_chunks: Callable[[str], list[Chunk]]) -> list[Chunk]:
    """Return the chunks whose statements compete: the first hits, and the rule sections beside the best.

    The clause a message resembles is often the one beside the clause that answers it.
    """
    chunks = {hit.chunk.id: hit.chunk for hit in hits[:_READ]}
    documents = dict.fromkeys(hit.chunk.document_id for hit in hits if hit.chunk.kind == "sop")
    for document in list(documents)[:2]:
        for chunk in document_chunks(document):
            if any(word in chunk.heading for word in _SECTIONS):
                chunks.setdefault(chunk.id, chunk)
    return list(chunks.values())


def features(
    inquiry: Inquiry, hits: Sequence[Hit], pool: Sequence[tuple[Statement, Chunk]]
) -> NDArray[np.float64]:
    """Return the features of each statement, shape (len(pool), len(FEATURES)), the cosines still 0."""
    context = _Context(inquiry, hits)
    return np.array([context.row(statement, chunk) for statement, chunk in pool])


def add_cosines(
    table: NDArray[np.float64],
    inquiry: Inquiry,
    hits: Sequence[Hit],
    pool: Sequence[tuple[Statement, Chunk]],
    rows: Sequence[int] | NDArray[np.intp],
) -> None:
    """Fill the cosines of `pool` with the message and with how the most similar ticket was solved."""
    solved = [solution(hit.chunk) for hit in hits if hit.chunk.kind == "ticket"][:1]
    vectors = inquiry.embed([*(statement.text for statement, _ in pool), *(text[:300] for text in solved)])
    of_statements = vectors[: len(pool)]
    # cosines of e5 lie within 0.1 of each other: what counts is the distance to the best
    for column, vector in ((0, inquiry.vector), (1, vectors[-1] if solved else None)):
        if vector is not None:
            cosines = of_statements @ vector
            table[rows, column] = 10 * (cosines - np.sort(cosines)[-10:].mean())


def solution(ticket: Chunk) -> str:
    """Return what a ticket says was done, without the question."""
    at = max(ticket.text.find("处理："), ticket.text.find("处理:"))
    return ticket.text[at + 3 :] if at >= 0 else ticket.text


def _cases(hits: Sequence[Hit]) -> list[_Case]:
    best = hits[0].score or 1.0
    tickets = [hit for hit in hits if hit.chunk.kind == "ticket"][:_CASES]
    return [
        _Case(wording(text), tuple(find_quantities(text)), hit.score / best)
        for hit in tickets
        for text in [solution(hit.chunk)]
    ]


class _Context:
    """What the statements of a pool are compared with."""

    def __init__(self, inquiry: Inquiry, hits: Sequence[Hit]) -> None:
        self._inquiry = inquiry
        self._said = wording(inquiry.expanded)
        self._ranks = {hit.chunk.id: hit.rank for hit in reversed(hits)}
        times = [q.high for q in find_quantities(inquiry.text) if q.dimension == "second"]
        self._waited = max(times, default=0.0)
        self._cases = _cases(hits)
        self._topics = _votes(hits, lambda chunk: chunk.topic)
        self._documents = _votes(hits, lambda chunk: chunk.document_id if chunk.kind != "ticket" else None)

    def row(self, statement: Statement, chunk: Chunk) -> list[float]:
        text = self._inquiry.text
        words = wording(statement.text)
        figures = find_quantities(statement.text)
        dimensions = {figure.dimension for figure in figures}
        row = [
            0.0,
            0.0,
            max((case.weight * covered(words, case.words) for case in self._cases), default=0.0),
            covered(self._said, words),
            1 / self._ranks[chunk.id] if chunk.id in self._ranks else 0.0,
            chunk.kind == "ticket",
            chunk.kind == "faq",
            _EXAMPLES.search(chunk.heading) is not None,
            _SCRIPT in chunk.heading,
            *(bool(pattern.search(text) and dimensions & answers) for _, pattern, answers in _ASKED),
            bool(_ASKS_WHETHER.search(text) and _SAYS_WHETHER.search(statement.text)),
            _passed(statement.text, figures, self._waited),
            any(f.same_value(other) for f in figures for case in self._cases for other in case.figures),
            self._topics.get(chunk.topic, 0.0),
            self._documents.get(chunk.document_id, 0.0),
            self._sibling(statement, chunk),
        ]
        return [float(value) for value in row]

    def _sibling(self, statement: Statement, chunk: Chunk) -> float:
        """Return in how many groups the statement is about what the message names, less the other ones."""
        score = 0
        for group in self._inquiry.siblings:
            asked = named_in(self._inquiry.expanded, group)
            places = (statement.text, chunk.heading, chunk.title)
            meant = next((names for place in places if (names := named_in(place, group))), None)
            if asked and meant:
                score += 1 if asked & meant else -1
        return float(score)


def _votes(hits: Sequence[Hit], of: Callable[[Chunk], str | None]) -> dict[str | None, float]:
    """Return the share of the hits, weighed by the cube of their scores, that each value has."""
    votes: dict[str | None, float] = {}
    for hit in hits:
        value = of(hit.chunk)
        if value is not None:
            votes[value] = votes.get(value, 0.0) + max(hit.score, 0.0) ** 3
    total = math.fsum(votes.values()) or 1.0
    return {value: vote / total for value, vote in votes.items()}


def _passed(text: str, figures: Sequence[Quantity], waited: float) -> bool:
    """Tell whether the statement is about a wait longer than a limit that the customer has passed."""
    return any(
        figure.dimension == "second"
        and 0 < figure.low <= waited
        and _LIMIT.search(text[: figure.start].rstrip())
        for figure in figures
    )


def _log_odds(table: NDArray[np.float64]) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = table @ np.array(WEIGHTS) + INTERCEPT
    return odds
