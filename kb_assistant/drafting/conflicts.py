"""Two rules in force that give different figures for one thing: show both, promise neither.

A ticket that differs from a rule is no second rule: the rule stands, and the contradiction is told.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb_assistant.drafting.clauses import Clause, PlacedFigure, Unit
from kb_assistant.drafting.support import other_sibling
from kb_assistant.drafting.wording import Wording, covered, without
from kb_assistant.types import DraftWarning

# share of what stands around one figure that the other says, in the better and in the other direction
_SAME_THING = 0.9
_AND_BACK = 0.5
_WORDS = 3  # characters around a figure without which nothing tells what it measures
# 付款后, 受理之日起: from when a time runs, not what for
_ANCHORS = frozenset("付款支购买下单发货后前内时起自受理申请成功到账充值期日")
_ILLUSTRATES = re.compile(r"话术|示例|举例|算例|案例")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two statements of different documents with different figures for the same thing."""

    one: Clause
    said: Unit
    other: Clause
    but: Unit
    figures: tuple[str, str]


def conflicts(
    chosen: Sequence[tuple[Clause, Unit]], clauses: Sequence[Clause], siblings: Sequence[frozenset[str]] = ()
) -> Iterator[Conflict]:
    """Yield what in `clauses` contradicts the figures of the chosen statements.

    Args:
        chosen: Statements of a reply with their clauses.
        clauses: Everything that was found for the question and is in force.
        siblings: Groups of names that exclude each other; statements on different ones do not conflict.

    Yields:
        Conflict: Each pair once, in the order of `chosen`.
    """
    seen: set[frozenset[tuple[str, str]]] = set()
    for clause, unit in chosen:
        for other in clauses:
            if other.chunk.document_id == clause.chunk.document_id or _ILLUSTRATES.search(
                other.chunk.heading
            ):
                continue
            for against in other.units:
                practice = "ticket" in (clause.chunk.kind, other.chunk.kind)
                pair = _differ(unit, against, limits_only=practice)
                both = frozenset({(clause.chunk.id, unit.quote), (other.chunk.id, against.quote)})
                if pair and both not in seen and not other_sibling(unit.text, [against], other, siblings):
                    seen.add(both)
                    yield Conflict(clause, unit, other, against, pair)


def warning_of(conflict: Conflict) -> DraftWarning:
    """Return what the agent is told: two rules that differ, or practice that differs from the rule."""
    (one, other), ours, theirs = conflict.figures, conflict.one.chunk, conflict.other.chunk
    if "ticket" in (ours.kind, theirs.kind):
        if ours.kind == "ticket":
            ours, theirs, one, other = theirs, ours, other, one
        return DraftWarning(
            "contradicts_sop",
            f"工单《{theirs.title}》按 {other} 处理，《{ours.title}》写的是 {one}",
            suggestion="以规定为准，并请知识管理员看看这张工单",
        )
    return DraftWarning(
        "conflict",
        f"《{ours.title}》写 {one}，《{theirs.title}》写 {other}",
        suggestion="请负责人确认以哪一条为准，确认前不要承诺",
    )


def _differ(unit: Unit, against: Unit, *, limits_only: bool) -> tuple[str, str] | None:
    for figure in unit.figures:
        if limits_only and not figure.quantity.bound:  # a ticket's own amounts and dates rule nothing
            continue
        same = [f for f in against.figures if f.quantity.dimension == figure.quantity.dimension]
        if any(f.quantity.same_value(figure.quantity) for f in same):
            continue
        for rival in same:
            if figure.quantity.bound == rival.quantity.bound and _one_thing(figure, rival):
                return figure.quantity.text, rival.quantity.text
    return None


def _one_thing(one: PlacedFigure, other: PlacedFigure) -> bool:
    return _alike(one.near, other.near) and one.quantity.dimension != "code"


def _alike(one: Wording, other: Wording) -> bool:
    one, other = without(one, _ANCHORS), without(other, _ANCHORS)
    if min(len(one), len(other)) < _WORDS:
        return False
    there, back = covered(one, other), covered(other, one)
    return max(there, back) >= _SAME_THING and min(there, back) >= _AND_BACK
