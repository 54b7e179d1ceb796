"""Which clauses carry each sentence of a reply: its claims against the statements of what it cites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kb_assistant.drafting.claims import claims
from kb_assistant.drafting.clauses import Clause, Unit, read_clause, read_unit
from kb_assistant.drafting.facts import find_quantities
from kb_assistant.drafting.figures import judge_figures
from kb_assistant.drafting.siblings import Siblings
from kb_assistant.drafting.support import (
    ELSEWHERE,
    SUPPORTED_FROM,
    Grounds,
    grounds,
    other_sibling,
    share_said,
)
from kb_assistant.drafting.text import Span, markers_in, without_markers
from kb_assistant.drafting.wording import covered
from kb_assistant.types import Chunk, Figure, Source, Support

_REQUEST_CITES_FROM = 0.9  # share of a mere request that a source must say, where the text cites nothing
_PART, _PART_SAID_FROM = 4, 0.7  # characters of a piece, and the share of it that makes a clause its source
_LEADS_FROM = 0.5  # share of what leads up to a marker that its clauses must say
_FIGURE_ADDS = 0.1  # where the statement nearest to a sentence has a figure of it
_CONTRIBUTES_FROM = 0.25  # share that each of several clauses of one sentence must say of it


@dataclass(frozen=True, slots=True)
class Entry:
    """A sentence of the ledger with what was found behind it."""

    span: Span
    numbers: tuple[int, ...]  # the clauses it cites
    support: Support
    figures: tuple[Figure, ...] = ()
    failing: frozenset[int] = frozenset()  # citations that do not carry it
    denied: frozenset[int] = frozenset()  # citations that say otherwise, or speak of another product
    backing: Mapping[int, tuple[Unit, ...]] = field(default_factory=dict)  # the statements that carry it

    @property
    def statements(self) -> list[Unit]:
        """The statements that carry it, of all its clauses."""
        return [unit for units in self.backing.values() for unit in units]


def cited_numbers(spans: Sequence[Span]) -> list[tuple[int, ...]]:
    """Return the markers of each sentence; what ends in a semicolon shares those of what it leads to."""
    numbers: list[tuple[int, ...]] = []
    following: tuple[int, ...] = ()
    for span in reversed(spans):
        own = markers_in(span.text)
        following = own or (following if _goes_on(without_markers(span.text)) else ())
        numbers.append(following)
    return numbers[::-1]


def _goes_on(sentence: str) -> bool:
    return sentence.rstrip("”’」』）)\"' ").endswith(("；", ";"))


def nearest_source(sentence: str, sources: Sequence[Chunk], siblings: Siblings) -> Chunk | None:
    """Return the source that says most of a sentence without markers, None where none says enough.

    Among equals the one that does not deny it, rules before tickets, then the one with its figures.
    """
    claimed = claims(sentence)
    enough = SUPPORTED_FROM if claimed else _REQUEST_CITES_FROM
    claimed = claimed or sentence
    figures = find_quantities(sentence)
    best, best_fit = None, (enough, False, False, -1)
    for chunk in sources:
        found = grounds(read_unit(claimed), read_clause(chunk), siblings)
        if round(found.share, 2) < best_fit[0]:
            continue
        there = find_quantities(chunk.text)
        carried = sum(any(q.same_value(figure) for q in there) for figure in figures)
        fit = (round(found.share, 2), not found.fault, chunk.kind != "ticket", carried)
        if best is None or fit > best_fit:
            best, best_fit = chunk, fit
    return best


def judge_sentence(
    span: Span,
    numbers: tuple[int, ...],
    clauses: Mapping[int, Clause],
    *,
    siblings: Siblings = (),
    agent_facts: str = "",
    question: str = "",
) -> Entry:
    """Judge one sentence and its figures against the clauses it cites.

    Args:
        span: The sentence with its markers, placed in its text.
        numbers: The clauses it cites.
        clauses: All clauses of the reply, by number.
        siblings: Groups of names that exclude each other, of which a clause is about one.
        agent_facts: What the agent knows of the case; a claim may rest on it.
        question: The customer's message; figures may be the customer's own.

    Returns:
        Its entry: no sentence with a figure that does not stand is supported.
    """
    entry = _judge_words(span, numbers, clauses, agent_facts, siblings)
    figures = tuple(judge_figures(span, numbers, clauses, siblings=siblings, stated=(agent_facts, question)))
    wrong = [figure for figure in figures if figure.verdict != "supported"]
    if not wrong or entry.support == "none":
        return replace(entry, figures=figures)
    denied = {figure.citation for figure in wrong if figure.citation is not None}
    return replace(
        entry,
        figures=figures,
        support="unsupported",
        failing=entry.failing | set(entry.backing),
        denied=entry.denied | denied,
    )


def _judge_words(
    span: Span,
    numbers: tuple[int, ...],
    clauses: Mapping[int, Clause],
    agent_facts: str,
    siblings: Siblings,
) -> Entry:
    plain = without_markers(span.text)
    shared = not markers_in(span.text) and _goes_on(plain)  # courtesy before a semicolon cites nothing
    own = [n for n in numbers if n in clauses]
    claimed = plain if numbers and not shared else claims(plain) or _said_by_any(plain, own, clauses)
    if not claimed or not own:
        support: Support = "unsupported" if claimed or numbers else "none"
        if claimed and agent_facts and _stated_by(agent_facts, claimed):
            support = "agent"
        elif not claimed and not set(numbers) - set(own):
            support = "none"
        return Entry(span, numbers, support)
    said = read_unit(claimed)
    found = {n: grounds(said, clauses[n], siblings) for n in own}
    elsewhere = max((share_said(said, clause) for n, clause in clauses.items() if n not in own), default=0.0)
    # one that carries the sentence without fault outweighs what another seems to say against it
    clean = max((found[n].share for n in own if not found[n].fault), default=0.0)
    denied = frozenset(
        n for n in own if found[n].fault and (clean < SUPPORTED_FROM or found[n].share > clean)
    )
    enough = max(found[n].share for n in own) + ELSEWHERE >= elsewhere
    carrying = [
        n for n in own if n not in denied and enough and _carries(said, clauses[n], found[n], len(own) == 1)
    ]
    reach = max((_reach(said, found[n]) for n in carrying), default=0.0)
    if reach < SUPPORTED_FROM or len(own) < len(numbers):
        return Entry(span, numbers, "unsupported", failing=frozenset(own), denied=denied)
    best = max(carrying, key=lambda n: found[n].share)
    backing = {
        n: tuple(
            unit for unit in found[n].units if not other_sibling(said.text, [unit], clauses[n], siblings)
        )
        for n in carrying
    }
    return Entry(
        span,
        numbers,
        clauses[best].chunk.kind,
        failing=frozenset(own) - set(carrying),
        denied=denied,
        backing=backing,
    )


def _said_by_any(plain: str, own: Sequence[int], clauses: Mapping[int, Clause]) -> str:
    """Return what leads up to a marker and claims nothing by itself, if a clause says it all the same."""
    said = read_unit(plain)
    carried = any(share_said(said, clauses[n]) >= _LEADS_FROM for n in own)
    return plain if carried else ""


def _reach(said: Unit, found: Grounds) -> float:
    """Return the share of a sentence that a clause says, more where they share a figure."""
    there = [figure.quantity for unit in found.units[:1] for figure in unit.figures]
    shared = any(f.quantity.same_value(other) for f in said.figures for other in there)
    return found.share + _FIGURE_ADDS * shared


def _carries(said: Unit, clause: Clause, found: Grounds, alone: bool) -> bool:
    """Tell whether a clause carries a sentence.

    One of several clauses need only carry its own part: a little of the whole, or a piece between commas.
    """
    if alone:
        return _reach(said, found) >= SUPPORTED_FROM
    parts = [piece.wording for piece in said.pieces if len(piece.wording) >= _PART]
    best = max((covered(part, clause.whole, clause.about) for part in parts), default=0.0)
    return found.share >= _CONTRIBUTES_FROM or best >= _PART_SAID_FROM


def failing_citations(entries: Sequence[Entry]) -> frozenset[int]:
    """Return the citations that carry nothing of what leads up to a marker they stand at."""
    failing: set[int] = set()
    carried: set[int] = set()
    for entry in entries:
        if entry.support not in ("none", "unsupported"):
            carried |= set(entry.numbers) - entry.failing
        if not _goes_on(without_markers(entry.span.text)):
            failing |= entry.failing - carried
            carried = set()
        failing |= entry.denied
    return frozenset(failing)


def _stated_by(agent_facts: str, claimed: str) -> bool:
    chunk = Chunk("", "", "document", "", "", agent_facts, Source("", None, 0, len(agent_facts)))
    found = grounds(read_unit(claimed), read_clause(chunk))
    return found.share >= SUPPORTED_FROM and not found.fault
