"""The HTTP endpoint: `/v1/…` over the façade, one error envelope, documentation without a CDN."""

import json
import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException
from starlette.routing import Match

from kb_assistant import __version__
from kb_assistant.assistant import MAX_QUESTION, MAX_TOP_K, Assistant, IndexStatus
from kb_assistant.drafting.drafter import DraftEvent, DraftReady, EvidenceFound
from kb_assistant.drafting.writing import Replaced, SentenceReady
from kb_assistant.errors import (
    AlreadyDecided,
    CorpusError,
    EmbedderUnavailable,
    IndexBusy,
    IndexCorrupt,
    IndexMismatch,
    IndexNotFound,
    InvalidInput,
    KbError,
    ModelUnavailable,
    NotFound,
    StorageError,
)
from kb_assistant.records import StoredDraft
from kb_assistant.types import (
    LOCAL_CALLER,
    Action,
    Check,
    Chunk,
    Customer,
    Decision,
    Document,
    Draft,
    DraftGenerator,
    Kind,
)
from kb_assistant.wire import HitJson, hit_json, to_json

log = logging.getLogger(__name__)

# until API keys name the caller, everyone on the loopback is LOCAL_CALLER

STATUS: dict[type[KbError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    AlreadyDecided: 409,
    CorpusError: 422,
    IndexBusy: 409,
    IndexNotFound: 503,
    IndexCorrupt: 503,
    IndexMismatch: 503,
    EmbedderUnavailable: 503,
    ModelUnavailable: 503,
    StorageError: 503,
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
_HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION, examples=["卡密没收到，钱已经扣了"])]


def _iso(value: Any) -> Any:
    if value is not None and not isinstance(value, str):  # pydantic would take 0 for 1970-01-01
        raise ValueError("must be a date as 2026-03-01")
    return value


AsOf = Annotated[
    date | None,
    BeforeValidator(_iso),
    Field(description="the date whose rules apply; today by default", examples=["2026-03-01"]),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SearchRequest(_Request):
    """What to look for and where."""

    query: Question
    top_k: int = Field(default=5, ge=1, le=MAX_TOP_K)
    kind: Kind | None = None
    topic: str | None = None
    skill_group: str | None = None
    as_of: AsOf = None


class CustomerContext(_Request):
    """What is known about the customer; it steers the tone and is never indexed."""

    tier: str | None = Field(default=None, max_length=200)
    type: str | None = Field(default=None, max_length=200)
    notes: str | None = Field(default=None, max_length=2000)


class DraftRequest(_Request):
    """A customer's message and what is known beside it."""

    question: Question
    customer: CustomerContext | None = None
    facts: str | None = Field(default=None, max_length=MAX_QUESTION)
    as_of: AsOf = None
    generator: DraftGenerator | None = Field(
        default=None, description="who words the reply; by default the language model if one is configured"
    )


class CitationRef(_Request):
    """The chunk or document behind a marker `[n]`."""

    n: int = Field(ge=1, le=999)
    chunk_id: str | None = Field(default=None, min_length=1, max_length=1000)
    document_id: str | None = Field(default=None, min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _names_something(self) -> "CitationRef":
        if (self.chunk_id is None) == (self.document_id is None):
            raise ValueError("give chunk_id or document_id")
        return self


class CheckRequest(_Request):
    """A final text and the clauses it cites; without citations they are retrieved."""

    question: Question
    text: Question
    citations: list[CitationRef] | None = Field(default=None, max_length=100)
    facts: str | None = Field(default=None, max_length=MAX_QUESTION)
    as_of: AsOf = None

    @model_validator(mode="after")
    def _numbers_are_distinct(self) -> "CheckRequest":
        numbers = [citation.n for citation in self.citations or ()]
        if len(set(numbers)) < len(numbers):
            raise ValueError("each citation needs a number n of its own")
        return self


class DecisionRequest(_Request):
    """What the agent did with a draft."""

    action: Action
    final_text: str | None = Field(default=None, max_length=MAX_QUESTION)
    reason: str | None = Field(default=None, max_length=2000)
    agent: str | None = Field(default=None, max_length=200)


class ErrorDetail(BaseModel):
    """`code` is stable; `message` is for people."""

    code: str
    message: str
    details: Any | None = None


class ErrorEnvelope(BaseModel):
    """Every error of the endpoint."""

    error: ErrorDetail


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """Hits, best first."""

    hits: list[HitJson]
    took_ms: float
    generation: str


@dataclass(frozen=True, slots=True)
class DraftRecord:
    """A stored draft with its decision."""

    draft: Draft
    created_at: datetime
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class DraftPage:
    """A page of drafts, newest first; `next_cursor` is null on the last one."""

    drafts: list[DraftRecord]
    next_cursor: str | None


def build_api(assistant: Assistant) -> FastAPI:
    """Return the application with the routes of the contract; the page is mounted later, last.

    Args:
        assistant: The façade that every route calls.

    Returns:
        The application.
    """
    app = FastAPIOffline(
        title="kb_assistant",
        version=__version__,
        description="知识库助手：检索、起草、核对、决定。",
        responses={code: {"model": ErrorEnvelope} for code in (404, 405, 409, 422, 503)},
    )
    _install_error_handlers(app)
    _add_search_and_check(app, assistant)
    _add_drafts(app, assistant)
    _add_sources(app, assistant)
    _add_operations(app, assistant)

    @app.api_route("/v1", methods=list(_METHODS), include_in_schema=False)
    @app.api_route("/v1/{path:path}", methods=list(_METHODS), include_in_schema=False)
    def unknown(request: Request) -> None:
        # this route matches every method, so a wrong one on a real endpoint ends here, too
        allowed = _methods_of(app, request.url.path)
        if allowed:
            raise HTTPException(
                405, f"{request.method} is not possible here, only {allowed}", headers={"Allow": allowed}
            )
        raise HTTPException(404, f"no endpoint {request.url.path}; the list is at /docs")

    return app


def _add_search_and_check(app: FastAPI, assistant: Assistant) -> None:
    @app.post("/v1/search", tags=["search"])
    def search(body: SearchRequest) -> SearchResponse:
        """Return the chunks that best match a query."""
        result = assistant.search(
            body.query,
            caller=LOCAL_CALLER,
            top_k=body.top_k,
            kind=body.kind,
            topic=body.topic,
            skill_group=body.skill_group,
            as_of=body.as_of,
        )
        return SearchResponse([hit_json(hit) for hit in result.hits], result.took_ms, result.generation)

    @app.post("/v1/check", tags=["check"])
    def check(body: CheckRequest) -> Check:
        """Check a final text against the clauses it cites."""
        citations = None
        if body.citations is not None:
            citations = {c.n: c.chunk_id or c.document_id or "" for c in body.citations}
        return assistant.check(
            body.question,
            body.text,
            caller=LOCAL_CALLER,
            citations=citations,
            facts=body.facts,
            as_of=body.as_of,
        )


def _add_drafts(app: FastAPI, assistant: Assistant) -> None:
    @app.post("/v1/drafts", tags=["drafts"])
    def create_draft(body: DraftRequest) -> Draft:
        """Draft a reply; the draft is kept and waits for a decision."""
        return _draft(assistant, body)

    @app.post("/v1/drafts/stream", tags=["drafts"], response_class=EventSourceResponse)
    def stream_draft(body: DraftRequest) -> Iterator[ServerSentEvent]:
        """Draft a reply as events.

        `evidence` first, then `sentence` for each one that has passed its check; `replace` where a
        language model's text is withdrawn ("" before another attempt, else what stands in its place),
        `draft` with the whole at the end, or `error`.
        """
        try:
            # closed with this generator: when the client leaves, the model stops writing
            with closing(_events(assistant, body)) as events:
                for event in events:
                    yield _sent(event)
        except KbError as error:  # the 200 is already sent; the error travels as an event
            yield _event("error", {"code": error.code, "message": str(error)})

    @app.get("/v1/drafts", tags=["drafts"])
    def list_drafts(
        status: Literal["open", "decided", "all"] = "open",
        cursor: Annotated[str | None, Field(max_length=200)] = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> DraftPage:
        """Return drafts, newest first."""
        page, following = assistant.list_drafts(
            caller=LOCAL_CALLER, status=status, limit=limit, cursor=cursor or None
        )
        return DraftPage([_record(stored) for stored in page], following)

    @app.get("/v1/drafts/{draft_id}", tags=["drafts"])
    def get_draft(draft_id: str) -> DraftRecord:
        """Return a draft and its decision."""
        return _record(assistant.get_draft(draft_id, caller=LOCAL_CALLER))

    @app.post("/v1/drafts/{draft_id}/decision", tags=["drafts"])
    def decide(draft_id: str, body: DecisionRequest) -> Decision:
        """Record what the agent did with the draft; a second decision is a 409."""
        return assistant.decide(
            draft_id,
            body.action,
            caller=LOCAL_CALLER,
            final_text=body.final_text,
            reason=body.reason,
            agent=body.agent,
        )


def _add_sources(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/v1/chunks/{chunk_id:path}", tags=["sources"])
    def get_chunk(chunk_id: str) -> Chunk:
        """Return one chunk of the live generation."""
        return assistant.chunk(chunk_id, caller=LOCAL_CALLER)

    @app.get("/v1/documents/{document_id:path}", tags=["sources"])
    def get_document(document_id: str) -> Document:
        """Return one document as it was indexed: masked, with the text that offsets refer to."""
        return assistant.document(document_id, caller=LOCAL_CALLER)


def _add_operations(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/v1/index", tags=["operations"])
    def get_index() -> IndexStatus:
        """Return what is published."""
        return assistant.status(caller=LOCAL_CALLER)

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=["operations"])
    def healthz() -> dict[str, str]:
        """Say that the process is alive."""
        return {"status": "ok"}

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", tags=["operations"])
    def readyz() -> dict[str, str]:
        """Say that index and records answer."""
        return {"status": "ok", "generation": assistant.check_ready()}


def _methods_of(app: FastAPI, path: str) -> str:
    """Return the methods that documented endpoints answer at `path`, joined by commas; "" if none."""
    found: set[str] = set()
    for method in _METHODS:
        scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}
        for route in app.routes:
            if getattr(route, "include_in_schema", False) and route.matches(scope)[0] is Match.FULL:
                found.add(method)
    return ", ".join(sorted(found))


def _draft(assistant: Assistant, body: DraftRequest) -> Draft:
    return next(event.draft for event in _events(assistant, body) if isinstance(event, DraftReady))


def _events(assistant: Assistant, body: DraftRequest) -> Generator[DraftEvent, None, None]:
    return assistant.draft_events(
        body.question,
        caller=LOCAL_CALLER,
        customer=None if body.customer is None else Customer(**body.customer.model_dump()),
        facts=body.facts,
        as_of=body.as_of,
        generator=body.generator,
    )


def _sent(event: DraftEvent) -> ServerSentEvent:
    match event:
        case EvidenceFound(hits):
            return _event("evidence", {"hits": [to_json(hit_json(hit)) for hit in hits]})
        case SentenceReady(sentence, figures):
            told = {
                "text": sentence.text,
                "support": sentence.support,
                "figures": [to_json(f) for f in figures],
            }
            return _event("sentence", told)
        case Replaced(text, reason):
            return _event("replace", {"text": text, "reason": reason})
        case DraftReady(draft):
            return _event("draft", to_json(draft))


def _record(stored: StoredDraft) -> DraftRecord:
    return DraftRecord(stored.draft, stored.created_at, stored.decision)


def _event(name: str, data: Any) -> ServerSentEvent:
    return ServerSentEvent(event=name, raw_data=json.dumps(data, ensure_ascii=False))


def _install_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(KbError)
    def known(_: Request, error: KbError) -> JSONResponse:
        return _error(STATUS.get(type(error), 400), error.code, str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        details = [
            {"at": ".".join(str(part) for part in e["loc"]), "message": e["msg"]} for e in error.errors()
        ]
        message = "; ".join(f"{d['at']}: {d['message']}" for d in details)
        return _error(422, "invalid_input", message, details)

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        code = _HTTP_CODES.get(error.status_code, "http_error")
        return _error(error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    def bug(_: Request, error: Exception) -> JSONResponse:
        log.exception("unhandled error", exc_info=error)
        return _error(500, "internal_error", "an unexpected error; the server's log has the details")


def _error(status: int, code: str, message: str, details: Any = None, headers: Any = None) -> JSONResponse:
    body: dict[str, Any] = {"code": code, "message": message}
    if details is not None:
        body["details"] = details
    return JSONResponse({"error": body}, status_code=status, headers=headers)
