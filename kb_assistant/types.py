"""The nouns of the product: documents and chunks, hits, drafts and their check, decisions, callers.

Every offset counts code points of the *masked* document or draft text. Every score is
"higher is better". All values are frozen; behaviour lives in functions over them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
"""float32, shape (n, dim), unit-length rows, so that inner product is cosine."""

Kind = Literal["sop", "ticket", "faq", "document"]
Support = Literal["sop", "faq", "document", "ticket", "agent", "unsupported", "none"]
DraftStatus = Literal["answered", "refused", "conflict", "small_talk"]
Grade = Literal["ordinary", "urgent"]
DraftGenerator = Literal["composer", "model"]
Action = Literal["accepted", "edited", "rejected", "handed_off"]
CitationVerdict = Literal["supports", "does_not_support", "dangling", "superseded"]
FigureVerdict = Literal["supported", "contradicted", "unsupported"]
WarningKind = Literal[
    "omission",
    "promise",
    "forbidden_phrase",
    "missing_fact",
    "approval",
    "conflict",
    "superseded",
    "contradicts_sop",
    "quoted_instruction",
]
Role = Literal["agent", "manager", "tool", "admin"]

PUBLIC_SCOPE = "public"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: every façade method takes one, and sees only documents within `scopes`."""

    name: str
    role: Role
    scopes: frozenset[str]


LOCAL_CALLER = Caller(name="local", role="admin", scopes=frozenset({PUBLIC_SCOPE}))


@dataclass(frozen=True, slots=True)
class Document:
    """One SOP, one resolved ticket, one FAQ entry or one plain passage: masked text and metadata.

    `text` is what `/v1/documents` returns; headings are Markdown lines (`## …`) in every format
    but plain passages. `page_starts[i]` is the offset in `text` where page i + 1 begins (PDF only).
    """

    id: str
    kind: Kind
    title: str
    text: str
    path: str
    page_starts: tuple[int, ...] = ()
    topic: str | None = None
    skill_group: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    supersedes: str | None = None
    scope: str = PUBLIC_SCOPE
    owner: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a chunk stands: file, PDF page (from 1, else None), span in the document's text."""

    path: str
    page: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit that is indexed: `document.text[source.start:source.end] == text`.

    `heading` is the path of headings above it, joined by " > ", "" at the top of a document.
    `id` is made of the document id and a hash of heading and text, so it survives re-indexing
    while the words are the same.
    """

    id: str
    document_id: str
    kind: Kind
    title: str
    heading: str
    text: str
    source: Source
    topic: str | None = None
    skill_group: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    scope: str = PUBLIC_SCOPE


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What a manager wrote down about words: alias (simplified) → the manual's term; urgent words.

    `siblings` are groups of names of which a rule is about one: what holds for 点卡 need not for 话费.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    urgent: tuple[str, ...] = ()
    siblings: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class AliasUse:
    """An alias that occurs in a text, and the term it stands for."""

    alias: str
    term: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search may return; None means "any".

    `as_of` keeps what was in force on that date (both ends inclusive) and `scopes` what the
    caller may see; both always apply.
    """

    scopes: frozenset[str]
    as_of: date
    kind: Kind | None = None
    topic: str | None = None
    skill_group: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its fused score; `dense` is its cosine and `sparse` its BM25 score.

    `duplicates` other chunks say the same thing and are not shown.
    """

    chunk: Chunk
    rank: int
    score: float
    dense: float
    sparse: float
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well anything matched a question, before fusion; zeros where nothing did.

    `cosine` is the best one, `spread` how far it lies above the mean of the hundred best different
    texts, `bm25` the best BM25 score; `unknown_codes` are error codes that the knowledge base does not know.
    """

    cosine: float
    spread: float
    bm25: float
    unknown_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a draft, `text == draft.text[start:end]`, and what stands behind it."""

    text: str
    start: int
    end: int
    support: Support
    citations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """The pointer `[n]` of a draft to a chunk; `quote` is the source's own wording."""

    n: int
    chunk_id: str
    document_id: str
    title: str
    heading: str
    quote: str
    source: Source
    verdict: CitationVerdict


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit in a draft, and whether the clause its sentence cites carries it.

    `source_text` is the statement it was held against; `source_figure` the figure that stands there in place
    of a contradicted one.
    """

    text: str
    start: int
    end: int
    verdict: FigureVerdict
    citation: int | None = None
    source_text: str | None = None
    source_figure: str | None = None


@dataclass(frozen=True, slots=True)
class DraftWarning:
    """Something the agent should look at before sending; the span, when given, is in `text`."""

    kind: WarningKind
    message: str
    start: int | None = None
    end: int | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """Scores from 0 to 1 with the reasons in `notes`."""

    empathy: float
    completeness: float
    tone: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissingFact:
    """Something the steps need and the customer has not said; `ask` is the line to send."""

    name: str
    ask: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Who must approve what the draft offers, and why."""

    role: str
    reason: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """The brief for the colleague who takes over a question the knowledge base cannot answer.

    `searched` is the message with the manual's words for it, `why` what the nearest chunks do not say.
    """

    question: str
    searched: str
    nearest: tuple[str, ...]
    why: str
    missing: tuple[str, ...]
    skill_group: str | None
    grade: Grade
    grade_reason: str = ""
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on a text against the clauses it cites; offsets refer to that text."""

    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    figures: tuple[Figure, ...]
    warnings: tuple[DraftWarning, ...]
    quality: Quality


@dataclass(frozen=True, slots=True)
class Draft(Check):
    """A suggested reply: `text` carries the `[n]` markers, `reply_text` is what is sent.

    `topic_reason` and `grade_reason` say why, "" where there is nothing to say.
    """

    draft_id: str
    question: str
    status: DraftStatus
    text: str
    reply_text: str
    confidence: float
    topic: str | None
    grade: Grade
    skill_group: str | None
    missing_facts: tuple[MissingFact, ...]
    approval: Approval | None
    hand_off: HandOff | None
    generator: str
    generation: str
    took_ms: float
    topic_reason: str = ""
    grade_reason: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """What the caller tells about the customer; it steers the tone and is never indexed."""

    tier: str | None = None
    type: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What an agent did with a draft; `final_text` is the masked text that was sent."""

    draft_id: str
    action: Action
    final_text: str | None
    reason: str | None
    agent: str
    decided_at: datetime


class Embedder(Protocol):
    """Turns texts into unit-length vectors; questions and passages are embedded differently."""

    @property
    def model_id(self) -> str:
        """Name and revision of the model; an index opens only with the one that built it."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def embed_queries(self, texts: list[str]) -> Embeddings:
        """Embed what people ask: shape (len(texts), dim); an empty list gives shape (0, dim)."""

    def embed_passages(self, texts: list[str]) -> Embeddings:
        """Embed what is searched: shape (len(texts), dim); an empty list gives shape (0, dim)."""
