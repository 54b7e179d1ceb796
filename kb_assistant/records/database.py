"""The database under the records: opened durable, migrated to head, its failures told with a remedy."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from kb_assistant.errors import StorageError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"  # the newest migration; known here so that an up-to-date database opens without Alembic
MIGRATIONS = Path(__file__).parent / "migrations"
EXAMPLE_URL = "sqlite:///indexes/records.sqlite3"
BUSY_TIMEOUT_MS = 30_000  # a commit takes milliseconds; only a stuck process holds the lock this long
MIGRATION_TIMEOUT_S = 120
POSTGRESQL_MIGRATION_LOCK = 0x6B62_7265_636F_7264  # "kbrecord": any fixed number of our own

WRITING: Mapping[str, Any] = {"sqlite_begin": "BEGIN IMMEDIATE"}
"""Execution options of a transaction that writes: SQLite takes the write lock, and waits for it, at
the start; a reader that turns writer half-way fails at once instead."""

_ELSEWHERE = "make the file and its folder writable, or set KB_RECORDS_URL to another place"
_RESTORE = "move the file away, or put a backup copy in its place"
_SQLITE_REMEDIES = {
    sqlite3.SQLITE_PERM: _ELSEWHERE,
    sqlite3.SQLITE_READONLY: _ELSEWHERE,
    sqlite3.SQLITE_CANTOPEN: _ELSEWHERE,
    sqlite3.SQLITE_AUTH: _ELSEWHERE,
    sqlite3.SQLITE_NOTADB: _RESTORE,
    sqlite3.SQLITE_CORRUPT: _RESTORE,
    sqlite3.SQLITE_FULL: "free some disk space",
    sqlite3.SQLITE_IOERR: "check the disk and its free space",
    sqlite3.SQLITE_BUSY: "find and stop the process that holds it, then try again",
    sqlite3.SQLITE_LOCKED: "find and stop the process that holds it, then try again",
}

_alembic_lock = Lock()  # Alembic keeps the running migration in module globals


def open_database(url: str) -> Engine:
    """Return an engine on the database at `url`, created where it is missing and migrated to head.

    A transaction is durable when its commit returns: SQLite in WAL mode syncs each commit to disk.

    Args:
        url: SQLAlchemy URL of a SQLite file or of a PostgreSQL database.

    Returns:
        An engine whose writing transactions should carry the `WRITING` execution options.

    Raises:
        StorageError: If the URL is of no use, or the database cannot be reached, written or understood.
    """
    parsed = _parse(url)
    engine = _create_engine(parsed)
    try:
        with _opening_alone(parsed), storage_errors(engine):
            _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def storage_errors(engine: Engine) -> Iterator[None]:
    """Turn what the user can fix in the database (disk, rights, damage, locks) into a StorageError."""
    try:
        yield
    except DatabaseError as error:
        remedy = _remedy(error)
        if remedy is None:
            raise
        reason = str(error.orig).strip().partition("\n")[0]
        raise StorageError(f"records database {_shown(engine.url)}: {reason}; {remedy}") from error


def alembic_config(connection: Connection) -> "Config":
    """Return the Alembic configuration that runs our migrations on `connection`, in its transaction."""
    from alembic.config import Config  # 0.2 s, and most openings have nothing to migrate

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # not quoted: what is no URL may still hold a password
        raise StorageError(f"KB_RECORDS_URL is not a database URL; expected e.g. {EXAMPLE_URL}") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StorageError(
            f"records cannot be kept in {parsed.get_backend_name()!r}; use sqlite:///PATH or postgresql://…"
        )
    if parsed.get_backend_name() == "sqlite" and (parsed.database or ":memory:").startswith((":", "file:")):
        raise StorageError(f"records need a file of their own, got {url!r}; expected e.g. {EXAMPLE_URL}")
    return parsed


def _create_engine(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            hide_parameters=True,  # tracebacks and logs would show what customers wrote
            pool_pre_ping=True,
            json_serializer=lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False),
        )
    except (ImportError, NoSuchModuleError) as error:
        package = "psycopg[binary]" if url.get_backend_name() == "postgresql" else url.drivername
        raise StorageError(
            f"no driver for {_shown(url)}; install one with: pip install '{package}'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin too late, and never for a SELECT
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # WAL alone may lose the last commits in a power cut
        "fullfsync=ON",  # macOS: past the drive's own cache
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


@contextmanager
def _opening_alone(url: URL) -> Iterator[None]:
    """Create the folder of a SQLite file and keep other processes from opening it meanwhile.

    Two connections that switch a new file to WAL at once get "database is locked", whatever their
    busy timeout; PostgreSQL needs no more than the advisory lock in `_migrate`.
    """
    if url.get_backend_name() != "sqlite" or url.database is None:
        yield
        return
    path = Path(url.database)
    with _folder_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock", timeout=MIGRATION_TIMEOUT_S)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _folder_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except Timeout as error:
        raise StorageError(
            f"{str(path)!r}: another process has been opening it for {MIGRATION_TIMEOUT_S} s; "
            "find and stop it, then try again"
        ) from error
    except OSError as error:
        raise StorageError(f"records database {str(path)!r}: {error.strerror}; {_ELSEWHERE}") from error


def _migrate(engine: Engine) -> None:
    """Bring the tables to `HEAD` in one transaction, which is also the lock and the test of writing."""
    with engine.execution_options(**WRITING).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRESQL_MIGRATION_LOCK})
        revision = _revision(connection)
        if (
            revision == HEAD
        ):  # BEGIN IMMEDIATE lets a read-only file pass; a write that changes nothing does not
            connection.execute(text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0"))
            return
        with _alembic_lock:
            _upgrade(connection, revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _upgrade(connection: Connection, revision: str | None) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StorageError(
            f"records database {_shown(connection.engine.url)} has schema {revision!r}, newer than {HEAD!r}, "
            "the newest this version knows; upgrade with: pip install --upgrade kb-assistant"
        )
    command.upgrade(config, "head")


def _remedy(error: DatabaseError) -> str | None:
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", 0)
        return _SQLITE_REMEDIES.get(code & 0xFF)  # the low byte of an extended code is the plain one
    if isinstance(error, OperationalError):
        return "check KB_RECORDS_URL and that the database server is up"
    return None


def _shown(url: URL) -> str:
    return repr(
        url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    )
