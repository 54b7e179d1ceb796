"""Published builds of an index on disk: layout, manifest, atomic publication, verification.

    INDEX_DIR/CURRENT                       name of the live generation
    INDEX_DIR/generations/<name>/…          its files and manifest.json with their SHA-256
    INDEX_DIR/generations/.building-<name>  a build that is not finished, swept by the next one
    INDEX_DIR/.lock                         held by the one writer; a crash releases it

Publication order: files → fsync each → manifest → fsync directories → rename the directory into
place → rename CURRENT. At every instant CURRENT names a complete generation.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from kb_assistant.errors import IndexBusy, IndexCorrupt, IndexMismatch, IndexNotFound, StorageError
from kb_assistant.types import Lexicon

_NAME = re.compile(r"[0-9TZ]+-[0-9a-f]+")
FORMAT = 2  # raise it whenever a file of a generation changes its meaning


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is made of; `files` maps relative posix paths to SHA-256 hex digests."""

    format: int
    generation: str
    created_at: str
    model_id: str
    dim: int
    fingerprint: str
    documents: int
    chunks: int
    problems: tuple[str, ...]
    files: dict[str, str]


@contextmanager
def writing(index_dir: Path) -> Iterator[None]:
    """Hold the writer's lock on `index_dir`, creating the folder; raises IndexBusy, StorageError."""
    with storage_errors(index_dir):
        (index_dir / "generations").mkdir(parents=True, exist_ok=True)
    lock = FileLock(index_dir / ".lock", timeout=0)
    with storage_errors(index_dir):
        try:
            lock.acquire()
        except Timeout as error:  # an OSError too, but not one of storage
            raise IndexBusy(
                f"{str(index_dir)!r} is being written by another `kb index`; wait for it to finish, "
                "readers are not affected"
            ) from error
    try:
        for leftover in (index_dir / "generations").glob(".building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        lock.release()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn "disk full", "read-only" and "not permitted" under `path` into StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{str(error.filename or path)!r} cannot be written: {error.strerror or error}; "
            f"{_remedy(error)}; the published index is unchanged"
        ) from error


def _remedy(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "free some disk space and run the command again"
    return "choose a writable folder with --index DIR or KB_INDEX_DIR"


def live_generation(index_dir: Path) -> str:
    """Return the name in CURRENT; raises IndexNotFound or IndexCorrupt with the command that builds one."""
    try:
        name = (index_dir / "CURRENT").read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexNotFound(
            f"no index at {str(index_dir)!r}; build one with: kb index corpus --index {index_dir}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise IndexCorrupt(
            f"{str(index_dir / 'CURRENT')!r} cannot be read ({error}); "
            f"rebuild with: kb index corpus --index {index_dir}"
        ) from error
    if not _NAME.fullmatch(name):
        raise IndexCorrupt(
            f"{str(index_dir / 'CURRENT')!r} names no generation: {name[:40]!r}; "
            f"rebuild with: kb index corpus --index {index_dir}"
        )
    return name


def generation_path(index_dir: Path, generation: str) -> Path:
    """Return the directory of a generation by name."""
    return index_dir / "generations" / generation


def new_generation_name(created_at: datetime, fingerprint: str) -> str:
    """Return a name that sorts by time and tells content apart, e.g. `20261121T140509Z-1f0c2ab9`."""
    return f"{created_at:%Y%m%dT%H%M%S}Z-{fingerprint[:8]}"


def publish(index_dir: Path, building: Path, manifest: Manifest) -> None:
    """Make the complete directory `building` the live generation; the caller holds the lock."""
    for path in _files_under(building):
        _fsync(path)
    manifest_path = building / "manifest.json"
    manifest_path.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), encoding="utf-8")
    _fsync(manifest_path)
    for directory in [*(p for p in building.rglob("*") if p.is_dir()), building]:
        _fsync(directory)
    final = generation_path(index_dir, manifest.generation)
    if final.exists():  # the same content was published within the same second, or was rolled back
        shutil.rmtree(final)
    building.rename(final)
    _fsync(final.parent)
    pointer = index_dir / ".CURRENT.new"
    pointer.write_text(manifest.generation + "\n", encoding="utf-8")
    _fsync(pointer)
    pointer.replace(index_dir / "CURRENT")
    _fsync(index_dir)


def checksums(directory: Path) -> dict[str, str]:
    """Return relative path → SHA-256 of every file under `directory` but the manifest."""
    return {path.relative_to(directory).as_posix(): _sha256(path) for path in _files_under(directory)}


def read_manifest(directory: Path) -> Manifest:
    """Read a generation's manifest.

    Args:
        directory: The generation.

    Returns:
        What `publish` wrote.

    Raises:
        IndexCorrupt: If it is missing or is not what `publish` writes.
        IndexMismatch: If another format version wrote it.
    """
    try:
        fields = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            raise IndexMismatch(
                f"{str(directory)!r} has index format {fields['format']!r}, this version reads {FORMAT}; "
                f"rebuild it with: kb index corpus --index {_index_dir_of(directory)}"
            )
        manifest = Manifest(**{**fields, "problems": tuple(fields["problems"])})
        if not isinstance(manifest.files, dict) or not manifest.files:
            raise ValueError("files must be an object")
        return manifest
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _corrupt(directory, "manifest.json", "is missing or damaged") from error


def write_lexicon(path: Path, lexicon: Lexicon) -> None:
    """Write the lexicon that a generation answers with."""
    path.write_text(json.dumps(asdict(lexicon), ensure_ascii=False, indent=1), encoding="utf-8")


def read_lexicon(path: Path) -> Lexicon:
    """Return what `write_lexicon` wrote; the checksum must have been verified."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    siblings = tuple(tuple(group) for group in fields.get("siblings", ()))  # none before 2026-11-22
    return Lexicon(fields["aliases"], tuple(fields["urgent"]), siblings)


def verify(directory: Path, manifest: Manifest) -> None:
    """Compare every file of the manifest, before a native library opens any of them.

    Args:
        directory: The generation.
        manifest: Its manifest.

    Raises:
        IndexCorrupt: Naming the first file that is missing or different.
    """
    for name, expected in manifest.files.items():
        path = directory / name
        if not path.is_file():
            raise _corrupt(directory, name, "is missing")
        if _sha256(path) != expected:
            raise _corrupt(directory, name, "differs from its checksum (truncated or changed)")


def _corrupt(directory: Path, name: str, what: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"{str(directory / name)!r} {what}; rebuild with: kb index corpus --index {_index_dir_of(directory)}"
    )


def _index_dir_of(generation_dir: Path) -> Path:
    return generation_dir.parent.parent


def _files_under(directory: Path) -> list[Path]:
    return sorted(p for p in directory.rglob("*") if p.is_file() and p.name != "manifest.json")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
