"""Caps that DOCX and XLSX files must keep before a parser opens them: no bombs, no entities."""

import zipfile
import zlib
from pathlib import Path

from kb_assistant.corpus.text import quote
from kb_assistant.errors import UnreadableFile

_MAX_ENTRIES = 2_000
_MAX_TOTAL = 128 * 2**20  # bytes of all parts unpacked
_MAX_RATIO = 200  # honest XML packs at most about 1:100
_SMALL = 2**20  # parts below this size may pack as well as they like
_BLOCK = 2**20
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))
_OVERLAP = max(map(len, _DOCTYPES)) - 1
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_package(path: Path, part: str) -> None:
    """Refuse an Office file that is unsafe to parse; cost: unpacking its XML once.

    Args:
        path: A DOCX or XLSX file.
        part: The part every such file has, for instance `word/document.xml`.

    Raises:
        UnreadableFile: If it is no such package, encrypted, larger than the caps when unpacked,
            damaged, or an XML part has a document type declaration (OOXML forbids them).
    """
    with path.open("rb") as file:
        if file.read(len(_OLE_MAGIC)) == _OLE_MAGIC:
            raise UnreadableFile(
                "the file is password-protected or in the old binary format; "
                f"save it as {path.suffix} without password"
            )
    try:
        with zipfile.ZipFile(path) as package:
            _check_sizes(package.infolist())
            if part not in package.namelist():
                raise UnreadableFile(f"the file has no part {part!r}; save it again as {path.suffix}")
            for entry in package.infolist():
                if entry.filename.lower().endswith((".xml", ".rels", ".vml")):
                    _refuse_doctype(package, entry)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UnreadableFile(f"the file is damaged ({error}); save it again as {path.suffix}") from error


def _check_sizes(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MAX_ENTRIES:
        raise UnreadableFile(
            f"the package has {len(entries):,} parts, at most {_MAX_ENTRIES:,} are read; split it"
        )
    total = sum(entry.file_size for entry in entries)
    if total > _MAX_TOTAL:
        raise UnreadableFile(
            f"the file unpacks to {total:,} bytes, at most {_MAX_TOTAL:,} are read; split it"
        )
    for entry in entries:
        if entry.file_size > _SMALL and entry.file_size > _MAX_RATIO * max(1, entry.compress_size):
            ratio = entry.file_size // max(1, entry.compress_size)
            raise UnreadableFile(
                f"part {quote(entry.filename)} unpacks {ratio:,} times, "
                f"at most {_MAX_RATIO} is read; save the file again without empty formatted rows"
            )


def _refuse_doctype(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    tail = b""
    with package.open(entry) as part:
        while block := part.read(_BLOCK):
            window = tail + block
            if any(doctype in window for doctype in _DOCTYPES):
                raise UnreadableFile(
                    f"part {quote(entry.filename)} has a DOCTYPE, which Office files must not have; "
                    "check where the file comes from and save it again"
                )
            tail = window[-_OVERLAP:]
