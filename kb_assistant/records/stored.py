"""What the tables hold, as values: `Draft` to row, and rows to `StoredDraft`, `Decision`, `AuditEvent`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from kb_assistant.records.tables import AuditRow, DecisionRow, DraftRow
from kb_assistant.types import Caller, Customer, Decision, Draft, Role

_draft_json = TypeAdapter(Draft)
_customer_json = TypeAdapter(Customer)


@dataclass(frozen=True, slots=True)
class StoredDraft:
    """A draft as it was kept: who asked, when, for which customer, and what became of it."""

    draft: Draft
    created_at: datetime
    caller: Caller
    customer: Customer | None
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit trail; `id` grows with every line, `details` hold no customer text."""

    id: int
    at: datetime
    actor: str
    role: Role
    event: str
    draft_id: str | None
    generation: str | None
    details: Mapping[str, Any]


def draft_row(draft: Draft, *, created_at: datetime, customer: Customer | None, caller: Caller) -> DraftRow:
    """Return the row that keeps a draft; ValueError for one that could not be read again."""
    payload = _draft_json.dump_python(draft, mode="json")
    _draft_json.validate_python(payload)
    return DraftRow(
        id=draft.draft_id,
        created_at=created_at,
        question=draft.question,
        status=draft.status,
        generation=draft.generation,
        caller=caller.name,
        role=caller.role,
        scopes=caller.scopes,
        customer=None if customer is None else _customer_json.dump_python(customer, mode="json"),
        payload=payload,
    )


def stored_draft(row: DraftRow, decision: DecisionRow | None) -> StoredDraft:
    """Return the draft a row keeps, with the decision that was joined to it."""
    return StoredDraft(
        draft=_draft_json.validate_python(row.payload),
        created_at=row.created_at,
        caller=Caller(name=row.caller, role=row.role, scopes=row.scopes),
        customer=None if row.customer is None else _customer_json.validate_python(row.customer),
        decision=None if decision is None else decision_value(decision),
    )


def decision_row(decision: Decision) -> DecisionRow:
    """Return the row that keeps a decision."""
    return DecisionRow(
        draft_id=decision.draft_id,
        action=decision.action,
        final_text=decision.final_text,
        reason=decision.reason,
        agent=decision.agent,
        decided_at=decision.decided_at,
    )


def decision_value(row: DecisionRow) -> Decision:
    """Return the decision a row keeps."""
    return Decision(
        draft_id=row.draft_id,
        action=row.action,
        final_text=row.final_text,
        reason=row.reason,
        agent=row.agent,
        decided_at=row.decided_at,
    )


def audit_row(
    event: str,
    *,
    at: datetime,
    caller: Caller,
    draft_id: str | None = None,
    generation: str | None = None,
    details: Mapping[str, Any],
) -> AuditRow:
    """Return the audit line that says `caller` did `event`."""
    return AuditRow(
        at=at,
        actor=caller.name,
        role=caller.role,
        event=event,
        draft_id=draft_id,
        generation=generation,
        details=dict(details),
    )


def audit_event(row: AuditRow) -> AuditEvent:
    """Return the audit line a row keeps."""
    return AuditEvent(
        id=row.id,
        at=row.at,
        actor=row.actor,
        role=row.role,
        event=row.event,
        draft_id=row.draft_id,
        generation=row.generation,
        details=row.details,
    )
