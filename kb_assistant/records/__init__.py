"""Drafts, decisions and the audit trail: what was suggested, what agents did with it, who did what."""

from kb_assistant.records.draft_id import new_draft_id
from kb_assistant.records.records import Records
from kb_assistant.records.stored import AuditEvent, StoredDraft

__all__ = ["AuditEvent", "Records", "StoredDraft", "new_draft_id"]
