"""The check of a final text against the clauses it cites: code only, no model, no embedding."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from kb_assistant.drafting.facts import Quantity, find_quantities
from kb_assistant.drafting.polarity import contradicts
from kb_assistant.drafting.text import MARKER, Span, markers_in, split_sentences, without_markers
from kb_assistant.index.tokens import tokenize
from kb_assistant.types import (
    Check,
    Chunk,
    Citation,
    CitationVerdict,
    DraftWarning,
    Figure,
    Quality,
    Sentence,
    Source,
    Support,
)

# share of a sentence's bigrams that its clause must carry to be called supported; composed
# sentences reach 0.9, a sentence about something else stays below 0.3
SUPPORTED_FROM = 0.5
_COURTESY_CITES_FROM = 0.9  # a sentence shaped like courtesy is a source's only if it is nearly its words

# a sentence of these shapes claims nothing: greeting, empathy, request, closing
_CLAIMS_NOTHING = re.compile(
    r"^(?:您好|你好|亲|嗨|哈喽|在的|好的|收到|别着急|别担心|不着急|(?:很|非常|实在|真)?抱歉|不好意思|对不起|让您|感谢|谢谢|辛苦|祝您|理解"
    r"|我理解|非常理解|完全理解|这个情况我需要|我帮您|我来帮您|我这边|我们一起|麻烦|请您?(?:提供|发|告诉|补充|稍等|问|先)|方便的话|为了|还有"
    r"|如果还有|有任何|随时|下面|这类情况|关于您)|[?？]$"
)
_PROMISES = re.compile(r"保证|一定(?!要)|肯定能|绝对|百分百|包您|马上就?到|全额|全部退|赔付|赔偿|补偿")
_FORBIDDEN = {
    "规定就是这样": "先共情，再说明这条规则为什么这样定，以及还能怎么办",
    "请耐心等待": "说清楚最晚什么时候有结果，到点主动联系客户",
    "已反馈": "说清楚反馈给了谁、什么时候给答复",
    "不归我管": "按首问负责制跟进，需要转接时说明转给谁",
    "自己看": "把步骤一步一步发给客户",
}
_EMPATHY = re.compile(r"别着急|别担心|理解|抱歉|不好意思|让您|辛苦|久等|费心|放心")
_CLOSING = re.compile(r"随时|祝您|感谢|谢谢|有问题|再找我|联系我")


def check_text(
    text: str,
    cited: Mapping[int, Chunk],
    *,
    quotes: Mapping[int, str] | None = None,
    as_of: date,
    agent_facts: str = "",
) -> Check:
    """Check every sentence, citation and figure of `text`; offsets in the result refer to it.

    A figure is compared, with its unit, with those of the clauses its own sentence cites, or of
    `agent_facts`, which the agent vouches for.

    Args:
        text: The reply with its `[n]` markers.
        cited: The chunk behind each number.
        quotes: The words of the chunk that are cited, where known; else the whole chunk.
        as_of: The date whose rules apply.
        agent_facts: What the agent states as their own knowledge of the case.

    Returns:
        The verdicts; markers without a chunk appear as dangling citations.
    """
    spans = split_sentences(text)
    numbers = [markers_in(span.text) for span in spans]
    return _check(text, spans, numbers, cited, quotes=quotes or {}, as_of=as_of, agent_facts=agent_facts)


def check_uncited(text: str, sources: Sequence[Chunk], *, as_of: date) -> Check:
    """Check a text that does not say what it rests on: each sentence cites the source nearest to it.

    Numbers are given from 1 in order of use; markers in the text are not read.

    Args:
        text: The reply, with or without markers.
        sources: Where its sentences may come from, the likeliest first; each sentence takes the
            one that holds most of its words; among equals the one that does not deny it, rules
            before tickets, then the one with its figures.
        as_of: The date whose rules apply.

    Returns:
        The verdicts; a sentence that claims nothing or is found nowhere cites nothing.
    """
    spans = split_sentences(text)
    cited: dict[int, Chunk] = {}
    numbers: list[tuple[int, ...]] = []
    for span in spans:
        source = _nearest(span.text, sources)
        if source is None:
            numbers.append(())
            continue
        number = next((n for n, chunk in cited.items() if chunk.id == source.id), len(cited) + 1)
        cited[number] = source
        numbers.append((number,))
    return _check(text, spans, numbers, cited, quotes={}, as_of=as_of, agent_facts="")


def _nearest(sentence: str, sources: Sequence[Chunk]) -> Chunk | None:
    figures = find_quantities(_blanked(sentence))
    best, best_fit = None, (SUPPORTED_FROM, False, False, -1)
    for chunk in sources:
        share = round(containment(sentence, chunk.text), 2)
        if share < best_fit[0]:
            continue
        there = find_quantities(chunk.text)
        carried = sum(any(q.same_value(figure) for q in there) for figure in figures)
        fit = (share, not contradicts(sentence, chunk.text), chunk.kind != "ticket", carried)
        if best is None or fit > best_fit:
            best, best_fit = chunk, fit
    # courtesy has words in common with many a ticket without resting on it
    if _claims_nothing(sentence) and best_fit[0] < _COURTESY_CITES_FROM:
        return None
    return best


def _check(
    text: str,
    spans: Sequence[Span],
    numbers: Sequence[tuple[int, ...]],
    cited: Mapping[int, Chunk],
    *,
    quotes: Mapping[int, str],
    as_of: date,
    agent_facts: str,
) -> Check:
    sentences = [
        Sentence(span.text, span.start, span.end, _support(span.text, ns, cited, agent_facts), ns)
        for span, ns in zip(spans, numbers, strict=True)
    ]
    figures = [
        figure for span, sentence in zip(spans, sentences, strict=True)
        for figure in _figures(span, sentence, cited, agent_facts)
    ]  # fmt: skip
    used = dict.fromkeys(n for sentence in sentences for n in sentence.citations)
    citations = [
        _citation(n, cited.get(n), quotes.get(n), sentences, as_of) for n in sorted({*used, *cited})
    ]  # fmt: skip
    return Check(
        sentences=tuple(sentences),
        citations=tuple(citations),
        figures=tuple(figures),
        warnings=tuple(_warnings(text, sentences)),
        quality=_quality(text, sentences, figures),
    )


def _support(text: str, numbers: Sequence[int], cited: Mapping[int, Chunk], agent_facts: str) -> Support:
    best = max(
        (cited[n] for n in numbers if n in cited),
        key=lambda chunk: containment(text, chunk.text),
        default=None,
    )
    if best is not None and containment(text, best.text) >= SUPPORTED_FROM:
        return "unsupported" if contradicts(text, best.text) else best.kind
    if agent_facts and containment(text, agent_facts) >= SUPPORTED_FROM:
        return "agent"
    return "none" if not numbers and _claims_nothing(text) else "unsupported"


def _claims_nothing(text: str) -> bool:
    return bool(
        _CLAIMS_NOTHING.search(text) and not _PROMISES.search(text) and not find_quantities(_blanked(text))
    )


def _blanked(text: str) -> str:
    """Return `text` with blanks for its markers, so that [1] is no figure and offsets stay."""
    return MARKER.sub(lambda marker: " " * len(marker.group()), text)


def containment(text: str, source: str) -> float:
    """Return the share of the tokens of `text` that occur in `source`, 0 to 1; 0 for no tokens."""
    tokens = set(tokenize(without_markers(text)))
    return len(tokens & set(tokenize(source))) / len(tokens) if tokens else 0.0


def _figures(span: Span, sentence: Sentence, cited: Mapping[int, Chunk], agent_facts: str) -> list[Figure]:
    found = []
    for quantity in find_quantities(_blanked(span.text)):
        sources = [(n, q) for n in sentence.citations if n in cited for q in find_quantities(cited[n].text)]
        sources += [(0, q) for q in find_quantities(agent_facts)]
        same = next(((n, q) for n, q in sources if q.same_value(quantity)), None)
        rival = next(((n, q) for n, q in sources if q.dimension == quantity.dimension), None)
        verdict, source = (
            ("supported", same) if same else ("contradicted", rival) if rival else ("unsupported", None)
        )
        found.append(
            Figure(
                text=quantity.text,
                start=span.start + quantity.start,
                end=span.start + quantity.end,
                verdict=verdict,  # type: ignore[arg-type]  # mypy widens the literals of the tuple
                citation=(source[0] or None) if source else None,
                source_text=_around(source, cited, agent_facts) if source else None,
            )
        )
    return found


def _around(source: tuple[int, Quantity], cited: Mapping[int, Chunk], agent_facts: str) -> str:
    """Return the sentence of the source that holds the quantity."""
    number, quantity = source
    text = cited[number].text if number else agent_facts
    return next((s.text for s in split_sentences(text) if s.start <= quantity.start < s.end), quantity.text)


def _citation(
    number: int, chunk: Chunk | None, quote: str | None, sentences: Sequence[Sentence], as_of: date
) -> Citation:
    if chunk is None:
        return Citation(number, "", "", "", "", "", Source("", None, 0, 0), "dangling")
    using = [s for s in sentences if number in s.citations]
    verdict: CitationVerdict = "supports"
    if not (chunk.effective_from or date.min) <= as_of <= (chunk.effective_to or date.max):
        verdict = "superseded"
    elif any(s.support == "unsupported" for s in using):
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


def _warnings(text: str, sentences: Sequence[Sentence]) -> list[DraftWarning]:
    found = []
    for sentence in sentences:
        promise = _PROMISES.search(sentence.text)
        if promise and sentence.support in ("unsupported", "none"):
            start = sentence.start + promise.start()
            found.append(
                DraftWarning(
                    "promise",
                    f"“{promise.group()}”没有条款支持",
                    start,
                    start + len(promise.group()),
                    "删去，或引用允许这样承诺的条款",
                )
            )
    for phrase, suggestion in _FORBIDDEN.items():
        at = text.find(phrase)
        if at >= 0:
            found.append(
                DraftWarning("forbidden_phrase", f"“{phrase}”听起来生硬", at, at + len(phrase), suggestion)
            )
    return found


def _quality(text: str, sentences: Sequence[Sentence], figures: Sequence[Figure]) -> Quality:
    notes = []
    empathy = 1.0 if _EMPATHY.search(text) else 0.0
    if not empathy:
        notes.append("没有先安抚客户")
    factual = [s for s in sentences if s.support != "none"]
    backed = [s for s in factual if s.support != "unsupported"]
    completeness = len(backed) / len(factual) if factual else 0.0
    if len(backed) < len(factual):
        notes.append(f"{len(factual) - len(backed)} 句没有依据")
    wrong = [f.text for f in figures if f.verdict != "supported"]
    if wrong:
        notes.append(f"数字与条款不符或无依据：{'、'.join(wrong)}")
    tone = 1.0 - 0.3 * sum(phrase in text for phrase in _FORBIDDEN)
    if not _CLOSING.search(text):
        tone -= 0.2
        notes.append("结尾可以更有温度")
    return Quality(
        empathy=empathy, completeness=completeness, tone=max(0.0, round(tone, 2)), notes=tuple(notes)
    )
