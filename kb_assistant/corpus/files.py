"""Which files of a corpus folder may be documents, and their sidecars."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb_assistant.corpus.metadata import SIDECAR_SUFFIX
from kb_assistant.corpus.parsed import Problem
from kb_assistant.corpus.text import clean_line, quote

FORMATS = ".md .txt .pdf .docx .html .jsonl .csv .xlsx"
_NO_DOCUMENTS = frozenset(("lexicon.yaml", "checks.jsonl", "queries.jsonl", "readme.md"))


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file to read; `relative` is its path below the corpus, one clean line, with `/`.

    It is stable across machines, for telling the file apart only: open `path`.
    """

    path: Path
    relative: str
    sidecars: tuple[Path, ...]


def find_files(root: Path, suffixes: frozenset[str]) -> tuple[list[CorpusFile], list[Problem]]:
    """Find the files with one of the suffixes, and report those with another.

    Args:
        root: A folder, or a single file.
        suffixes: Lower case, with the dot.

    Returns:
        The files by relative path, and the problems.
    """
    if not root.is_dir():
        found = [root] if root.suffix.lower() in suffixes else []
        return [CorpusFile(path, _relative(path, root.parent), _sidecars(path)) for path in found], []
    problems: list[Problem] = []
    files = []
    for path in _walk(root, root.resolve(), root, problems):
        relative = _relative(path, root)
        if path.suffix.lower() not in suffixes:
            problems.append(
                Problem(
                    relative,
                    None,
                    f"the extension is {quote(path.suffix)}, expected {FORMATS}; convert or move the file",
                )
            )
        else:
            files.append(CorpusFile(path, relative, _sidecars(path)))
    return sorted(files, key=lambda file: file.relative), problems


def _walk(folder: Path, real_root: Path, root: Path, problems: list[Problem]) -> Iterator[Path]:
    """Yield the regular files that may be documents; report links that leave the corpus."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        problems.append(
            Problem(_relative(folder, root), None, f"the folder cannot be read: {error.strerror}")
        )
        return
    for path in entries:
        if path.name.startswith(("_", ".", "qrels")) or path.name.lower() in _NO_DOCUMENTS:
            continue
        if path.name.endswith(SIDECAR_SUFFIX):
            continue
        reason = _refusal(path, real_root)
        if reason:
            problems.append(Problem(_relative(path, root), None, reason))
        elif path.is_dir():
            yield from _walk(path, real_root, root, problems)
        else:
            yield path


def _refusal(path: Path, real_root: Path) -> str | None:
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError) as error:
        return f"the file cannot be opened: {getattr(error, 'strerror', None) or error}"
    if path.is_symlink() and not target.is_relative_to(real_root):
        return "the link leaves the corpus folder; copy the file into the corpus"
    if path.is_symlink() and stat.S_ISDIR(mode):
        return "links to folders are not followed; the folder itself is read where it stands"
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return "this is no regular file; remove it from the corpus"
    return None


def _relative(path: Path, root: Path) -> str:
    relative = path.relative_to(root).as_posix()
    return clean_line(os.fsencode(relative).decode("utf-8", errors="replace"))  # names may hold any bytes


def _sidecars(path: Path) -> tuple[Path, ...]:
    """Return the sidecars of a file; the one that names its extension comes first and wins."""
    names = dict.fromkeys((path.name + SIDECAR_SUFFIX, path.stem + SIDECAR_SUFFIX))
    return tuple(sidecar for name in names if _is_file(sidecar := path.with_name(name)))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the document's name is so long that no sidecar can have its name
        return False


def unused_sidecars(root: Path, files: Sequence[CorpusFile]) -> Iterator[Problem]:
    """Report sidecars whose document is missing: a date in a misnamed one would silently not apply."""
    if not root.is_dir():
        return
    used = {sidecar for file in files for sidecar in file.sidecars}
    for path in sorted(root.rglob("*" + SIDECAR_SUFFIX)):
        hidden = any(part.startswith(("_", ".")) for part in path.relative_to(root).parts)
        if not hidden and path not in used:
            yield Problem(
                _relative(path, root), None, "no document has this name; rename it after its document"
            )
