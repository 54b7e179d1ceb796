"""Bytes to clean text: encodings of Chinese files, line ends, control and invisible characters."""

import codecs
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from kb_assistant.corpus.parsed import Parsed
from kb_assistant.errors import UnreadableFile

MAX_TEXT_BYTES = 20 * 2**20  # a manual is a few hundred KB; more is an export in the wrong folder
_BOMS = (  # longest first: the UTF-32 mark begins with the UTF-16 one
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Controls but \n and \t, then characters without width: soft hyphen, spaces and joiners of zero
# width, direction marks and overrides (they can show a text other than the one indexed), halves of
# surrogate pairs (UTF-8 cannot hold them; JSON and YAML escapes can make them), the BOM.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Lead bytes of everyday characters and punctuation. Measured: simplified text in GBK has 97 % or
# more, traditional text in GBK 38-80 %, Big5 read as GBK at most 56 %; noise has next to none.
_GB2312_COMMON = frozenset((0xA1, 0xA3, *range(0xB0, 0xD8)))
_BIG5_COMMON = frozenset(range(0xA1, 0xC7))
_SIMPLIFIED_SHARE = 0.9
_LEAST_SHARE = 0.3


def read_text(path: Path) -> Parsed:
    """Read a plain text file; it has no metadata of its own."""
    return Parsed(clean(decode(read_bytes(path))))


def read_bytes(path: Path, *, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Return the file's bytes.

    Args:
        path: A regular file.
        max_bytes: Largest size that is read.

    Returns:
        All of the file.

    Raises:
        UnreadableFile: If it is larger than `max_bytes`.
    """
    size = path.stat().st_size
    if size > max_bytes:
        raise UnreadableFile(
            f"the file has {size:,} bytes, at most {max_bytes:,} are read; split it into smaller files"
        )
    return path.read_bytes()


def decode(data: bytes) -> str:
    """Decode by byte order mark, else as UTF-8, else as GB18030 (GBK, GB2312) or Big5.

    Args:
        data: A whole text file.

    Returns:
        Its text, not yet cleaned.

    Raises:
        UnreadableFile: If it is binary, damaged UTF-8, or in another encoding.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_as(data, encoding)
    if (offset := data.find(0)) >= 0:
        raise UnreadableFile(f"byte {offset} is NUL, so this is no text file; save it as UTF-8 text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if _is_mostly_utf8(data):
            raise UnreadableFile(
                f"byte {error.start} ({data[error.start]:#04x}) is not valid UTF-8, the rest is; "
                "the file is damaged: save it again as UTF-8"
            ) from error
    text = _decode_as(data, "gb18030")
    share = _common_share(text, "gb2312", _GB2312_COMMON)
    if share < _SIMPLIFIED_SHARE:
        with contextlib.suppress(UnicodeDecodeError):
            traditional = data.decode("big5")
            if _common_share(traditional, "big5", _BIG5_COMMON) > _SIMPLIFIED_SHARE:
                return traditional
    if share < _LEAST_SHARE:
        raise UnreadableFile("the encoding is neither UTF-8 nor GBK/GB18030 nor Big5; save the file as UTF-8")
    return text


def clean(text: str) -> str:
    r"""Return the text with `\n` line ends and without control and invisible characters."""
    return _UNSEEN.sub("", _LINE_ENDS.sub("\n", text))


def clean_line(text: str) -> str:
    """Return the text as one clean line, each run of white space one space: for ids and titles."""
    return " ".join(clean(text).split())


def quote(text: str) -> str:
    """Return a value for a message: unlike `repr` without escapes, which hide a secret from masking."""
    return f"'{clean_line(text)}'"


def json_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield (number, line) of the lines of a JSONL text that are not blank, numbered from 1.

    Only `\n` ends a line: what `splitlines` also cuts at, such as U+2028, is legal inside JSON strings.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _decode_as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"byte {error.start} is not valid {encoding.upper()}, and no other encoding fits; "
            "save the file as UTF-8"
        ) from error


def _is_mostly_utf8(data: bytes) -> bool:
    bad = data.decode("utf-8", errors="replace").count("\ufffd")
    return bad * 20 < sum(byte >= 0x80 for byte in data[:1_000_000]) / 3


def _common_share(text: str, encoding: str, lead_bytes: frozenset[int]) -> float:
    """Return the share, 0 to 1, of the first non-ASCII characters that `encoding` has as everyday ones."""
    chars = [char for char in text[:20_000] if not char.isascii()]
    common = sum(char.encode(encoding, errors="replace")[0] in lead_bytes for char in chars)
    return common / max(1, len(chars))
