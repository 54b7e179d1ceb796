"""Records on real SQLite files: durable, decided once, audited for good."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import get_args

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError

from kb_assistant.errors import AlreadyDecided, InvalidInput, NotFound, StorageError
from kb_assistant.records import AuditEvent, Records, StoredDraft, new_draft_id
from kb_assistant.records.database import HEAD, WRITING, alembic_config, open_database
from kb_assistant.records.tables import Base
from kb_assistant.types import (
    Action,
    Approval,
    Caller,
    Citation,
    Customer,
    Decision,
    Draft,
    DraftWarning,
    Figure,
    HandOff,
    MissingFact,
    Quality,
    Sentence,
    Source,
)
from tests.conftest import as_ordinary_user

AGENT = Caller(name="小李", role="agent", scopes=frozenset({"public", "内部"}))
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def make_draft(draft_id: str = "D1", *, question: str = "充值没到账,手机号[手机号1]") -> Draft:
    return Draft(
        sentences=(Sentence("24小时内到账。[1]", 0, 11, "sop", (1,)),),
        citations=(
            Citation(
                n=1,
                chunk_id="sop/充值.md#a1",
                document_id="sop/充值.md",
                title="充值",
                heading="到账 > 时限",
                quote="二十四小时内到账",
                source=Source(path="sop/充值.md", page=None, start=3, end=11),
                verdict="supports",
            ),
        ),
        figures=(Figure("24小时", 0, 4, "supported", 1, "二十四小时"),),
        warnings=(DraftWarning("omission", "漏了“节假日除外”", suggestion="补上"),),
        quality=Quality(0.5, 1.0, 0.75, ("语气平稳",)),
        draft_id=draft_id,
        question=question,
        status="answered",
        text="24小时内到账。[1]",
        reply_text="24小时内到账。",
        confidence=0.1 + 0.2,
        topic="充值",
        grade="ordinary",
        skill_group=None,
        missing_facts=(MissingFact("订单号", "请提供订单号"),),
        approval=Approval("manager", "超过 500 元"),
        hand_off=HandOff("问", "充值 到账", ("c1", "c2"), "没有依据", (), None, "urgent"),
        generator="composer",
        generation="g-1",
        took_ms=12,
    )


class Clock:
    """A second later at every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "records.sqlite3"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def records(url: str) -> Iterator[Records]:
    records = Records.open(url, clock=Clock())
    yield records
    records.close()


def save(records: Records, *draft_ids: str, caller: Caller = AGENT) -> None:
    for draft_id in draft_ids:
        records.save_draft(make_draft(draft_id), customer=None, caller=caller)


def accept(records: Records, draft_id: str, *, agent: str = "小李") -> Decision:
    return records.decide(
        draft_id, action="accepted", final_text=None, reason=None, caller=AGENT, agent=agent
    )


def listed(page: list[StoredDraft]) -> list[str]:
    return [stored.draft.draft_id for stored in page]


def test_a_draft_comes_back_as_it_was_given(records: Records) -> None:
    customer = Customer(tier="vip", type=None, notes="老客户")
    records.save_draft(make_draft(), customer=customer, caller=AGENT)
    assert records.get_draft("D1") == StoredDraft(
        draft=make_draft(),
        created_at=START + timedelta(seconds=1),
        caller=AGENT,
        customer=customer,
        decision=None,
    )


def test_a_draft_that_could_not_be_read_again_is_not_kept(records: Records) -> None:
    wrong = replace(make_draft(), status="certain")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="status"):
        records.save_draft(wrong, customer=None, caller=AGENT)
    assert records.counts()["drafts"] == 0


def test_a_draft_id_is_used_once_and_the_failed_second_leaves_no_audit_line(records: Records) -> None:
    save(records, "D1")
    with pytest.raises(IntegrityError) as caught:
        records.save_draft(make_draft(question="别的问题"), customer=None, caller=AGENT)
    assert "别的问题" not in str(caught.value)
    assert [line.event for line in records.audit_rows()] == ["draft.created"]


def test_a_decision_comes_back_with_its_draft(records: Records) -> None:
    save(records, "D1")
    decision = records.decide(
        "D1", action="edited", final_text="48小时内到账。", reason="节假日", caller=AGENT, agent="小王"
    )
    assert decision == Decision(
        "D1", "edited", "48小时内到账。", "节假日", "小王", START + timedelta(seconds=2)
    )
    assert records.get_draft("D1").decision == decision


def test_an_unknown_draft_is_not_found_by_its_id(records: Records) -> None:
    with pytest.raises(NotFound, match="no draft 'D9'"):
        records.get_draft("D9")
    with pytest.raises(NotFound, match="no draft 'D9'"):
        accept(records, "D9")


def test_a_second_decision_names_who_and_when(records: Records) -> None:
    save(records, "D1")
    accept(records, "D1", agent="小王")
    with pytest.raises(
        AlreadyDecided, match=r"'D1' was already accepted by '小王' at 2026-03-01T09:00:02\+00:00"
    ):
        accept(records, "D1")
    assert [line.event for line in records.audit_rows()] == ["draft.created", "draft.decided"]


def test_an_unknown_action_is_the_callers_bug(records: Records) -> None:
    save(records, "D1")
    with pytest.raises(ValueError, match="action must be one of accepted, edited"):
        records.decide("D1", action="maybe", final_text=None, reason=None, caller=AGENT, agent="x")  # type: ignore[arg-type]


def test_of_eight_threads_exactly_one_decides(records: Records) -> None:
    save(records, "D1")
    together = threading.Barrier(8)

    def decide(agent: str) -> str | None:
        together.wait()
        try:
            return accept(records, "D1", agent=agent).agent
        except AlreadyDecided:
            return None

    with ThreadPoolExecutor(8) as threads:
        winners = [agent for agent in threads.map(decide, [f"agent {n}" for n in range(8)]) if agent]
    stored = records.get_draft("D1").decision
    assert stored is not None
    assert winners == [stored.agent]
    assert len(list(records.audit_rows(draft_id="D1"))) == 2


def test_the_audit_trail_says_who_did_what_without_customer_text(records: Records) -> None:
    manager = Caller("王经理", "manager", frozenset())
    save(records, "D1")
    records.decide("D1", action="rejected", final_text="秘密", reason="秘密", caller=manager, agent="小王")
    records.record_event("index.published", caller=manager, generation="g-2", details={"documents": 7})
    assert list(records.audit_rows()) == [
        AuditEvent(
            1,
            START + timedelta(seconds=1),
            "小李",
            "agent",
            "draft.created",
            "D1",
            "g-1",
            {"status": "answered", "generator": "composer", "grade": "ordinary"},
        ),
        AuditEvent(
            2,
            START + timedelta(seconds=2),
            "王经理",
            "manager",
            "draft.decided",
            "D1",
            "g-1",
            {"action": "rejected", "agent": "小王"},
        ),
        AuditEvent(
            3,
            START + timedelta(seconds=3),
            "王经理",
            "manager",
            "index.published",
            None,
            "g-2",
            {"documents": 7},
        ),
    ]


def test_the_audit_trail_is_filtered_by_draft_and_by_time(records: Records) -> None:
    save(records, "D1", "D2")
    accept(records, "D1")
    assert [line.id for line in records.audit_rows(draft_id="D1")] == [1, 3]
    beijing = (START + timedelta(seconds=2)).astimezone(timezone(timedelta(hours=8)))
    assert [line.id for line in records.audit_rows(since=beijing)] == [2, 3]


def test_the_audit_trail_is_read_in_batches_to_its_end(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb_assistant.records.records.AUDIT_BATCH", 2)
    for _ in range(4):
        records.record_event("tick", caller=AGENT, details={})
    assert [line.id for line in records.audit_rows()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "REPLACE INTO audit SELECT id, at, 'nobody', role, event, draft_id, generation, details FROM audit",
    ],
)
def test_the_audit_trail_is_append_only(records: Records, path: Path, statement: str) -> None:
    save(records, "D1")
    before = list(records.audit_rows())
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="audit is append-only"):
        connection.execute(statement)
    connection.close()
    assert list(records.audit_rows()) == before


def test_drafts_are_listed_newest_first_by_status(records: Records) -> None:
    save(records, "D1", "D2", "D3")
    accept(records, "D2")
    assert listed(records.list_drafts()[0]) == ["D3", "D1"]
    assert listed(records.list_drafts(status="decided")[0]) == ["D2"]
    assert listed(records.list_drafts(status="all")[0]) == ["D3", "D2", "D1"]


def test_pages_stay_put_while_drafts_arrive_and_are_decided(records: Records) -> None:
    save(records, "D1", "D2", "D3", "D4", "D5")
    seen = []
    cursor = None
    for newcomer, decided in (("E1", "D5"), ("E2", "D1"), ("E3", "E1")):
        page, cursor = records.list_drafts(status="all", limit=2, cursor=cursor)
        seen += listed(page)
        save(records, newcomer)
        accept(records, decided)
    assert seen == ["D5", "D4", "D3", "D2", "D1"]
    assert cursor is None


def test_pages_of_drafts_of_one_moment_lose_none(url: str) -> None:
    records = Records.open(url, clock=lambda: START)
    save(records, *(f"D{n}" for n in range(7)))
    first, cursor = records.list_drafts(limit=3)
    second, cursor = records.list_drafts(limit=3, cursor=cursor)
    third, cursor = records.list_drafts(limit=3, cursor=cursor)
    assert listed(first + second + third) == ["D6", "D5", "D4", "D3", "D2", "D1", "D0"]
    assert cursor is None
    records.close()


def test_a_full_last_page_has_no_next(records: Records) -> None:
    save(records, "D1", "D2")
    assert records.list_drafts(limit=2)[1] is None


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "中文", "MjAyNi0wMy0wMSBEMQ", "a" * 40])
def test_a_foreign_cursor_is_invalid_input(records: Records, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="is not a cursor of a listing"):
        records.list_drafts(cursor=cursor)


def test_a_page_holds_at_least_one(records: Records) -> None:
    with pytest.raises(ValueError, match="limit must be >= 1, got 0"):
        records.list_drafts(limit=0)


def test_a_listing_keeps_within_scopes(records: Records) -> None:
    save(records, "D1", caller=Caller("a", "agent", frozenset({"public"})))
    save(records, "D2", caller=Caller("b", "agent", frozenset({"vip", "public"})))
    assert listed(records.list_drafts(scopes=frozenset({"public"}))[0]) == ["D1"]
    assert listed(records.list_drafts(scopes=frozenset({"public", "vip", "x"}))[0]) == ["D2", "D1"]
    assert records.list_drafts(scopes=frozenset()) == ([], None)


def test_counts(records: Records) -> None:
    assert set(records.counts()) == {"drafts", "decided", *get_args(Action)}
    save(records, "D1", "D2", "D3")
    accept(records, "D1")
    records.decide("D2", action="handed_off", final_text=None, reason=None, caller=AGENT, agent="x")
    assert records.counts() == {
        "drafts": 3,
        "decided": 2,
        "accepted": 1,
        "edited": 0,
        "rejected": 0,
        "handed_off": 1,
    }


def test_ids_are_short_sortable_and_url_safe() -> None:
    ids = [new_draft_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(draft_id) == 26 and draft_id.isalnum() and draft_id.isascii() for draft_id in ids)
    times = [draft_id[:10] for draft_id in ids]
    assert times == sorted(times)


def test_an_id_begins_with_its_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timestamp of the ULID specification's own example."""
    monkeypatch.setattr("time.time_ns", lambda: 1469918176385 * 1_000_000)
    assert new_draft_id()[:10] == "01ARYZ6S41"


def test_opening_migrates_to_head_and_a_second_time_changes_nothing(url: str, path: Path) -> None:
    def schema() -> list[tuple[object, ...]]:
        connection = sqlite3.connect(path)
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        found += connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.close()
        return found

    records = Records.open(url)
    save(records, "D1")
    records.close()
    before = schema()
    assert (HEAD,) in before
    records = Records.open(url)
    assert schema() == before
    assert records.get_draft("D1").draft == make_draft()
    records.close()


def test_migrations_lead_to_the_tables_of_the_code(url: str) -> None:
    engine = open_database(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [HEAD]
    engine.dispose()


def test_migrating_leaves_logging_alone(url: str) -> None:
    before = list(logging.root.handlers), logging.root.level, logging.getLogger("kb_assistant").disabled
    Records.open(url).close()
    after = list(logging.root.handlers), logging.root.level, logging.getLogger("kb_assistant").disabled
    assert after == before


def test_a_connection_is_durable_and_keeps_foreign_keys(url: str) -> None:
    engine = open_database(url)
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_readers_go_on_while_another_writes(records: Records, url: str) -> None:
    save(records, "D1")
    engine = open_database(url)
    with engine.execution_options(**WRITING).begin() as connection:
        connection.exec_driver_sql("UPDATE draft SET status = 'refused'")
        assert records.get_draft("D1").draft == make_draft()
        assert len(list(records.audit_rows())) == 1
    engine.dispose()


def test_many_may_open_a_new_database_at_once(url: str) -> None:
    together = threading.Barrier(8)

    def open_and_save(draft_id: str) -> None:
        together.wait()
        records = Records.open(url)
        save(records, draft_id)
        records.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(open_and_save, [f"D{n}" for n in range(8)]))
    records = Records.open(url)
    assert records.counts()["drafts"] == 8
    records.close()


@pytest.mark.parametrize("folder", ["/dev/null/x", "{tmp_path}/a file/x"])
def test_a_path_that_cannot_be_made_says_so(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(StorageError, match=r"Not a directory; make .* writable, or set KB_RECORDS_URL"):
        Records.open(f"sqlite:///{folder.format(tmp_path=tmp_path)}/records.sqlite3")


def test_a_folder_in_place_of_the_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"unable to open database file; make .* or set KB_RECORDS_URL"):
        Records.open(f"sqlite:///{tmp_path}")


def test_a_read_only_file_says_so_when_it_is_opened(open_folder: Path) -> None:
    path = open_folder / "records.sqlite3"
    with as_ordinary_user():
        Records.open(f"sqlite:///{path}").close()
        path.chmod(0o444)
        with pytest.raises(StorageError, match=r"readonly database; make .* or set KB_RECORDS_URL"):
            Records.open(f"sqlite:///{path}")


def test_a_file_that_is_no_database_says_so_and_is_left_alone(path: Path, url: str) -> None:
    path.parent.mkdir()
    path.write_bytes("这不是数据库".encode() * 100)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"file is not a database; move the file away, or .*backup"):
        Records.open(url)
    assert path.read_bytes() == before


def test_a_database_newer_than_the_code_says_so(path: Path, url: str) -> None:
    Records.open(url).close()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StorageError, match=r"has schema '9999', newer than .*; upgrade with: pip install"):
        Records.open(url)


def test_damage_found_later_is_a_storage_error(path: Path, url: str) -> None:
    records = Records.open(url)
    save(records, *(f"D{n}" for n in range(20)))
    records.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StorageError, match=r"malformed; move the file away, or .*backup"):
        Records.open(url).get_draft("D1")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("records.sqlite3", "KB_RECORDS_URL is not a database URL; expected e.g. sqlite:///"),
        ("mysql://u:secret@host/kb", "records cannot be kept in 'mysql'; use sqlite:///PATH or postgresql"),
        ("sqlite://", "records need a file of their own, got 'sqlite://'"),
        ("sqlite:///:memory:", "records need a file of their own"),
    ],
)
def test_a_url_of_no_use_says_so(url: str, message: str) -> None:
    with pytest.raises(StorageError, match=message) as caught:
        Records.open(url)
    assert "secret" not in str(caught.value)


WRITER = """
import os, signal, sys
from kb_assistant.records import Records
from kb_assistant.types import LOCAL_CALLER

for line in sys.stdin:  # a round: the drafts to decide, by a process of its own
    if writer := os.fork():
        os.waitpid(writer, 0)
        print("dead", flush=True)
        continue
    print(os.getpid(), flush=True)
    records = Records.open(sys.argv[1])
    for draft_id in line.split():
        records.decide(
            draft_id, action="accepted", final_text="好", reason=None, caller=LOCAL_CALLER, agent="a"
        )
        print(draft_id, flush=True)
    signal.pause()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_what_was_acknowledged_survives_kill_9(records: Records, url: str) -> None:
    rounds = [[f"R{n}D{m}" for m in range(15)] for n in range(10)]
    save(records, *(draft_id for drafts in rounds for draft_id in drafts))
    records.close()
    acknowledged = []
    command = [sys.executable, "-c", WRITER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for n, drafts in enumerate(rounds):
            print(*drafts, file=nursery.stdin, flush=True)
            writer = int(nursery.stdout.readline())
            acknowledged += [nursery.stdout.readline().strip() for _ in range(n + 1)]
            os.kill(writer, signal.SIGKILL)
            acknowledged += [line.strip() for line in iter(nursery.stdout.readline, "dead\n")]
    records = Records.open(url)
    decided, _ = records.list_drafts(status="decided", limit=1000)
    audited = {line.draft_id for line in records.audit_rows() if line.event == "draft.decided"}
    records.close()
    assert len(acknowledged) >= sum(n + 1 for n in range(len(rounds)))
    assert set(acknowledged) <= set(listed(decided))
    assert audited == set(listed(decided))
