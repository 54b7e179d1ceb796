"""Corpus → published generation. Only chunks whose content changed are embedded."""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from kb_assistant.corpus.lexicon import read_lexicon
from kb_assistant.corpus.loading import load_corpus
from kb_assistant.corpus.parsed import Problem
from kb_assistant.corpus.splitting import split
from kb_assistant.errors import CorpusError, KbError
from kb_assistant.index.catalog import Catalog, write_catalog
from kb_assistant.index.dense import DenseIndex
from kb_assistant.index.duplicates import find_duplicates
from kb_assistant.index.generations import (
    FORMAT,
    Manifest,
    checksums,
    generation_path,
    live_generation,
    new_generation_name,
    publish,
    read_manifest,
    storage_errors,
    verify,
    write_lexicon,
    writing,
)
from kb_assistant.index.questions import QuestionStyle
from kb_assistant.index.sparse import SparseIndex
from kb_assistant.types import Chunk, Document, Embedder, Embeddings, Lexicon

log = logging.getLogger(__name__)

_EMBEDDING_BATCH = 128  # chunks between two progress reports, about 5 s on two cores
Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did; `published` is False when the live generation already had this content."""

    generation: str
    published: bool
    documents: int
    chunks: int
    embedded: int
    reused: int
    problems: tuple[Problem, ...]
    took_s: float


def build_index(
    corpus: Path,
    index_dir: Path,
    embedder: Embedder,
    *,
    card_key_patterns: Sequence[str] = (),
    progress: Progress = lambda stage, done, total: None,
) -> BuildReport:
    """Build the index of `corpus` aside and publish it in `index_dir` atomically.

    Vectors of chunks whose embedded text and model are unchanged are taken from the live
    generation. If nothing changed at all, the live generation stays and nothing is written.

    Args:
        corpus: A folder, or one file, as `load_corpus` reads them.
        index_dir: Where generations live; created if missing.
        embedder: The model; the index opens with no other.
        card_key_patterns: Regular expressions of card keys that are masked without a cue.
        progress: Told about the stages "load", "embed" and "write".

    Returns:
        The report; files that could not be read are in `problems` and the rest is published.

    Raises:
        CorpusError: If there is nothing to index.
        IndexBusy: If another process is building.
        StorageError: If `index_dir` cannot be written; the live generation is untouched.
    """
    started = time.perf_counter()
    with writing(index_dir):
        progress("load", 0, 1)
        loaded = load_corpus(corpus, card_key_patterns=card_key_patterns)
        documents, unsuccessful = _end_superseded(loaded.documents)
        lexicon, misread = read_lexicon(corpus)
        problems = (*loaded.problems, *unsuccessful, *misread)
        chunks = [chunk for document in documents for chunk in split(document)]
        if not chunks:
            raise CorpusError(f"nothing to index in {str(corpus)!r}: its documents hold no text")
        progress("load", 1, 1)
        fingerprint = _fingerprint(documents, chunks, lexicon, problems, embedder.model_id)
        live = _live_manifest(index_dir)
        if live is not None and live.fingerprint == fingerprint:
            return BuildReport(
                generation=live.generation,
                published=False,
                documents=len(documents),
                chunks=len(chunks),
                embedded=0,
                reused=len(chunks),
                problems=problems,
                took_s=time.perf_counter() - started,
            )
        keys = [_embedding_key(chunk, embedder.model_id) for chunk in chunks]
        directory = None if live is None else generation_path(index_dir, live.generation)
        known = {} if directory is None else _known_vectors(directory, set(keys))
        vectors, embedded = _embed(chunks, keys, known, embedder, progress)
        measured = None if directory is None else QuestionStyle.open(directory / "questions.npz")
        style = QuestionStyle.measure(chunks, vectors, embedder, measured)
        progress("write", 0, 1)
        created_at = datetime.now(UTC)
        generation = new_generation_name(created_at, fingerprint)
        building = index_dir / "generations" / f".building-{generation}"
        try:
            with storage_errors(index_dir):
                building.mkdir()
                duplicates = find_duplicates([_said(chunk) for chunk in chunks])
                write_catalog(building / "catalog.sqlite3", documents, chunks, keys, duplicates)
                write_lexicon(building / "lexicon.json", lexicon)
                DenseIndex.build(vectors).save(building / "dense.faiss")
                style.save(building / "questions.npz")
                SparseIndex.build(indexed_text(chunk) for chunk in chunks).save(building / "sparse")
                manifest = Manifest(
                    format=FORMAT,
                    generation=generation,
                    created_at=created_at.isoformat(timespec="seconds"),
                    model_id=embedder.model_id,
                    dim=embedder.dim,
                    fingerprint=fingerprint,
                    documents=len(documents),
                    chunks=len(chunks),
                    problems=tuple(str(problem) for problem in problems),
                    files=checksums(building),
                )
                publish(index_dir, building, manifest)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        progress("write", 1, 1)
    return BuildReport(
        generation=generation,
        published=True,
        documents=len(documents),
        chunks=len(chunks),
        embedded=embedded,
        reused=len(chunks) - embedded,
        problems=problems,
        took_s=time.perf_counter() - started,
    )


def indexed_text(chunk: Chunk) -> str:
    """Return what both legs index: title, heading path and text, so a chunk knows its place."""
    return "\n".join(part for part in (chunk.title, chunk.heading, chunk.text) if part)


def _said(chunk: Chunk) -> str:
    """Return what tells a chunk from a duplicate: a clause needs its headings, a row says it all itself."""
    return chunk.text if chunk.kind in ("ticket", "faq") else indexed_text(chunk)


def _end_superseded(documents: Sequence[Document]) -> tuple[list[Document], list[Problem]]:
    """End each superseded document the day before its first successor begins, unless it ends earlier.

    A successor without a first day cannot end anything and is a problem: both rules stay live.
    """
    last_day: dict[str, date] = {}
    problems = []
    for document in documents:
        if document.supersedes is None:
            continue
        if document.supersedes == document.id:
            what = f"{document.id!r} supersedes itself; that is ignored"
            problems.append(Problem(document.path, None, what))
            continue
        if document.effective_from is None or document.effective_from == date.min:
            what = f"supersedes {document.supersedes!r} but has no effective_from, so both rules are in force"
            problems.append(Problem(document.path, None, what))
            continue
        ended = document.effective_from - timedelta(days=1)
        last_day[document.supersedes] = min(ended, last_day.get(document.supersedes, ended))
    ended_documents = [
        replace(d, effective_to=min(d.effective_to or last_day[d.id], last_day[d.id]))
        if d.id in last_day
        else d
        for d in documents
    ]
    return ended_documents, problems


def _embedding_key(chunk: Chunk, model_id: str) -> str:
    return hashlib.sha256(f"{model_id}\0{indexed_text(chunk)}".encode()).hexdigest()


def _fingerprint(
    documents: Sequence[Document],
    chunks: Sequence[Chunk],
    lexicon: Lexicon,
    problems: Sequence[Problem],
    model_id: str,
) -> str:
    digest = hashlib.sha256(f"{FORMAT}\0{model_id}\0".encode())
    for document in documents:
        fields = {slot: getattr(document, slot) for slot in Document.__slots__}
        digest.update(json.dumps(fields, ensure_ascii=False, sort_keys=True, default=str).encode())
    for chunk in chunks:  # the same documents split by other rules are another index
        digest.update(chunk.id.encode())
    digest.update(json.dumps(asdict(lexicon), ensure_ascii=False, sort_keys=True).encode())
    for problem in problems:  # so that the manifest lists today's
        digest.update(str(problem).encode())
    return digest.hexdigest()


def _live_manifest(index_dir: Path) -> Manifest | None:
    try:
        directory = generation_path(index_dir, live_generation(index_dir))
        manifest = read_manifest(directory)
        verify(directory, manifest)
        return manifest
    except KbError as error:  # none, damaged or of another version: build anew
        log.info("no generation to take vectors from: %s", error)
        return None


def _known_vectors(directory: Path, wanted: set[str]) -> dict[str, Embeddings]:
    """Return embedding key → vector of the rows of a verified generation whose key is wanted."""
    catalog = Catalog(directory / "catalog.sqlite3")
    try:
        keys = catalog.embedding_keys()
    finally:
        catalog.close()
    if wanted.isdisjoint(keys):
        return {}
    vectors = DenseIndex.open(directory / "dense.faiss").vectors()
    return {key: vectors[row] for row, key in enumerate(keys) if key in wanted}


def _embed(
    chunks: Sequence[Chunk],
    keys: Sequence[str],
    known: dict[str, Embeddings],
    embedder: Embedder,
    progress: Progress,
) -> tuple[Embeddings, int]:
    """Return the vectors of all chunks, shape (n, dim), and how many chunks had to be embedded."""
    missing = [row for row, key in enumerate(keys) if key not in known]
    vectors = np.empty((len(chunks), embedder.dim), dtype=np.float32)
    for row, key in enumerate(keys):
        if key in known:
            vectors[row] = known[key]
    rows = iter(missing)
    done = 0
    progress("embed", 0, len(missing))
    while batch := list(islice(rows, _EMBEDDING_BATCH)):
        vectors[batch] = embedder.embed_passages([indexed_text(chunks[row]) for row in batch])
        done += len(batch)
        progress("embed", done, len(missing))
    return vectors, len(missing)
