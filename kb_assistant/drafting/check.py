"""The check of a final text against the clauses it cites: code only, no model, no embedding.

Sentence by sentence: what it claims, which statements of its clauses carry it, every figure against them,
the conditions it leaves out, the promises nobody made. `check_text` is the whole of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kb_assistant.drafting.clauses import Clause, read_clause, read_unit
from kb_assistant.drafting.conflicts import conflicts, warning_of
from kb_assistant.drafting.ledger import (
    Entry,
    cited_numbers,
    failing_citations,
    judge_sentence,
    nearest_source,
)
from kb_assistant.drafting.lint import forbidden_phrases, promises, quoted_instructions
from kb_assistant.drafting.needs import approval_for, missing_facts
from kb_assistant.drafting.omissions import Said, left_out
from kb_assistant.drafting.quality import quality_of
from kb_assistant.drafting.siblings import Siblings
from kb_assistant.drafting.text import Span, split_sentences, without_markers
from kb_assistant.types import Check, Chunk, Citation, CitationVerdict, DraftWarning, Sentence, Source

_REQUESTED = re.compile(
    r"(?:发|给|告诉|报|拍|截|传|提供|说)(?:来|给|过来)?(?:一?下|我|我们)|(?:提供|发来|附上|带上|报一?下|给我)|(?:截图|单号|账号|号码)[^。]{0,10}(?:发|给|报)"
)


@dataclass(frozen=True, slots=True)
class Case:
    """What a reply answers, and what is known beside its clauses.

    Attributes:
        as_of: The date whose rules apply.
        question: The masked message it replies to; figures may be the customer's own.
        agent_facts: What the agent states as their own knowledge of the case.
        siblings: Groups of names that exclude each other, of which a clause is about one.
        document_chunks: All chunks of a document, to see what its steps need; None leaves that out.
    """

    as_of: date
    question: str = ""
    agent_facts: str = ""
    siblings: Siblings = ()
    document_chunks: Callable[[str], list[Chunk]] | None = None


def check_text(
    text: str, cited: Mapping[int, Chunk], case: Case, quotes: Mapping[int, str] | None = None
) -> Check:
    """Check every sentence, citation and figure of `text`; offsets in the result refer to it.

    Args:
        text: The reply with its `[n]` markers.
        cited: The chunk behind each number.
        case: What it answers.
        quotes: The words of the chunk that are cited, where known; else the statement that carries the
            sentence.

    Returns:
        The verdicts; markers without a chunk appear as dangling citations.
    """
    spans = split_sentences(text)
    return _check(text, spans, cited_numbers(spans), cited, case, quotes or {})


def check_uncited(text: str, sources: Sequence[Chunk], case: Case) -> Check:
    """Check a text that does not say what it rests on: each sentence cites the source nearest to it.

    Numbers are given from 1 in order of use; markers in the text are not read.

    Args:
        text: The reply, with or without markers.
        sources: Where its sentences may come from, the likeliest first.
        case: What it answers.

    Returns:
        The verdicts; a sentence that claims nothing or is found nowhere cites nothing.
    """
    spans = split_sentences(text)
    cited: dict[int, Chunk] = {}
    numbers: list[tuple[int, ...]] = []
    for span in spans:
        source = nearest_source(without_markers(span.text), sources, case.siblings)
        if source is None:
            numbers.append(())
            continue
        number = next((n for n, chunk in cited.items() if chunk.id == source.id), len(cited) + 1)
        cited[number] = source
        numbers.append((number,))
    return _check(text, spans, numbers, cited, case, {})


def _check(
    text: str,
    spans: Sequence[Span],
    numbers: Sequence[tuple[int, ...]],
    cited: Mapping[int, Chunk],
    case: Case,
    quotes: Mapping[int, str],
) -> Check:
    clauses = {number: read_clause(chunk) for number, chunk in cited.items()}
    ledger = [
        judge_sentence(
            span,
            own,
            clauses,
            siblings=case.siblings,
            agent_facts=case.agent_facts,
            question=case.question,
        )
        for span, own in zip(spans, numbers, strict=True)
    ]
    sentences = tuple(
        Sentence(entry.span.text, entry.span.start, entry.span.end, entry.support, entry.numbers)
        for entry in ledger
    )
    figures = tuple(figure for entry in ledger for figure in entry.figures)
    used = sorted({*(n for entry in ledger for n in entry.numbers), *cited})
    failing = failing_citations(ledger)
    quoted = {**_statements_used(ledger, cited), **quotes}
    citations = tuple(_citation(n, cited.get(n), quoted.get(n), failing, case.as_of) for n in used)
    warnings = (
        *_citation_warnings(citations, cited, case.as_of),
        *_conflict_warnings(ledger, clauses, case.siblings),
        *promises(sentences, ["".join(unit.text for unit in entry.statements) for entry in ledger]),
        *_omissions(ledger, clauses),
        *_needs(text, ledger, cited, case),
        *forbidden_phrases(text),
        *quoted_instructions(case.question, *(chunk.text for chunk in cited.values())),
    )
    return Check(
        sentences=sentences,
        citations=citations,
        figures=figures,
        warnings=warnings,
        quality=quality_of(text, case.question, sentences, figures, warnings),
    )


def _statements_used(ledger: Sequence[Entry], cited: Mapping[int, Chunk]) -> dict[int, str]:
    """Return for each citation the words of its chunk that carry the first sentence which cites it."""
    used: dict[int, str] = {}
    for entry in ledger:
        for number, units in entry.backing.items():
            first = next((unit.quote for unit in units if unit.quote in cited[number].text), None)
            if first is not None:
                used.setdefault(number, first)
    return used


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
    ledger: Sequence[Entry], clauses: Mapping[int, Clause], siblings: Siblings
) -> Iterator[DraftWarning]:
    """Yield what the cited clauses say against each other of what the reply says."""
    said = [(clauses[n], unit) for entry in ledger for n, units in entry.backing.items() for unit in units]
    for conflict in conflicts(said, list(clauses.values()), siblings):
        yield warning_of(conflict)


def _omissions(ledger: Sequence[Entry], clauses: Mapping[int, Clause]) -> Iterator[DraftWarning]:
    warned: set[str] = set()
    for number, clause in clauses.items():
        resting = [entry for entry in ledger if number in entry.numbers]
        backing = tuple(unit for entry in resting for unit in entry.statements)
        sentences = {read_unit(without_markers(entry.span.text)): entry.span for entry in resting}
        if not backing:
            continue
        for omission in left_out(clause, Said(tuple(sentences), backing)):
            if omission.condition not in warned:
                warned.add(omission.condition)
                span = sentences[omission.sentence]
                message = f"条款的条件“{omission.condition}”没有说"
                yield DraftWarning("omission", message, span.start, span.end, f"补上：{omission.condition}")


def _needs(
    text: str, ledger: Sequence[Entry], cited: Mapping[int, Chunk], case: Case
) -> Iterator[DraftWarning]:
    approval = approval_for([unit.text for entry in ledger for unit in entry.statements])
    if approval is not None and approval.role[-2:] not in text:
        yield DraftWarning(
            "approval",
            f"依据的条款须{approval.role}批准：{approval.reason}",
            suggestion=f"说明须{approval.role}批准后才能办",
        )
    if case.document_chunks is None:
        return
    first = next((cited[n] for entry in ledger for n in entry.numbers if n in cited), None)
    if first is None or first.kind != "sop":
        return
    facts = missing_facts(case.question, case.document_chunks(first.document_id))
    if not facts or _REQUESTED.search(text):  # a reply that asks for something has thought of it
        return
    names = "、".join(fact.name for fact in facts)
    message = f"处理这件事需要{names}，消息里没有，回复也没有问"
    yield DraftWarning("missing_fact", message, suggestion=f"麻烦您提供一下{names}")
