"""Records: keeps drafts, takes one decision on each, and remembers who did what."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Literal, get_args

from sqlalchemy import Engine, Select, func, literal, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from kb_assistant.errors import AlreadyDecided, NotFound
from kb_assistant.records.cursor import read_cursor, write_cursor
from kb_assistant.records.database import WRITING, open_database, storage_errors
from kb_assistant.records.stored import (
    AuditEvent,
    StoredDraft,
    audit_event,
    audit_row,
    decision_row,
    draft_row,
    stored_draft,
)
from kb_assistant.records.tables import AuditRow, DecisionRow, DraftRow
from kb_assistant.types import Action, Caller, Customer, Decision, Draft

AUDIT_BATCH = 500  # rows read at a time, so that a long export holds no transaction open


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


class Records:
    """The records database, open; every method is its own transaction and safe from any thread.

    What returned is on disk: a draft or a decision survives a crash, together with its audit line.
    Texts must be masked before they come here. Every method raises StorageError when the database
    cannot be read or written.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Wrap an engine that `open_database` made; use `Records.open`."""
        self._engine = engine
        self._clock = clock
        self._read = sessionmaker(engine)
        self._write = sessionmaker(engine.execution_options(**WRITING))
        # SQLite takes one writer at a time and lets the others poll, some for a second; here they queue.
        self._turn = Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @classmethod
    def open(cls, url: str, *, clock: Callable[[], datetime] = utc_now) -> "Records":
        """Open the database at `url`, created where it is missing and migrated to the newest schema.

        Args:
            url: SQLAlchemy URL of a SQLite file (`sqlite:///PATH`) or of a PostgreSQL database.
            clock: Gives the aware time of what is written.

        Returns:
            Records ready for use; `close` them.

        Raises:
            StorageError: If the URL is of no use, the path cannot be written, the file is not a
                database, or a newer version of this program has written it.
        """
        return cls(open_database(url), clock=clock)

    def close(self) -> None:
        """Close every connection; the last one folds SQLite's write-ahead log into the file."""
        self._engine.dispose()

    def save_draft(self, draft: Draft, *, customer: Customer | None, caller: Caller) -> None:
        """Keep a new draft, with an audit line `draft.created`; the id must be a new one."""
        now = self._clock()
        row = draft_row(draft, created_at=now, customer=customer, caller=caller)
        created = audit_row(
            "draft.created",
            at=now,
            caller=caller,
            draft_id=draft.draft_id,
            generation=draft.generation,
            details={"status": draft.status, "generator": draft.generator, "grade": draft.grade},
        )
        with self._writing() as session:
            session.add_all([row, created])

    def get_draft(self, draft_id: str) -> StoredDraft:
        """Return one draft with its decision, if any; NotFound when there is none of that id."""
        with self._reading() as session:
            found = session.execute(_drafts().where(DraftRow.id == draft_id)).one_or_none()
            if found is None:
                raise _no_draft(draft_id)
            return stored_draft(*found)

    def list_drafts(
        self,
        *,
        status: Literal["open", "decided", "all"] = "open",
        limit: int = 50,
        cursor: str | None = None,
        scopes: frozenset[str] | None = None,
    ) -> tuple[list[StoredDraft], str | None]:
        """Return a page of drafts, newest first, and the cursor of the next page, None after the last.

        A cursor marks a place in time, not a count: drafts that arrive or are decided meanwhile
        neither repeat a draft nor hide one.

        Args:
            status: "open" are those without a decision.
            limit: Upper bound on the drafts of a page, at least 1.
            cursor: What the call before returned; None starts at the newest.
            scopes: Only drafts whose caller saw nothing beyond these scopes; None means all.

        Returns:
            The drafts, and the cursor to go on with.

        Raises:
            InvalidInput: If the cursor is not one of ours.
            ValueError: If `limit` is below 1.
        """
        if limit < 1:
            raise ValueError(f"limit must be >= 1, got {limit}")
        query = _drafts().order_by(DraftRow.created_at.desc(), DraftRow.id.desc()).limit(limit + 1)
        if status != "all":
            query = query.where(
                DecisionRow.draft_id.is_(None) if status == "open" else DecisionRow.draft_id.is_not(None)
            )
        if cursor is not None:
            created_at, draft_id = read_cursor(cursor)
            place = tuple_(literal(created_at, DraftRow.created_at.type), literal(draft_id))
            query = query.where(tuple_(DraftRow.created_at, DraftRow.id) < place)
        with self._reading() as session:
            if scopes is not None:
                kept = session.scalars(select(DraftRow.scopes).distinct())
                query = query.where(DraftRow.scopes.in_([seen for seen in kept if seen <= scopes]))
            found = [stored_draft(*row) for row in session.execute(query)]
        if len(found) <= limit:
            return found, None
        last = found[limit - 1]
        return found[:limit], write_cursor(last.created_at, last.draft.draft_id)

    def decide(
        self,
        draft_id: str,
        *,
        action: Action,
        final_text: str | None,
        reason: str | None,
        caller: Caller,
        agent: str,
    ) -> Decision:
        """Take the one decision on a draft, with an audit line `draft.decided`.

        Args:
            draft_id: The draft decided on.
            action: What the agent did with it.
            final_text: The masked text that was sent, if any.
            reason: Why, in the agent's words, masked.
            caller: Who called; the audit line names them.
            agent: Who decided; the decision names them.

        Returns:
            The decision as it was written.

        Raises:
            NotFound: If there is no such draft.
            AlreadyDecided: If another decision came first; the message says whose and when.
            ValueError: If `action` is none of the four.
        """
        if action not in get_args(Action):
            raise ValueError(f"action must be one of {', '.join(get_args(Action))}, got {action!r}")
        decision = Decision(draft_id, action, final_text, reason, agent, decided_at=self._clock())
        try:
            self._write_decision(decision, caller)
        except IntegrityError as error:  # the primary key: of several at once, exactly one gets through
            earlier = self.get_draft(draft_id).decision
            if earlier is None:
                raise
            raise AlreadyDecided(
                f"draft {draft_id!r} was already {earlier.action} by {earlier.agent!r} at "
                f"{earlier.decided_at.isoformat(timespec='seconds')}; ask for a new draft to decide again"
            ) from error
        return decision

    def record_event(
        self, event: str, *, caller: Caller, generation: str | None = None, details: Mapping[str, Any]
    ) -> None:
        """Add an audit line about something that is not a draft, such as `index.published`.

        `details` are JSON values and must hold nothing a customer wrote.
        """
        row = audit_row(event, at=self._clock(), caller=caller, generation=generation, details=details)
        with self._writing() as session:
            session.add(row)

    def audit_rows(
        self, *, draft_id: str | None = None, since: datetime | None = None
    ) -> Iterator[AuditEvent]:
        """Yield the audit trail, oldest first: all of it, or only one draft's, or from an aware time on.

        It is read a few hundred lines at a time; what is written meanwhile comes at its turn.
        """
        query = select(AuditRow).order_by(AuditRow.id).limit(AUDIT_BATCH)
        if draft_id is not None:
            query = query.where(AuditRow.draft_id == draft_id)
        if since is not None:
            query = query.where(AuditRow.at >= since)
        last = 0
        while True:
            with self._reading() as session:
                batch = [audit_event(row) for row in session.scalars(query.where(AuditRow.id > last))]
            yield from batch
            if len(batch) < AUDIT_BATCH:
                return
            last = batch[-1].id

    def counts(self) -> dict[str, int]:
        """Return how many `drafts` there are, how many `decided`, and how many by each action."""
        by_action: dict[str, int] = dict.fromkeys(get_args(Action), 0)
        with self._reading() as session:
            decided = select(DecisionRow.action, func.count()).group_by(DecisionRow.action)
            for action, count in session.execute(decided):
                by_action[action] = count
            drafts = session.scalar(select(func.count()).select_from(DraftRow)) or 0
        return {"drafts": drafts, "decided": sum(by_action.values()), **by_action}

    def _write_decision(self, decision: Decision, caller: Caller) -> None:
        with self._writing() as session:
            generation = session.scalar(select(DraftRow.generation).where(DraftRow.id == decision.draft_id))
            if generation is None:
                raise _no_draft(decision.draft_id)
            decided = audit_row(
                "draft.decided",
                at=decision.decided_at,
                caller=caller,
                draft_id=decision.draft_id,
                generation=generation,
                details={"action": decision.action, "agent": decision.agent},
            )
            session.add_all([decision_row(decision), decided])

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with storage_errors(self._engine), self._read.begin() as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with storage_errors(self._engine), self._turn, self._write.begin() as session:
            yield session


def _drafts() -> Select[DraftRow, DecisionRow]:
    return select(DraftRow, DecisionRow).outerjoin(DecisionRow, DecisionRow.draft_id == DraftRow.id)


def _no_draft(draft_id: str) -> NotFound:
    return NotFound(f"no draft {draft_id!r}; GET /v1/drafts?status=all lists them")
