"""The façade: search, draft, check, decide. Page, HTTP and CLI call only this."""

import threading
import time
import unicodedata
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from kb_assistant.corpus.lexicon import AliasCount, count_aliases
from kb_assistant.corpus.masking import mask
from kb_assistant.drafting.check import Case, check_text, check_uncited
from kb_assistant.drafting.composer import sources_of
from kb_assistant.drafting.drafter import Drafter, DraftEvent, DraftReady, DraftRequest
from kb_assistant.drafting.model import ReplyWriter, open_writer
from kb_assistant.errors import InvalidInput, NotFound
from kb_assistant.index.embedding import DeferredEmbedder, PassageCache, open_embedder
from kb_assistant.index.knowledge import KnowledgeIndex, LiveIndex
from kb_assistant.index.reranking import open_reranker
from kb_assistant.records import Records, StoredDraft, new_draft_id
from kb_assistant.settings import Settings
from kb_assistant.types import (
    Action,
    Caller,
    Check,
    Chunk,
    Customer,
    Decision,
    Document,
    Draft,
    DraftGenerator,
    Embedder,
    Filters,
    Hit,
    Kind,
    Source,
)

MAX_QUESTION = 10_000  # code points; a burst of chat messages has a few hundred
MAX_TOP_K = 100
TIMEZONE = ZoneInfo("Asia/Shanghai")  # where the customers are
_UNSEEN = ("Cc", "Cs", "Cf")
_EVIDENCE = 10  # hits a draft looks at


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, with the generation they come from and the time the search took."""

    hits: tuple[Hit, ...]
    took_ms: float
    generation: str


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What is published, for `kb status` and `/v1/index`."""

    generation: str
    created_at: str
    model_id: str
    dim: int
    documents: int
    chunks: int
    documents_by_kind: Mapping[str, int]
    topics: tuple[str, ...]
    skill_groups: tuple[str, ...]
    problems: tuple[str, ...]


class Assistant:
    """Everything the product does, over one live index and one records database.

    Texts are masked on the way in, so what is searched, stored and returned holds no secret.
    """

    def __init__(
        self, index: LiveIndex, embedder: Embedder, settings: Settings, writer: ReplyWriter | None = None
    ) -> None:
        """Bind the parts; use `open` outside tests."""
        self._index = index
        self._writer = writer
        self._embedder = embedder
        self._passages = PassageCache(embedder)
        self._settings = settings
        self._opened_records: Records | None = None
        self._opening_records = threading.Lock()

    @classmethod
    def open(cls, settings: Settings, *, ready_to_embed: bool = True) -> "Assistant":
        """Load the embedder and open the index; the records are opened when they are first needed.

        Args:
            settings: Where they are.
            ready_to_embed: Load the embedding model now; otherwise when it is first needed.

        Returns:
            The assistant, ready.

        Raises:
            KbError: IndexNotFound, IndexCorrupt, IndexMismatch, EmbedderUnavailable or ModelUnavailable,
                each with the command that helps.
        """
        embedder = open_embedder(settings) if ready_to_embed else DeferredEmbedder(settings)
        index = LiveIndex(settings.index_dir, embedder, open_reranker(settings))
        index.current()
        return cls(index, embedder, settings, open_writer(settings))

    def close(self) -> None:
        """Release the index and the records database."""
        self._index.close()
        if self._opened_records is not None:
            self._opened_records.close()

    def check_ready(self) -> str:
        """Return the live generation's name if index and records answer; raises KbError otherwise."""
        self._records.counts()
        return self._index.current().manifest.generation

    @property
    def _records(self) -> Records:
        # search and `kb draft` store nothing: they run without a writable records database
        with self._opening_records:
            if self._opened_records is None:
                self._opened_records = Records.open(self._settings.records_url)
            return self._opened_records

    def search(
        self,
        query: str,
        *,
        caller: Caller,
        top_k: int = 5,
        kind: Kind | None = None,
        topic: str | None = None,
        skill_group: str | None = None,
        as_of: date | None = None,
    ) -> SearchResult:
        """Return the chunks that best match `query` among those `caller` may see.

        Args:
            query: A message or keywords, 1 to 10,000 characters.
            caller: Who asks; only documents within its scopes are searched.
            top_k: Number of hits, 1 to 100.
            kind: Only documents of this kind.
            topic: Only documents of this topic.
            skill_group: Only documents of this skill group.
            as_of: The date whose rules apply; today by default.

        Returns:
            At most `top_k` hits.

        Raises:
            InvalidInput: If the query is blank or too long, or `top_k` out of range.
        """
        return self.search_many(
            [(query, as_of)], caller=caller, top_k=top_k, kind=kind, topic=topic, skill_group=skill_group
        )[0]

    def search_many(
        self,
        queries: Sequence[tuple[str, date | None]],
        *,
        caller: Caller,
        top_k: int = 5,
        kind: Kind | None = None,
        topic: str | None = None,
        skill_group: str | None = None,
    ) -> list[SearchResult]:
        """Return what `search` returns for each (query, as_of); they are embedded together.

        `took_ms` is the time of all. Raises InvalidInput for the first query that `search` would refuse.
        """
        started = time.perf_counter()
        if not 1 <= top_k <= MAX_TOP_K:
            raise InvalidInput(f"top_k must be between 1 and {MAX_TOP_K}, got {top_k}")
        index = self._index.current()
        asked = [
            (
                self._clean(query, "query"),
                Filters(
                    scopes=caller.scopes,
                    as_of=as_of or today(),
                    kind=kind,
                    topic=topic,
                    skill_group=skill_group,
                ),
            )
            for query, as_of in queries
        ]
        found = index.search_many(asked, top_k=top_k)
        took_ms = _ms_since(started)
        return [SearchResult(tuple(hits), took_ms, index.manifest.generation) for hits in found]

    def alias_counts(self, texts: Sequence[str] | None, *, caller: Caller) -> list[AliasCount]:
        """Return how often each alias of the live lexicon fires in `texts`.

        Args:
            texts: Messages; None takes what was asked in the tickets and FAQ rows of the index.
            caller: Who asks; only documents within its scopes are read.

        Returns:
            The commonest first; those that never fire last, with a count of 0.
        """
        index = self._index.current()
        if texts is None:
            masked = index.catalog.questions(caller.scopes)
        else:
            masked = [self.masked(text) for text in texts]
        return count_aliases(index.lexicon, masked)

    def search_documents(
        self, questions: Sequence[tuple[str, date | None]], *, caller: Caller, top_k: int = 10
    ) -> list[list[str]]:
        """Return for each question, on its date, the ids of the best documents, each once.

        The ranking is that of `search`; many questions are embedded together.
        """
        queries = [
            (self._clean(text, "query"), Filters(scopes=caller.scopes, as_of=as_of or today()))
            for text, as_of in questions
        ]
        return self._index.current().search_documents(queries, top_k=top_k)

    def draft(
        self,
        question: str,
        *,
        caller: Caller,
        customer: Customer | None = None,
        facts: str | None = None,
        as_of: date | None = None,
        generator: DraftGenerator | None = None,
        keep: bool = True,
    ) -> Draft:
        """Draft a reply to a customer's message, grounded in the knowledge base, or refuse.

        Args:
            question: The message, 1 to 10,000 characters; several lines are one question.
            caller: Who asks.
            customer: Context that steers the tone; never indexed.
            facts: What the agent knows of the case; figures of the reply may rest on it.
            as_of: The date whose rules apply; today by default.
            generator: "composer", or "model" for the configured language model; by default the model if
                there is one. A model's draft that does not stand gives way to the composer's.
            keep: Store the draft, so that it can be decided on.

        Returns:
            The checked draft; `status` "refused" comes with a hand-off brief.

        Raises:
            InvalidInput: If the question is blank or too long, or a model is asked for where none is.
        """
        events = self.draft_events(
            question,
            caller=caller,
            customer=customer,
            facts=facts,
            as_of=as_of,
            generator=generator,
            keep=keep,
        )
        return next(event.draft for event in events if isinstance(event, DraftReady))

    def draft_events(
        self,
        question: str,
        *,
        caller: Caller,
        customer: Customer | None = None,
        facts: str | None = None,
        as_of: date | None = None,
        generator: DraftGenerator | None = None,
        keep: bool = True,
    ) -> Generator[DraftEvent, None, None]:
        """Draft as `draft` does, telling what happens: evidence, checked sentences, withdrawals, the draft.

        Args:
            question: See `draft`, also for the others.
            caller: Who asks.
            customer: Context that steers the tone.
            facts: What the agent knows of the case.
            as_of: The date whose rules apply.
            generator: Who words the reply.
            keep: Store the draft before it is told.

        Returns:
            The events, `DraftReady` last; closing the iterator stops a model that still writes.

        Raises:
            InvalidInput: If the question is blank or too long, or a model is asked for where none is.
        """
        index = self._index.current()
        masked_customer = self._masked_customer(customer)
        if generator == "model" and self._writer is None:
            raise InvalidInput(
                "no language model is configured; set KB_MODEL to provider:name and, for an own endpoint, "
                "KB_MODEL_URL, or ask for the composer"
            )
        request = DraftRequest(
            question=self._clean(question, "question"),
            filters=Filters(scopes=caller.scopes, as_of=as_of or today()),
            customer=masked_customer,
            agent_facts=self.masked(facts or ""),
            generator=generator or ("composer" if self._writer is None else "model"),
        )
        drafter = Drafter(
            index,
            self._embedder,
            self._passages,
            self._writer,
            evidence_bar=self._settings.evidence_bar,
            attempts=self._settings.model_attempts,
            card_key_patterns=self._settings.card_key_patterns,
        )
        return self._kept(drafter.draft(request, draft_id=new_draft_id()), masked_customer, caller, keep=keep)

    def _kept(
        self,
        events: Generator[DraftEvent, None, None],
        customer: Customer | None,
        caller: Caller,
        *,
        keep: bool,
    ) -> Generator[DraftEvent, None, None]:
        with closing(events):
            for event in events:
                if keep and isinstance(event, DraftReady):
                    self._records.save_draft(event.draft, customer=customer, caller=caller)
                yield event

    def check(
        self,
        question: str,
        text: str,
        *,
        caller: Caller,
        citations: Mapping[int, str] | None = None,
        facts: str | None = None,
        as_of: date | None = None,
    ) -> Check:
        """Check any final text against the clauses it cites.

        Args:
            question: The message the text replies to.
            text: The reply, with `[n]` markers.
            caller: Who asks.
            citations: Chunk or document id behind each number; without them the markers are not
                read and each sentence cites the hit for `question` that it is nearest to.
            facts: What the agent vouches for; sentences and figures may rest on it.
            as_of: The date whose rules apply; today by default.

        Returns:
            The verdict; offsets refer to the masked text.

        Raises:
            InvalidInput: If the text is blank or too long, or there is no question to retrieve for.
        """
        masked = self._clean(text, "text")
        day = as_of or today()
        index = self._index.current()
        chunks_of = index.catalog.document_chunks
        case = Case(
            as_of=day,
            question=self.masked(question),
            agent_facts=self.masked(facts or ""),
            siblings=tuple(map(frozenset, index.lexicon.siblings)),
            document_chunks=chunks_of,
        )
        if citations is None:
            filters = Filters(scopes=caller.scopes, as_of=day)
            hits = index.search(self._clean(question, "question"), filters=filters, top_k=_EVIDENCE)
            return check_uncited(masked, sources_of(hits, chunks_of), case)
        found = {number: _resolve(index, identifier, caller) for number, identifier in citations.items()}
        cited = {number: chunk for number, chunk in found.items() if chunk is not None}
        return check_text(masked, cited, case)

    def check_reply(
        self,
        draft_id: str,
        text: str,
        *,
        caller: Caller,
        also: Sequence[str] = (),
        facts: str | None = None,
        as_of: date | None = None,
    ) -> Check:
        """Check a draft's reply as an agent edits it: no search and no model, fast enough for every edit.

        Args:
            draft_id: The draft that is edited.
            text: The reply as it stands now, without markers.
            caller: Who edits.
            also: Ids of further chunks a sentence may rest on, beside those that the draft cites.
            facts: What the agent vouches for.
            as_of: The date whose rules apply; today by default.

        Returns:
            The verdict; each sentence cites the chunk nearest to it. Offsets refer to the masked text.

        Raises:
            NotFound: If there is no such draft.
        """
        draft = self.get_draft(draft_id, caller=caller).draft
        index = self._index.current()
        wanted = dict.fromkeys([*(citation.chunk_id for citation in draft.citations), *also])
        sources = [_resolve(index, identifier, caller) for identifier in wanted]
        case = Case(
            as_of=as_of or today(),
            question=draft.question,
            agent_facts=self.masked(facts or ""),
            siblings=tuple(map(frozenset, index.lexicon.siblings)),
            document_chunks=index.catalog.document_chunks,
        )
        return check_uncited(self.masked(text), [chunk for chunk in sources if chunk], case)

    def decide(
        self,
        draft_id: str,
        action: Action,
        *,
        caller: Caller,
        final_text: str | None = None,
        reason: str | None = None,
        agent: str | None = None,
    ) -> Decision:
        """Record what an agent did with a draft, once and for good.

        Args:
            draft_id: The draft.
            action: "edited" needs `final_text`, "rejected" needs `reason`.
            caller: Who decides.
            final_text: What was sent; by default the draft's own reply when it was accepted.
            reason: Why it was rejected, or what the next colleague should know.
            agent: Name of the agent where the caller is a tool acting for one.

        Returns:
            The stored decision.

        Raises:
            NotFound: If there is no such draft.
            AlreadyDecided: If somebody decided before.
            InvalidInput: If the text or reason an action needs is missing.
        """
        stored = self.get_draft(draft_id, caller=caller)
        final_text, reason, agent = (
            None if text is None else self.masked(text) for text in (final_text, reason, agent)
        )
        if action in ("accepted", "edited") and final_text is not None and not final_text.strip():
            raise InvalidInput("final_text is blank; give the text that was sent")
        if action == "edited" and final_text is None:
            raise InvalidInput("an edited draft needs final_text, the text that was sent")
        if action == "rejected" and not (reason or "").strip():
            raise InvalidInput(
                "a rejected draft needs a reason: wrong, outdated, incomplete, tone or your own words"
            )
        if action == "accepted":
            if final_text is None:
                final_text = stored.draft.reply_text
            elif final_text.strip() != stored.draft.reply_text.strip():
                action = "edited"  # whoever changed the words edited, whatever they call it
        return self._records.decide(
            draft_id,
            action=action,
            final_text=final_text,
            reason=reason,
            caller=caller,
            agent=" ".join(agent.split()) if agent and agent.strip() else caller.name,
        )

    def get_draft(self, draft_id: str, *, caller: Caller) -> StoredDraft:
        """Return a draft with its decision, if any; raises NotFound, also outside the caller's scopes."""
        stored = self._records.get_draft(draft_id)
        if not stored.caller.scopes <= caller.scopes:
            raise NotFound(f"no draft {draft_id!r}")
        return stored

    def list_drafts(
        self,
        *,
        caller: Caller,
        status: Literal["open", "decided", "all"] = "open",
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[StoredDraft], str | None]:
        """Return drafts the caller may see, newest first, and the next page's cursor (None on the last)."""
        return self._records.list_drafts(status=status, limit=limit, cursor=cursor, scopes=caller.scopes)

    def chunk(self, chunk_id: str, *, caller: Caller) -> Chunk:
        """Return a chunk of the live generation; raises NotFound, also outside the caller's scopes."""
        chunk = self._index.current().catalog.chunk(chunk_id)
        if chunk.scope not in caller.scopes:
            raise NotFound(f"no chunk {chunk_id!r} in the live index; it may have changed since it was cited")
        return chunk

    def document(self, document_id: str, *, caller: Caller) -> Document:
        """Return a document as it was indexed, masked; raises NotFound, also outside the scopes."""
        document = self._index.current().catalog.document(document_id)
        if document.scope not in caller.scopes:
            raise NotFound(f"no document {document_id!r} in the live index; `kb status` counts what is there")
        return document

    def status(self, *, caller: Caller) -> IndexStatus:
        """Return what is published, as far as `caller` may see it; problems are for those who index."""
        index = self._index.current()
        manifest, catalog = index.manifest, index.catalog
        by_kind = catalog.counts_by_kind(caller.scopes)
        return IndexStatus(
            generation=manifest.generation,
            created_at=manifest.created_at,
            model_id=manifest.model_id,
            dim=manifest.dim,
            documents=sum(by_kind.values()),
            chunks=catalog.count_chunks(caller.scopes),
            documents_by_kind=by_kind,
            topics=tuple(catalog.values("topic", caller.scopes)),
            skill_groups=tuple(catalog.values("skill_group", caller.scopes)),
            problems=manifest.problems if caller.role in ("manager", "admin") else (),
        )

    def _clean(self, text: str, name: str) -> str:
        """Check and mask what a person typed; control characters are dropped."""
        if len(text) > MAX_QUESTION:
            raise InvalidInput(f"{name} has {len(text):,} characters, at most {MAX_QUESTION:,} are accepted")
        cleaned = self.masked(text)
        if not cleaned.strip():
            raise InvalidInput(f"{name} is blank; type or paste the customer's message")
        return cleaned

    def masked(self, text: str) -> str:
        """Return `text` as it may be stored and shown."""
        return mask(visible(text), card_key_patterns=self._settings.card_key_patterns).text

    def _masked_customer(self, customer: Customer | None) -> Customer | None:
        if customer is None:
            return None
        return Customer(**{k: None if v is None else self.masked(v) for k, v in asdict(customer).items()})


def visible(text: str, *, instead: str = "") -> str:
    """Return `text` with `instead` for control characters, lone surrogates and zero-width marks."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in _UNSEEN else instead for c in text)


def today() -> date:
    """Return the date it is where the customers are."""
    return datetime.now(TIMEZONE).date()


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def _resolve(index: KnowledgeIndex, identifier: str, caller: Caller) -> Chunk | None:
    """Return the chunk an id names; a document id gives its whole text as one chunk."""
    try:
        chunk = index.catalog.chunk(identifier)
    except NotFound:
        try:
            chunk = _as_one_chunk(index.catalog.document(identifier))
        except NotFound:
            return None
    return chunk if chunk.scope in caller.scopes else None


def _as_one_chunk(document: Document) -> Chunk:
    return Chunk(
        id=document.id,
        document_id=document.id,
        kind=document.kind,
        title=document.title,
        heading="",
        text=document.text,
        source=Source(document.path, None, 0, len(document.text)),
        topic=document.topic,
        skill_group=document.skill_group,
        effective_from=document.effective_from,
        effective_to=document.effective_to,
        scope=document.scope,
    )
