"""From a message to a checked draft: retrieve, weigh the evidence, compose or have a model write, check.

What happens is told as events, so that an agent sees the evidence first and each sentence as soon as it
has passed its check. The last event is always the draft.
"""

import re
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from kb_assistant.corpus.lexicon import find_aliases
from kb_assistant.drafting.check import Case, check_text
from kb_assistant.drafting.composer import Composed, compose
from kb_assistant.drafting.conflicts import warning_of
from kb_assistant.drafting.evidence import confidence
from kb_assistant.drafting.grade import grade_of
from kb_assistant.drafting.model import ReplyWriter
from kb_assistant.drafting.needs import missing_facts
from kb_assistant.drafting.prompts import WritingRequest, citable
from kb_assistant.drafting.questions import split_questions
from kb_assistant.drafting.selection import Inquiry
from kb_assistant.drafting.text import without_markers
from kb_assistant.drafting.triage import is_small_talk, topic_and_group
from kb_assistant.drafting.wording import covered, wording
from kb_assistant.drafting.writing import Finished, Replaced, SentenceReady, write
from kb_assistant.index.embedding import PassageCache
from kb_assistant.index.knowledge import KnowledgeIndex
from kb_assistant.types import (
    Check,
    Chunk,
    Customer,
    Draft,
    DraftGenerator,
    DraftStatus,
    Embedder,
    Filters,
    HandOff,
    Hit,
    MissingFact,
)

_VOTERS = 20  # hits that are read, and that vote for the topic
_FOR_MODEL = 6  # clauses a model is given
_SMALL_TALK_REPLY = "您好，我在的，很高兴为您服务。请问有什么可以帮您？方便的话把订单号和遇到的情况一起发我。"
_REFUSAL = (
    "您好，您的问题我已经记下了。这个情况我需要请专门的同事帮您确认，确认之前不跟您随便下结论。"
    "麻烦您把订单号和具体情况发我，我来跟进到底。"
)
_PAUSE = re.compile(r"[\s，,。！!？?；;]+")
_UNSAID_BELOW = 0.3  # share of a piece of the message that the nearest clauses say, below which they miss it


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """What is to be answered, all of it masked."""

    question: str
    filters: Filters
    customer: Customer | None = None
    agent_facts: str = ""
    generator: DraftGenerator = "composer"


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """What the draft will rest on, best first; empty for small talk."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class DraftReady:
    """The draft, checked as a whole."""

    draft: Draft


DraftEvent = EvidenceFound | SentenceReady | Replaced | DraftReady


@dataclass(frozen=True, slots=True)
class _Plan:
    """What retrieval and the composer found, before anything is said."""

    hits: tuple[Hit, ...]
    composed: Composed
    status: DraftStatus
    confidence: float
    unknown_codes: tuple[str, ...] = ()


class Drafter:
    """Makes drafts over one index; holds no state between them."""

    def __init__(
        self,
        index: KnowledgeIndex,
        embedder: Embedder,
        passages: PassageCache,
        writer: ReplyWriter | None = None,
        *,
        evidence_bar: float,
        attempts: int = 2,
        card_key_patterns: Sequence[str] = (),
    ) -> None:
        """Bind what a draft is made from.

        Args:
            index: The live index.
            embedder: The one that built it.
            passages: Embeds statements, which come up again and again.
            writer: A language model, if one is configured.
            evidence_bar: Confidence below which a message is handed off.
            attempts: How often the model may try.
            card_key_patterns: See `kb_assistant.corpus.masking.mask`.
        """
        self._index = index
        self._embedder = embedder
        self._passages = passages
        self._writer = writer
        self._bar = evidence_bar
        self._attempts = attempts
        self._card_key_patterns = card_key_patterns
        self._siblings = tuple(map(frozenset, index.lexicon.siblings))

    def draft(self, request: DraftRequest, *, draft_id: str) -> Generator[DraftEvent, None, None]:
        """Make a draft, telling what happens; closing the iterator stops a model that still writes.

        Args:
            request: The masked message with its context.
            draft_id: The id the draft gets.

        Yields:
            DraftEvent: The evidence, each checked sentence, withdrawals, and the draft at the end.
        """
        started = time.perf_counter()
        plan = self._plan(request)
        yield EvidenceFound(plan.hits)
        text, cited, quotes = plan.composed.text, plan.composed.cited, plan.composed.quotes
        generator: DraftGenerator = "composer"
        writer = self._writer if request.generator == "model" and plan.status == "answered" else None
        if writer is not None:
            finished = yield from self._written(request, plan, writer)
            if finished.generator == "model":
                text, cited, quotes, generator = finished.text, dict(finished.cited), {}, "model"
        check = self._check(request, text, cited, quotes)
        if writer is None:
            for sentence in check.sentences:
                inside = tuple(f for f in check.figures if sentence.start <= f.start < sentence.end)
                yield SentenceReady(sentence, inside)
        yield DraftReady(self._assembled(request, plan, draft_id, text, check, generator, started))

    def _plan(self, request: DraftRequest) -> _Plan:
        if is_small_talk(request.question):
            return _Plan((), Composed(_SMALL_TALK_REPLY, {}, {}, (), None), "small_talk", 1.0)
        hits, evidence = self._index.retrieve(request.question, filters=request.filters, top_k=_VOTERS)
        sure = confidence(evidence)
        composed = None
        if sure >= self._bar:
            composed = compose(
                self._inquiries(request.question, hits, request.filters),
                document_chunks=self._index.catalog.document_chunks,
                customer=request.customer,
            )
        if composed is None:
            refusal = Composed(_REFUSAL, {}, {}, (), None)
            return _Plan(tuple(hits), refusal, "refused", sure, evidence.unknown_codes)
        status: DraftStatus = "answered" if composed.conflict is None else "conflict"
        return _Plan(tuple(hits), composed, status, sure)

    def _inquiries(
        self, question: str, hits: Sequence[Hit], filters: Filters
    ) -> list[tuple[Inquiry, Sequence[Hit]]]:
        """Return the message with its hits, and where it asks several things each of them with its own."""
        parts = split_questions(question)
        texts = [question, *parts] if len(parts) > 1 else [question]
        vectors = self._embedder.embed_queries(texts)
        asked: list[tuple[Inquiry, Sequence[Hit]]] = []
        for text, vector in zip(texts, vectors, strict=True):
            terms = tuple(use.term for use in find_aliases(self._index.lexicon, text))
            found = hits
            if asked:
                own, _ = self._index.retrieve(text, filters=filters, top_k=_VOTERS)
                known = {hit.chunk.id for hit in own}
                found = [*own, *(hit for hit in hits if hit.chunk.id not in known)]
            inquiry = Inquiry(text, vector, self._passages.embed, terms, self._siblings)
            asked.append((inquiry, found))
        return asked

    def _written(
        self, request: DraftRequest, plan: _Plan, writer: ReplyWriter
    ) -> Generator[SentenceReady | Replaced, None, Finished]:
        """Have the model write; what it is given and what its sentences are checked against is the same."""
        cited = list(plan.composed.cited.values())
        known = {chunk.id for chunk in cited}
        more = [h.chunk for h in plan.hits if h.chunk.id not in known][: max(0, _FOR_MODEL - len(known))]
        wanted = WritingRequest(
            request.question,
            [*{chunk.id: chunk for chunk in cited}.values(), *more],
            request.filters.as_of,
            customer=request.customer,
            agent_facts=request.agent_facts,
            missing_facts=plan.composed.missing_facts,
        )
        allowed = citable(wanted)
        events = write(
            wanted,
            writer,
            check=lambda text: self._check(request, text, allowed, {}),
            fallback=plan.composed,
            attempts=self._attempts,
            card_key_patterns=self._card_key_patterns,
        )
        with closing(events):
            for event in events:
                if isinstance(event, Finished):
                    return event
                yield event
        raise AssertionError("write ends with Finished")

    def _check(
        self, request: DraftRequest, text: str, cited: Mapping[int, Chunk], quotes: Mapping[int, str]
    ) -> Check:
        return check_text(
            text,
            cited,
            Case(
                as_of=request.filters.as_of,
                question=request.question,
                agent_facts=request.agent_facts,
                siblings=self._siblings,
            ),
            quotes=quotes,
        )

    def _assembled(
        self,
        request: DraftRequest,
        plan: _Plan,
        draft_id: str,
        text: str,
        check: Check,
        generator: DraftGenerator,
        started: float,
    ) -> Draft:
        topic, skill_group, topic_reason = topic_and_group(plan.hits, self._index.catalog.group_of_topic)
        grade, grade_reason = grade_of(request.question, self._index.lexicon)
        hand_off = None
        if plan.status in ("refused", "conflict"):
            hand_off = HandOff(
                question=request.question,
                searched=self._searched(request.question),
                nearest=tuple(hit.chunk.id for hit in plan.hits[:3]),
                why=_why(plan, request.question),
                missing=tuple(fact.name for fact in self._still_missing(request.question, plan.hits)),
                skill_group=skill_group,
                grade=grade,
                grade_reason=grade_reason,
                customer=_told_of(request.customer),
            )
        told = {(warning.kind, warning.message) for warning in check.warnings}
        found = [warning_of(conflict) for conflict in plan.composed.practice]
        more = [warning for warning in found if (warning.kind, warning.message) not in told]
        check = replace(check, warnings=(*more, *check.warnings))
        return Draft(
            draft_id=draft_id,
            question=request.question,
            status=plan.status,
            text=text,
            reply_text=without_markers(text),
            **{slot: getattr(check, slot) for slot in Check.__slots__},
            confidence=round(plan.confidence, 4),
            topic=topic,
            topic_reason=topic_reason,
            grade=grade,
            grade_reason=grade_reason,
            skill_group=skill_group,
            missing_facts=plan.composed.missing_facts,
            approval=plan.composed.approval,
            hand_off=hand_off,
            generator=generator,
            generation=self._index.manifest.generation,
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    def _still_missing(self, question: str, hits: Sequence[Hit]) -> tuple[MissingFact, ...]:
        """Return what the steps of the nearest rule ask for and the message does not give."""
        nearest = next((hit.chunk for hit in hits if hit.chunk.kind == "sop"), None)
        if nearest is None:
            return ()
        return missing_facts(question, self._index.catalog.document_chunks(nearest.document_id))

    def _searched(self, question: str) -> str:
        """Return what was looked for: the message, and the manual's words for it."""
        terms = dict.fromkeys(use.term for use in find_aliases(self._index.lexicon, question))
        return " · ".join((question, *terms))


def _why(plan: _Plan, question: str) -> str:
    """Return why the nearest clauses do not answer."""
    if plan.composed.conflict is not None:
        return f"两条现行规定数字不同：{warning_of(plan.composed.conflict).message}"
    if plan.unknown_codes:
        return f"知识库里没有提到 {'、'.join(plan.unknown_codes)}"
    if not plan.hits:
        return "知识库里没有找到相关内容"
    nearest = [wording(f"{hit.chunk.title}。{hit.chunk.heading}。{hit.chunk.text}") for hit in plan.hits[:3]]
    pieces = [piece for piece in _PAUSE.split(question) if len(wording(piece)) > 1]
    unsaid = [piece for piece in pieces if covered(wording(piece), *nearest) < _UNSAID_BELOW]
    if not unsaid:
        return f"最接近的是《{plan.hits[0].chunk.title}》，但与问题不够吻合，不能作为答复依据"
    missed = "、".join(f"“{piece}”" for piece in unsaid[:3])
    return f"最接近的是《{plan.hits[0].chunk.title}》，其中没有说到{missed}"


def _told_of(customer: Customer | None) -> str:
    if customer is None:
        return ""
    return " · ".join(part for part in (customer.tier, customer.type, customer.notes) if part)
