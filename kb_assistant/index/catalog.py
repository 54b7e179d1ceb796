"""The catalog of a generation: its documents and chunks in one SQLite file, read by row number.

Filter columns are held as numpy arrays, so a filter costs microseconds; texts stay on disk.
"""

import errno
import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kb_assistant.corpus.tables import question_of
from kb_assistant.errors import NotFound
from kb_assistant.types import Chunk, Document, Filters, Source

_SCHEMA = """
CREATE TABLE document (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, title TEXT NOT NULL,
    text TEXT NOT NULL, path TEXT NOT NULL, page_starts TEXT NOT NULL, topic TEXT, skill_group TEXT,
    effective_from TEXT, effective_to TEXT, supersedes TEXT, scope TEXT NOT NULL, owner TEXT,
    attributes TEXT NOT NULL
) STRICT;
CREATE TABLE chunk (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document INTEGER NOT NULL REFERENCES document,
    heading TEXT NOT NULL, text TEXT NOT NULL, page INTEGER, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, embedding_key TEXT NOT NULL, same_as INTEGER NOT NULL
) STRICT;
"""
_DOCUMENT_COLUMNS = (
    "id, kind, title, text, path, page_starts, topic, skill_group, effective_from, effective_to, "
    "supersedes, scope, owner, attributes"
)
_CHUNK_QUERY = """
SELECT chunk.row, chunk.id, document.id, kind, title, heading, chunk.text, path, page, start, "end",
       topic, skill_group, effective_from, effective_to, scope
FROM chunk JOIN document ON document.position = chunk.document
"""
_FIRST_DAY, _LAST_DAY = date.min.toordinal(), date.max.toordinal()


def write_catalog(
    path: Path,
    documents: Sequence[Document],
    chunks: Sequence[Chunk],
    embedding_keys: Sequence[str],
    duplicates: NDArray[np.int32],
) -> None:
    """Write documents and chunks.

    Args:
        path: The file to make.
        documents: All documents.
        chunks: Their chunks; a chunk's row is its place here.
        embedding_keys: For each chunk what names its vector.
        duplicates: For each chunk the row of the first that says the same, shape (n,).

    Raises:
        OSError: Where SQLite cannot write, as other files do.
    """
    positions = {document.id: position for position, document in enumerate(documents)}
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_SCHEMA)
        connection.executemany(
            f"INSERT INTO document VALUES ({', '.join('?' * 15)})",
            ((position, *_document_row(document)) for position, document in enumerate(documents)),
        )
        connection.executemany(
            f"INSERT INTO chunk VALUES ({', '.join('?' * 10)})",
            (
                (
                    row,
                    chunk.id,
                    positions[chunk.document_id],
                    chunk.heading,
                    chunk.text,
                    chunk.source.page,
                    chunk.source.start,
                    chunk.source.end,
                    embedding_keys[row],
                    int(duplicates[row]),
                )
                for row, chunk in enumerate(chunks)
            ),
        )
        connection.commit()
    except sqlite3.OperationalError as error:
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error), str(path)) from error
    finally:
        connection.close()


class Catalog:
    """A written catalog, open for reading from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the catalog at `path`, whose checksum must have been verified."""
        self._connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self._lock = threading.Lock()  # one connection, many request threads
        columns = self._query(
            "SELECT document, scope, kind, topic, skill_group, effective_from, effective_to, same_as "
            "FROM chunk JOIN document ON document.position = chunk.document ORDER BY row"
        )
        self.document_of = np.array([c[0] for c in columns], dtype=np.int32)
        self.same_as = np.array([c[7] for c in columns], dtype=np.int32)
        self._scope, self._kind, self._topic, self._skill_group = (
            _Categories([c[i] for c in columns]) for i in range(1, 5)
        )
        self.is_ticket = self._kind.any_of({"ticket"})
        self.group_of_topic: dict[str, str] = dict(
            self._query(
                "SELECT topic, skill_group FROM document WHERE topic IS NOT NULL AND skill_group IS NOT NULL "
                "GROUP BY topic, skill_group ORDER BY count(*)"  # the commonest group is last and stays
            )
        )
        self._from = np.array([_ordinal(c[5], _FIRST_DAY) for c in columns], dtype=np.int32)
        self._to = np.array([_ordinal(c[6], _LAST_DAY) for c in columns], dtype=np.int32)

    def __len__(self) -> int:
        """Return the number of chunks."""
        return len(self.document_of)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def allowed(self, filters: Filters) -> NDArray[np.bool_] | None:
        """Return the mask over rows that `filters` admits, None when it admits every row."""
        day = filters.as_of.toordinal()
        mask = (self._from <= day) & (day <= self._to) & self._scope.any_of(filters.scopes)
        for wanted, column in (
            (filters.kind, self._kind),
            (filters.topic, self._topic),
            (filters.skill_group, self._skill_group),
        ):
            if wanted is not None:
                mask &= column.any_of({wanted})
        return None if bool(mask.all()) else mask

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """Return the chunks at `rows`, in that order."""
        marks = ", ".join("?" * len(rows))
        found = {r[0]: _chunk(r) for r in self._query(f"{_CHUNK_QUERY} WHERE chunk.row IN ({marks})", rows)}
        return [found[row] for row in rows]

    def chunk(self, chunk_id: str) -> Chunk:
        """Return one chunk by id; raises NotFound."""
        rows = self._query(f"{_CHUNK_QUERY} WHERE chunk.id = ?", [chunk_id])
        if not rows:
            raise NotFound(f"no chunk {chunk_id!r} in the live index; it may have changed since it was cited")
        return _chunk(rows[0])

    def document_chunks(self, document_id: str) -> list[Chunk]:
        """Return the chunks of one document in reading order; empty if there is none."""
        return [
            _chunk(r)
            for r in self._query(f"{_CHUNK_QUERY} WHERE document.id = ? ORDER BY row", [document_id])
        ]

    def document(self, document_id: str) -> Document:
        """Return one document by id; raises NotFound."""
        rows = self._query(f"SELECT {_DOCUMENT_COLUMNS} FROM document WHERE id = ?", [document_id])
        if not rows:
            raise NotFound(f"no document {document_id!r} in the live index; `kb status` counts what is there")
        return _document(rows[0])

    def ids_at(self, positions: Sequence[int]) -> list[str]:
        """Return the document ids at `positions` (values of `document_of`), in that order."""
        marks = ", ".join("?" * len(positions))
        found = dict(self._query(f"SELECT position, id FROM document WHERE position IN ({marks})", positions))
        return [found[position] for position in positions]

    def questions(self, scopes: Collection[str]) -> list[str]:
        """Return what was asked in the tickets and FAQ rows within `scopes`, in corpus order."""
        marks = ", ".join("?" * len(scopes))
        rows = self._query(
            f"SELECT kind, text FROM document WHERE scope IN ({marks}) ORDER BY position", list(scopes)
        )
        return [asked for kind, text in rows if (asked := question_of(kind, text))]

    def embedding_keys(self) -> list[str]:
        """Return the embedding key of every row, in row order."""
        return [r[0] for r in self._query("SELECT embedding_key FROM chunk ORDER BY row")]

    def counts_by_kind(self, scopes: Collection[str]) -> dict[str, int]:
        """Return the number of documents of each kind within `scopes`."""
        marks = ", ".join("?" * len(scopes))
        query = f"SELECT kind, count(*) FROM document WHERE scope IN ({marks}) GROUP BY kind ORDER BY kind"
        return dict(self._query(query, list(scopes)))

    def count_chunks(self, scopes: Collection[str]) -> int:
        """Return the number of chunks within `scopes`."""
        return int(self._scope.any_of(scopes).sum())

    def count_same(self, said: int, allowed: NDArray[np.bool_] | None) -> int:
        """Return how many chunks that `allowed` admits say what the group `said` of `same_as` says."""
        same = self.same_as == said
        return int(same.sum() if allowed is None else (same & allowed).sum())

    def values(self, column: Literal["topic", "skill_group"], scopes: Collection[str]) -> list[str]:
        """Return the distinct values of a document column within `scopes`, sorted."""
        marks = ", ".join("?" * len(scopes))
        rows = self._query(
            f"SELECT DISTINCT {column} FROM document "
            f"WHERE {column} IS NOT NULL AND scope IN ({marks}) ORDER BY {column}",
            list(scopes),
        )
        return [r[0] for r in rows]

    def _query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()


class _Categories:
    """A text column as small integers, so that a filter is one vectorised comparison."""

    def __init__(self, values: list[str | None]) -> None:
        codes: dict[str | None, int] = {}
        self._codes = np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int32)
        self._code_of = codes

    def any_of(self, wanted: Iterable[str]) -> NDArray[np.bool_]:
        return np.isin(self._codes, [self._code_of[value] for value in wanted if value in self._code_of])


def _ordinal(day: str | None, default: int) -> int:
    return default if day is None else date.fromisoformat(day).toordinal()


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _document_row(document: Document) -> tuple[Any, ...]:
    return (
        document.id,
        document.kind,
        document.title,
        document.text,
        document.path,
        json.dumps(document.page_starts),
        document.topic,
        document.skill_group,
        None if document.effective_from is None else document.effective_from.isoformat(),
        None if document.effective_to is None else document.effective_to.isoformat(),
        document.supersedes,
        document.scope,
        document.owner,
        json.dumps(dict(document.attributes), ensure_ascii=False, sort_keys=True),
    )


def _document(row: tuple[Any, ...]) -> Document:
    return Document(
        id=row[0],
        kind=row[1],
        title=row[2],
        text=row[3],
        path=row[4],
        page_starts=tuple(json.loads(row[5])),
        topic=row[6],
        skill_group=row[7],
        effective_from=_day(row[8]),
        effective_to=_day(row[9]),
        supersedes=row[10],
        scope=row[11],
        owner=row[12],
        attributes=json.loads(row[13]),
    )


def _chunk(row: tuple[Any, ...]) -> Chunk:
    return Chunk(
        id=row[1],
        document_id=row[2],
        kind=row[3],
        title=row[4],
        heading=row[5],
        text=row[6],
        source=Source(path=row[7], page=row[8], start=row[9], end=row[10]),
        topic=row[11],
        skill_group=row[12],
        effective_from=_day(row[13]),
        effective_to=_day(row[14]),
        scope=row[15],
    )
