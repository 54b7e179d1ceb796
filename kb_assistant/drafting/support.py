"""Does a clause carry a sentence? By its words, its subject, its negations and states – no model.

A sentence is carried by the clauses it cites when they say most of its words, speak of the same product,
and deny nothing it affirms. Embeddings cannot tell 已售出不支持退款 from 未售出支持退款 (cosine 0.993).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb_assistant.drafting.clauses import Clause, Unit
from kb_assistant.drafting.polarity import contradicts
from kb_assistant.drafting.siblings import Siblings, named_in
from kb_assistant.drafting.wording import Wording, covered

# share of a sentence that its clauses must say; fitted on hand-written replies, see benchmarks/README.md
SUPPORTED_FROM = 0.42
# another cited clause that says so much more of a sentence is the one it should have cited
ELSEWHERE = 0.15
_UNITS = 3  # statements of a clause that a sentence may draw together


@dataclass(frozen=True, slots=True)
class Grounds:
    """What one clause does for one sentence: how much of it the clause says, and which statements do."""

    share: float
    units: tuple[Unit, ...]
    fault: str = ""  # why the clause does not carry the sentence, whatever the share; "" if it may


def grounds(said: Unit, clause: Clause, siblings: Siblings = ()) -> Grounds:
    """Hold a sentence against one clause.

    Args:
        said: Its claims, without markers.
        clause: The clause.
        siblings: Groups of names that exclude each other (点卡, 话费, 视频会员 …).

    Returns:
        The share of the sentence that the statements nearest to it say, and what speaks against it.
    """
    units = nearest_units(said.wording, clause)
    fault = ""
    if contradicts(said, clause.units):
        fault = "negation"
    elif other_sibling(said.text, units, clause, siblings):
        fault = "sibling"
    return Grounds(share_said(said, clause, units), units, fault)


def share_said(said: Unit, clause: Clause, units: Sequence[Unit] | None = None) -> float:
    """Return how much of a sentence the clause says; the statements nearest to it (`units`) count twice."""
    nearest = nearest_units(said.wording, clause) if units is None else units
    close = covered(said.wording, *(unit.wording for unit in nearest), clause.about)
    return 0.5 * close + 0.5 * covered(said.wording, clause.whole, clause.about)


@lru_cache(maxsize=8192)
def nearest_units(said: Wording, clause: Clause) -> tuple[Unit, ...]:
    """Return the statements of `clause` that say most of `said` together, at most three, best first."""
    chosen: list[Unit] = []
    wordings: list[Wording] = []
    reached = 0.0
    for _ in range(_UNITS):
        best, share = None, reached + (0.1 if chosen else -1.0)
        for unit in clause.units:
            if unit in chosen:
                continue
            reach = covered(said, unit.wording, *wordings)
            if reach > share:
                best, share = unit, reach
        if best is None:
            break
        chosen.append(best)
        wordings.append(best.wording)
        reached = share
    return tuple(chosen)


def other_sibling(sentence: str, units: Sequence[Unit], clause: Clause, siblings: Siblings) -> str:
    """Return the name in `sentence` whose clause this is not: 话费 beside a clause on 点卡; "" if none.

    The nearest of statement, heading and title that names any member of the group says whose it is.
    """
    for group in siblings:
        named = named_in(sentence, group)
        if not named:
            continue
        for place in (*[unit.text for unit in units], clause.chunk.heading, clause.chunk.title):
            meant = named_in(place, group)
            if meant:
                if not named & meant:
                    return min(named)
                break
    return ""
