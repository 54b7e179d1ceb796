"""The tables, as the newest migration leaves them: `draft`, `decision`, `audit`.

A change here needs a migration in `migrations/versions/` and its number in `database.HEAD`;
a test compares the two.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from kb_assistant.types import Action, Role

Json = dict[str, Any]  # whatever JSON carries; typed again where it is read


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time: aware going in and coming out, UTC in between (SQLite keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; a naive time is the caller's bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time must carry its zone, got {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back UTC, whatever zone the server speaks."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ScopeSet(TypeDecorator[frozenset[str]]):
    """A set of scopes as a sorted JSON array in text, so that equal sets are equal in SQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: frozenset[str] | None, dialect: Dialect) -> str | None:
        """Write the one spelling of a set."""
        return None if value is None else json.dumps(sorted(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> frozenset[str] | None:
        """Read it back."""
        return None if value is None else frozenset(json.loads(value))


class Base(DeclarativeBase):
    """Constraint names are fixed, so that later migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class DraftRow(Base):
    """A draft and who asked for it, under which scopes; `payload` is the whole `Draft`."""

    __tablename__ = "draft"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    question: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String)
    generation: Mapped[str] = mapped_column(String)
    caller: Mapped[str] = mapped_column(String)
    role: Mapped[Role] = mapped_column(String)
    scopes: Mapped[frozenset[str]] = mapped_column(ScopeSet)
    customer: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    payload: Mapped[Json] = mapped_column(JSON)

    # `scopes` too, so that a listing filters in the index and reads the fat rows of its page only.
    __table_args__ = (Index(None, "created_at", "id", "scopes"),)


class DecisionRow(Base):
    """What an agent did with a draft; the primary key is what makes a second decision impossible."""

    __tablename__ = "decision"

    draft_id: Mapped[str] = mapped_column(ForeignKey("draft.id"), primary_key=True)
    action: Mapped[Action] = mapped_column(String)
    final_text: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    agent: Mapped[str] = mapped_column(String)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """Who did what and when; triggers forbid UPDATE and DELETE.

    `draft_id` is no foreign key: the trail outlives the drafts it names.
    """

    __tablename__ = "audit"

    # AUTOINCREMENT never reuses an id, so a gap betrays a row that was removed behind our back.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String)
    role: Mapped[Role] = mapped_column(String)
    event: Mapped[str] = mapped_column(String)
    draft_id: Mapped[str | None] = mapped_column(String, index=True)
    generation: Mapped[str | None] = mapped_column(String)
    details: Mapped[Json] = mapped_column(JSON)
