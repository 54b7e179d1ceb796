"""The check of a final text against the clauses it cites: code only, no model, no embedding.

Sentence by sentence: what it claims, which statements of its clauses carry it, every figure against them,
the conditions it leaves out, the promises nobody made. `check_text` is the whole of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kb_assistant.drafting.claims import claims
from kb_assistant.drafting.clauses import Clause, Unit, read_clause, read_unit
from kb_assistant.drafting.conflicts import conflicts, warning_of
from kb_assistant.drafting.facts import find_quantities
from kb_assistant.drafting.figures import judge_figures
from kb_assistant.drafting.lint import forbidden_phrases, promises, quoted_instructions
from kb_assistant.drafting.needs import approval_for, missing_facts
from kb_assistant.drafting.omissions import Said, left_out
from kb_assistant.drafting.quality import quality_of
from kb_assistant.drafting.siblings import Siblings
from kb_assistant.drafting.support import (
    ELSEWHERE,
    SUPPORTED_FROM,
    Grounds,
    grounds,
    other_sibling,
    share_said,
)
from kb_assistant.drafting.text import Span, markers_in, split_sentences, without_markers
from kb_assistant.drafting.wording import covered
from kb_assistant.types import (
    Check,
    Chunk,
    Citation,
    CitationVerdict,
    DraftWarning,
    Sentence,
    Source,
    Support,
)

_REQUEST_CITES_FROM = 0.9  # share of a mere request that a source must say, where the text cites nothing
_REQUESTED = re.compile(
    r"(?:发|给|告诉|报|拍|截|传|提供|说)(?:来|给|过来)?(?:一?下|我|我们)|(?:提供|发来|附上|带上|报一?下|给我)|(?:截图|单号|账号|号码)[^。]{0,10}(?:发|给|报)"
)
_PART, _PART_SAID_FROM = 4, 0.7  # characters of a piece, and the share of it that makes a clause its source
_CONTRIBUTES_FROM = 0.25  # share that each of several clauses of one sentence must say of it


@dataclass(frozen=True, slots=True)
class _Judged:
    """A sentence with what was found behind it; `backing` are the statements that carry it."""

    span: Span
    numbers: tuple[int, ...]
    support: Support
    failing: frozenset[int]  # citations that do not carry it
    backing: tuple[Unit, ...]
    denied: frozenset[int] = frozenset()  # citations that say the contrary, or speak of another product


def check_text(
    text: str,
    cited: Mapping[int, Chunk],
    *,
    as_of: date,
    quotes: Mapping[int, str] | None = None,
    question: str = "",
    agent_facts: str = "",
    siblings: Siblings = (),
    document_chunks: Callable[[str], list[Chunk]] | None = None,
) -> Check:
    """Check every sentence, citation and figure of `text`; offsets in the result refer to it.

    Args:
        text: The reply with its `[n]` markers.
        cited: The chunk behind each number.
        as_of: The date whose rules apply.
        quotes: The words of the chunk that are cited, where known; else the statements used.
        question: The masked message it replies to; figures may be the customer's own.
        agent_facts: What the agent states as their own knowledge of the case.
        siblings: Groups of names that exclude each other, of which a clause is about one.
        document_chunks: All chunks of a document, to see what its steps need; None leaves that out.

    Returns:
        The verdicts; markers without a chunk appear as dangling citations.
    """
    spans = split_sentences(text)
    return _check(
        text,
        spans,
        _numbers(spans),
        cited,
        quotes=quotes or {},
        as_of=as_of,
        question=question,
        agent_facts=agent_facts,
        siblings=siblings,
        document_chunks=document_chunks,
    )


def check_uncited(
    text: str,
    sources: Sequence[Chunk],
    *,
    as_of: date,
    question: str = "",
    agent_facts: str = "",
    siblings: Siblings = (),
    document_chunks: Callable[[str], list[Chunk]] | None = None,
) -> Check:
    """Check a text that does not say what it rests on: each sentence cites the source nearest to it.

    Numbers are given from 1 in order of use; markers in the text are not read.

    Args:
        text: The reply, with or without markers.
        sources: Where its sentences may come from, the likeliest first; each sentence takes the
            one that says most of it; among equals the one that does not deny it, rules
            before tickets, then the one with its figures.
        as_of: The date whose rules apply.
        question: The masked message it replies to.
        agent_facts: What the agent states as their own knowledge of the case.
        siblings: Groups of names that exclude each other.
        document_chunks: All chunks of a document, to see what its steps need.

    Returns:
        The verdicts; a sentence that claims nothing or is found nowhere cites nothing.
    """
    spans = split_sentences(text)
    cited: dict[int, Chunk] = {}
    numbers: list[tuple[int, ...]] = []
    for span in spans:
        source = _nearest(without_markers(span.text), sources, siblings)
        if source is None:
            numbers.append(())
            continue
        number = next((n for n, chunk in cited.items() if chunk.id == source.id), len(cited) + 1)
        cited[number] = source
        numbers.append((number,))
    return _check(
        text,
        spans,
        numbers,
        cited,
        quotes={},
        as_of=as_of,
        question=question,
        agent_facts=agent_facts,
        siblings=siblings,
        document_chunks=document_chunks,
    )


def _numbers(spans: Sequence[Span]) -> list[tuple[int, ...]]:
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


def _nearest(sentence: str, sources: Sequence[Chunk], siblings: Siblings) -> Chunk | None:
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


def _check(
    text: str,
    spans: Sequence[Span],
    numbers: Sequence[tuple[int, ...]],
    cited: Mapping[int, Chunk],
    *,
    quotes: Mapping[int, str],
    as_of: date,
    question: str,
    agent_facts: str,
    siblings: Siblings,
    document_chunks: Callable[[str], list[Chunk]] | None,
) -> Check:
    clauses = {number: read_clause(chunk) for number, chunk in cited.items()}
    judged = [
        _judge(span, ns, clauses, agent_facts, siblings) for span, ns in zip(spans, numbers, strict=True)
    ]
    sentences = tuple(Sentence(j.span.text, j.span.start, j.span.end, j.support, j.numbers) for j in judged)
    figures = tuple(
        figure
        for j in judged
        for figure in judge_figures(
            j.span, j.numbers, clauses, siblings=siblings, stated=(agent_facts, question)
        )
    )
    used = sorted({*(n for j in judged for n in j.numbers), *cited})
    failing = _failing(judged)
    citations = tuple(_citation(n, cited.get(n), quotes.get(n), failing, as_of) for n in used)
    warnings = (
        *_citation_warnings(citations, cited, as_of),
        *_conflict_warnings(judged, clauses, siblings),
        *promises(sentences, ["".join(u.text for u in j.backing) for j in judged]),
        *_omissions(judged, clauses),
        *_needs(text, question, judged, cited, document_chunks),
        *forbidden_phrases(text),
        *quoted_instructions(question, *(chunk.text for chunk in cited.values())),
    )
    return Check(
        sentences=sentences,
        citations=citations,
        figures=figures,
        warnings=warnings,
        quality=quality_of(text, question, sentences, figures, warnings),
    )


def _judge(
    span: Span,
    numbers: tuple[int, ...],
    clauses: Mapping[int, Clause],
    agent_facts: str,
    siblings: Siblings,
) -> _Judged:
    plain = without_markers(span.text)
    shared = not markers_in(span.text) and _goes_on(plain)  # courtesy before a semicolon cites nothing
    claimed = plain if numbers and not shared else claims(plain)
    own = [n for n in numbers if n in clauses]
    if not claimed or not own:
        support: Support = "unsupported" if claimed or numbers else "none"
        if claimed and agent_facts and _stated_by(agent_facts, claimed):
            support = "agent"
        elif not claimed and not set(numbers) - set(own):
            support = "none"
        return _Judged(span, numbers, support, frozenset(), ())
    said = read_unit(claimed)
    found = {n: grounds(said, clauses[n], siblings) for n in own}
    elsewhere = max((share_said(said, clause) for n, clause in clauses.items() if n not in own), default=0.0)
    carrying = [n for n in own if _carries(said, clauses[n], found[n], elsewhere, alone=len(own) == 1)]
    denied = frozenset(n for n in own if found[n].fault)
    share = max((found[n].share for n in carrying), default=0.0)
    if not carrying or share < SUPPORTED_FROM or len(own) < len(numbers):
        return _Judged(span, numbers, "unsupported", frozenset(own), (), denied)
    best = max(carrying, key=lambda n: found[n].share)
    backing = tuple(
        unit
        for n in carrying
        for unit in found[n].units
        if not other_sibling(said.text, [unit], clauses[n], siblings)
    )
    return _Judged(span, numbers, clauses[best].chunk.kind, frozenset(own) - set(carrying), backing, denied)


def _carries(said: Unit, clause: Clause, found: Grounds, elsewhere: float, *, alone: bool) -> bool:
    """Tell whether a clause carries a sentence; `elsewhere` is the share that one not cited says.

    One of several clauses need only carry its own part: a little of the whole, or a piece between commas.
    """
    if found.fault or elsewhere > found.share + ELSEWHERE:
        return False
    if alone:
        return found.share >= SUPPORTED_FROM
    parts = [piece.wording for piece in said.pieces if len(piece.wording) >= _PART]
    best = max((covered(part, clause.whole, clause.about) for part in parts), default=0.0)
    return found.share >= _CONTRIBUTES_FROM or best >= _PART_SAID_FROM


def _failing(judged: Sequence[_Judged]) -> frozenset[int]:
    """Return the citations that carry nothing of what leads up to a marker they stand at."""
    failing: set[int] = set()
    carried: set[int] = set()
    for j in judged:
        carried |= set(j.numbers) - j.failing if j.support not in ("none", "unsupported") else set()
        if not _goes_on(without_markers(j.span.text)):
            failing |= j.failing - carried
            carried = set()
        failing |= j.denied
    return frozenset(failing)


def _stated_by(agent_facts: str, claimed: str) -> bool:
    chunk = Chunk("", "", "document", "", "", agent_facts, Source("", None, 0, len(agent_facts)))
    found = grounds(read_unit(claimed), read_clause(chunk))
    return found.share >= SUPPORTED_FROM and not found.fault


def _citation(
    number: int, chunk: Chunk | None, quote: str | None, failing: frozenset[int], as_of: date
) -> Citation:
    if chunk is None:
        return Citation(number, "", "", "", "", "", Source("", None, 0, 0), "dangling")
    verdict: CitationVerdict = "supports"
    if not (chunk.effective_from or date.min) <= as_of <= (chunk.effective_to or date.max):
        verdict = "superseded"
    elif number in failing:
        verdict = "does_not_support"
    return Citation(
        n=number,
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        title=chunk.title,
        heading=chunk.heading,
        quote=quote or chunk.text,
        source=chunk.source,
        verdict=verdict,
    )


def _citation_warnings(
    citations: Sequence[Citation], cited: Mapping[int, Chunk], as_of: date
) -> Iterator[DraftWarning]:
    for citation in citations:
        if citation.verdict == "superseded":
            chunk = cited[citation.n]
            until = f"执行到 {chunk.effective_to}" if chunk.effective_to else f"{chunk.effective_from} 才生效"
            yield DraftWarning(
                "superseded",
                f"[{citation.n}]《{citation.title}》{until}，{as_of} 不适用",
                suggestion="改引当日有效的条款，并核对数字",
            )


def _conflict_warnings(
    judged: Sequence[_Judged], clauses: Mapping[int, Clause], siblings: Siblings
) -> Iterator[DraftWarning]:
    """Yield what the cited clauses say against each other of what the reply says."""
    said = [
        (clauses[n], unit) for j in judged for n in j.numbers if n in clauses
        for unit in j.backing if unit in clauses[n].units
    ]  # fmt: skip
    for conflict in conflicts(said, list(clauses.values()), siblings):
        yield warning_of(conflict)


def _omissions(judged: Sequence[_Judged], clauses: Mapping[int, Clause]) -> Iterator[DraftWarning]:
    warned: set[str] = set()
    for number, clause in clauses.items():
        resting = [j for j in judged if number in j.numbers]
        backing = tuple(unit for j in resting for unit in j.backing)
        sentences = {read_unit(without_markers(j.span.text)): j.span for j in resting}
        if not backing:
            continue
        for omission in left_out(clause, Said(tuple(sentences), backing)):
            if omission.condition not in warned:
                warned.add(omission.condition)
                span = sentences[omission.sentence]
                message = f"条款的条件“{omission.condition}”没有说"
                yield DraftWarning("omission", message, span.start, span.end, f"补上：{omission.condition}")


def _needs(
    text: str,
    question: str,
    judged: Sequence[_Judged],
    cited: Mapping[int, Chunk],
    document_chunks: Callable[[str], list[Chunk]] | None,
) -> Iterator[DraftWarning]:
    approval = approval_for([unit.text for j in judged for unit in j.backing])
    if approval is not None and approval.role[-2:] not in text:
        yield DraftWarning(
            "approval",
            f"依据的条款须{approval.role}批准：{approval.reason}",
            suggestion=f"说明须{approval.role}批准后才能办",
        )
    if document_chunks is None:
        return
    first = next((cited[n] for j in judged for n in j.numbers if n in cited), None)
    if first is None or first.kind != "sop":
        return
    facts = missing_facts(question, document_chunks(first.document_id))
    if not facts or _REQUESTED.search(text):  # a reply that asks for something has thought of it
        return
    names = "、".join(fact.name for fact in facts)
    message = f"处理这件事需要{names}，消息里没有，回复也没有问"
    yield DraftWarning("missing_fact", message, suggestion=f"麻烦您提供一下{names}")
