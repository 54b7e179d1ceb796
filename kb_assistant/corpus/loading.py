"""A folder of files to masked documents, and the problems met on the way."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from kb_assistant.corpus.files import FORMATS, CorpusFile, find_files, unused_sidecars
from kb_assistant.corpus.isolation import ISOLATED_READERS, ParserPool
from kb_assistant.corpus.markdown import find_headings, read_markdown
from kb_assistant.corpus.masking import mask_all
from kb_assistant.corpus.metadata import Metadata, parse_metadata, read_sidecar
from kb_assistant.corpus.parsed import Parsed, Problem, Row, Rows
from kb_assistant.corpus.tables import read_csv, read_jsonl
from kb_assistant.corpus.text import clean_line, quote, read_text
from kb_assistant.errors import CorpusError, UnreadableFile
from kb_assistant.types import Document

_READERS: dict[str, Callable[[Path], Parsed | Rows]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
    ".jsonl": read_jsonl,
    ".csv": read_csv,
}
_SUFFIXES = frozenset((*_READERS, *ISOLATED_READERS))
_MAX_PROBLEMS_PER_FILE = 20  # a table of another shape is broken in every row
_SHOWN_PROBLEMS = 3
_MAX_WORKERS = 4  # each may take 1 GiB
# Of a reason that quotes at length only head and tail are shown: what is wrong, and the remedy.
_SHOWN_HEAD, _SHOWN_TAIL = 240, 160
_MASKED_REACH = 2_000  # masked before it is cut, so that no secret is cut in two

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The masked documents by path, then row, and what could not be read or needs a look, masked too."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


def load_corpus(root: Path, *, card_key_patterns: Sequence[str] = ()) -> LoadResult:
    """Read every document below a folder, masked; a file that cannot be read is reported.

    Skipped are names that begin with `_` or `.`, README.md, lexicon.yaml, checks.jsonl, and the
    queries and qrels of a BEIR set. Of two documents with one id, the first by path stays.

    Args:
        root: The corpus, a folder or a single file.
        card_key_patterns: Regular expressions of card keys that need no cue.

    Returns:
        Documents and problems, both sorted by path, then line.

    Raises:
        CorpusError: If the root is missing, or holds no file that can be read.
        InvalidInput: If a pattern is not a regular expression.
    """
    if not root.exists():
        raise CorpusError(f"no corpus at {str(root)!r}; give a folder with {FORMATS} files: kb index CORPUS")
    mask_all((), card_key_patterns=card_key_patterns)  # a wrong pattern is no file's problem
    files, problems = find_files(root, _SUFFIXES)
    if not files:
        raise _nothing_to_read(
            root, _told(problems, card_key_patterns), f"holds no file to index, expected {FORMATS}"
        )
    documents: list[Document] = []
    isolated = [file for file in files if file.path.suffix.lower() in ISOLATED_READERS]
    with ParserPool(workers=max(1, min(os.cpu_count() or 1, _MAX_WORKERS, len(isolated) // 2))) as pool:
        parsing = {file.path: pool.submit(file.path) for file in isolated}
        for file in files:
            found, reported = _load_file(file, parsing.get(file.path), card_key_patterns)
            documents += found
            problems += reported
    problems += unused_sidecars(root, files)
    if not documents:
        raise _nothing_to_read(root, _told(problems, card_key_patterns), "holds no document that can be read")
    kept, doubles = _without_doubles(documents)
    return LoadResult(kept, tuple(_told([*problems, *doubles], card_key_patterns)))


def _told(problems: Sequence[Problem], patterns: Sequence[str]) -> list[Problem]:
    """Return the problems as they may leave: masked, each reason one line of bounded length, sorted."""
    masked = [_masked_problem(problem, patterns) for problem in problems]
    return sorted(masked, key=lambda problem: (problem.path, problem.line or 0))


def _masked_problem(problem: Problem, patterns: Sequence[str]) -> Problem:
    reason = clean_line(problem.reason)
    parts = [reason]
    if len(reason) > 2 * _MASKED_REACH:
        parts = [reason[:_MASKED_REACH], reason[-_MASKED_REACH:]]
    masked, _ = mask_all(parts, card_key_patterns=patterns)
    reason = "".join(masked)
    if len(reason) > _SHOWN_HEAD + _SHOWN_TAIL:
        reason = f"{reason[:_SHOWN_HEAD]} … {reason[-_SHOWN_TAIL:]}"
    return Problem(_masked_path(problem.path, patterns), problem.line, reason)


def _masked_path(path: str, patterns: Sequence[str]) -> str:
    stem, suffix = _split_suffix(path)
    masked, _ = mask_all([stem], card_key_patterns=patterns)
    return masked[0] + suffix


def _nothing_to_read(root: Path, problems: Sequence[Problem], what: str) -> CorpusError:
    shown = "".join(f"\n  {problem}" for problem in problems[:_SHOWN_PROBLEMS])
    more = len(problems) - _SHOWN_PROBLEMS
    rest = f"\n  and {more} more" if more > 0 else ""
    return CorpusError(f"the corpus {str(root)!r} {what}; add files or choose another folder{shown}{rest}")


def _load_file(
    file: CorpusFile, parsing: Future[Parsed | Rows] | None, patterns: Sequence[str]
) -> tuple[list[Document], list[Problem]]:
    try:
        sidecar: dict[str, object] = {}
        for path in reversed(file.sidecars):
            sidecar |= _read_sidecar(path)
        content = parsing.result() if parsing else _READERS[file.path.suffix.lower()](file.path)
        if isinstance(content, Parsed):
            document = _to_document(file, content, {**sidecar, **content.metadata}, patterns)
            problems = [Problem(file.relative, None, warning) for warning in content.warnings]
            return [document], problems
        documents, broken = _rows_to_documents(file, content, sidecar, patterns)
        return documents, _row_problems(file, broken)
    except UnreadableFile as error:
        return [], [Problem(file.relative, None, str(error))]
    except OSError as error:
        return [], [Problem(file.relative, None, f"the file cannot be read: {error.strerror or error}")]
    except MemoryError:
        raise
    except Exception as error:  # our bug, or a library's: it costs this file, not the build
        return [], [_bug(file, error, patterns)]


def _bug(file: CorpusFile, error: Exception, patterns: Sequence[str]) -> Problem:
    """Log an unexpected exception with its traceback, and return it as the file's problem."""
    reason = f"reading stopped on this file ({type(error).__name__}: {error}); save it again or remove it"
    told = _masked_problem(Problem(file.relative, None, reason), patterns)
    # the traceback ends with the message, so the exception that is logged carries the masked one
    shown = RuntimeError(told.reason).with_traceback(error.__traceback__)
    log.error("a bug in reading %s", told.path, exc_info=shown)
    return told


def _read_sidecar(path: Path) -> dict[str, object]:
    try:
        return read_sidecar(path)
    except UnreadableFile as error:
        raise UnreadableFile(f"in {quote(path.name)}: {error}") from error


def _to_document(
    file: CorpusFile, parsed: Parsed, raw: Mapping[str, object], patterns: Sequence[str]
) -> Document:
    if not parsed.text.strip():
        raise UnreadableFile("the file has no text; add text or remove it")
    metadata = parse_metadata(raw)
    heading = next((name for *_, name in find_headings(parsed.text) if name), "")
    title = (
        metadata.title or clean_line(heading) or clean_line(parsed.title) or PurePosixPath(file.relative).stem
    )
    document = replace(
        _from_metadata(metadata, file),
        kind=metadata.kind or "sop",
        title=title,
        text=parsed.text,
        page_starts=parsed.page_starts,
    )
    return _masked(document, metadata.id, "", patterns)


def _from_metadata(metadata: Metadata, file: CorpusFile) -> Document:
    return Document(
        id="",  # `_masked` gives it
        kind="sop",
        title=metadata.title or "",
        text="",
        path=file.relative,
        topic=metadata.topic,
        skill_group=metadata.skill_group,
        effective_from=metadata.effective_from,
        effective_to=metadata.effective_to,
        supersedes=metadata.supersedes,
        scope=metadata.scope,
        owner=metadata.owner,
        attributes=metadata.attributes,
    )


def _rows_to_documents(
    file: CorpusFile, content: Rows, sidecar: Mapping[str, object], patterns: Sequence[str]
) -> tuple[list[Document], list[tuple[int, str]]]:
    shared = {key: value for key, value in sidecar.items() if key not in ("id", "title", "kind")}
    documents = []
    broken = list(content.broken)
    for row in content.rows:
        try:
            documents.append(_row_to_document(file, row, shared, patterns))
        except UnreadableFile as error:
            broken.append((row.line, str(error)))
    return documents, sorted(broken)


def _row_to_document(
    file: CorpusFile, row: Row, shared: Mapping[str, object], patterns: Sequence[str]
) -> Document:
    said = {key: value for key, value in row.metadata.items() if value not in (None, "")}
    metadata = parse_metadata({**shared, **said})
    document = replace(
        _from_metadata(metadata, file),
        kind=row.kind,
        title=metadata.title or clean_line(row.title),
        text=row.text,
    )
    return _masked(document, metadata.id, f"#{row.line}", patterns)


def _row_problems(file: CorpusFile, broken: Sequence[tuple[int, str]]) -> list[Problem]:
    problems = [Problem(file.relative, line, reason) for line, reason in broken[:_MAX_PROBLEMS_PER_FILE]]
    more = broken[_MAX_PROBLEMS_PER_FILE:]
    if more:
        problems.append(
            Problem(file.relative, more[0][0], f"this and {len(more) - 1} further rows are broken too")
        )
    return problems


def _masked(document: Document, said_id: str | None, place: str, patterns: Sequence[str]) -> Document:
    """Return the document with its id and without secrets, numbered alike in path, title, text, metadata.

    Without an id of its own it is known by its masked path and its `place` there.
    """
    stem, suffix = _split_suffix(document.path)
    optional = (document.topic, document.skill_group, document.owner, document.supersedes)
    # a key may be the cue that tells what its value is; both are single lines
    pairs = (f"{key}:\n{value}" for key, value in document.attributes.items())
    texts = [stem, document.title, document.text, *(text or "" for text in optional), *pairs]
    masked, replacements = mask_all(texts, card_key_patterns=patterns)
    stem, title, text, topic, skill_group, owner, supersedes, *pairs_masked = masked
    path = stem + suffix
    document = replace(document, id=_id_of(said_id, path + place, patterns))
    if not replacements:
        return document
    lines = [document.text.count("\n", 0, start) for start in document.page_starts]
    return replace(
        document,
        path=path,
        title=title,
        text=text,
        page_starts=tuple(_line_starts(text, lines)),
        topic=topic or None,
        skill_group=skill_group or None,
        owner=owner or None,
        supersedes=supersedes or None,
        attributes={key: value for key, _, value in (pair.partition(":\n") for pair in pairs_masked)},
    )


def _split_suffix(path: str) -> tuple[str, str]:
    """Return the path and its suffix apart if that names a format: masking must leave it alone."""
    suffix = PurePosixPath(path).suffix
    return (path.removesuffix(suffix), suffix) if suffix.lower() in _SUFFIXES else (path, "")


def _line_starts(text: str, lines: Sequence[int]) -> Iterator[int]:
    """Yield where the given lines (ascending, from 0) begin: placeholders keep line ends."""
    start = number = 0
    for line in lines:
        while number < line:
            start = text.find("\n", start) + 1
            number += 1
        yield start


def _id_of(said: str | None, fallback: str, patterns: Sequence[str]) -> str:
    """Return the id the metadata gives unless it is a secret; digits that pass Luhn are no secret here."""
    if said is None:
        return fallback
    _, replacements = mask_all([said], card_key_patterns=patterns)
    is_secret = any(not placeholder.startswith("[银行卡") for placeholder, _ in replacements)
    return fallback if is_secret else said


def _without_doubles(documents: Sequence[Document]) -> tuple[tuple[Document, ...], list[Problem]]:
    kept: dict[str, Document] = {}
    problems = []
    for document in documents:
        first = kept.setdefault(document.id, document)
        if first is not document:
            problems.append(
                Problem(
                    document.path,
                    None,
                    f"the id {document.id!r} ({document.title!r}) is taken by {first.path!r} "
                    f"({first.title!r}); give one of them another id",
                )
            )
    return tuple(kept.values()), problems
