"""PDF files: the text of each page, with headings found by font size or by the names SOPs use.

Runs inside `isolation`: a PDF can be made to exhaust memory or loop.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb_assistant.corpus.parsed import Parsed
from kb_assistant.corpus.pdf_layout import Line, Piece, to_lines
from kb_assistant.corpus.pdf_lines import clean_lines, drop_running_lines, to_markdown
from kb_assistant.corpus.text import MAX_TEXT_BYTES, read_bytes
from kb_assistant.errors import UnreadableFile

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_MAX_BYTES = 5 * MAX_TEXT_BYTES  # pictures and fonts come on top of the text
_UNREADABLE_SHARE = 0.3  # a font without a character map gives mostly private-use characters


def read_pdf(path: Path) -> Parsed:
    """Read a PDF file; scanned pages are reported, not read.

    Args:
        path: A PDF file, not encrypted or with an empty user password.

    Returns:
        The page texts joined by newlines, and where each begins; a warning names pages without text.

    Raises:
        UnreadableFile: If it is damaged, needs a password, or no page has text.
    """
    reader = _open(path)
    try:
        pages = [_page_lines(page) for page in reader.pages]
    except Exception as error:
        raise _damaged(error) from error
    if not pages:
        raise UnreadableFile("the file has no pages; export it again")
    empty = [number for number, lines in enumerate(pages, start=1) if not lines]
    reason = f"no text on {_page_ranges(empty)} (scanned?); OCR the file"
    if len(empty) == len(pages):
        raise UnreadableFile(reason)
    texts = to_markdown(drop_running_lines(pages))
    starts = [0]
    for text in texts[:-1]:
        starts.append(starts[-1] + len(text) + 1)
    return Parsed("\n".join(texts), page_starts=tuple(starts), warnings=(reason,) if empty else ())


def _open(path: Path) -> "PdfReader":
    import io

    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    try:
        reader = PdfReader(io.BytesIO(read_bytes(path, max_bytes=_MAX_BYTES)))
        locked = reader.is_encrypted and not reader.decrypt("")
    except UnreadableFile:
        raise
    except DependencyError as error:
        raise UnreadableFile(f"the file is encrypted in a way that needs more software ({error})") from error
    except Exception as error:  # pypdf raises many kinds on damaged files
        raise _damaged(error) from error
    if locked:
        raise UnreadableFile("the file is encrypted and needs a password; save it without one")
    return reader


def _damaged(error: Exception) -> UnreadableFile:
    reason = f"{type(error).__name__}: {error}"
    return UnreadableFile(f"the PDF is damaged ({reason}); print or export it to PDF again")


def _page_lines(page: "PageObject") -> list[Line]:
    """Return the page's lines; a page that cannot be read, or reads as gibberish, has none."""
    pieces: list[Piece] = []

    def visit(text: str, matrix: list[float], text_matrix: list[float], font: Any, size: float) -> None:
        pieces.append(_to_piece(text, matrix, text_matrix, size))

    try:
        page.extract_text(visitor_text=visit)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # one broken page; it is reported as a page without text
        return []
    lines = clean_lines(to_lines(pieces))
    chars = "".join(line.text for line in lines).replace(" ", "")
    odd = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or ord(char) >= 0xF0000 for char in chars)
    return lines if odd <= _UNREADABLE_SHARE * len(chars) else []


def _to_piece(text: str, matrix: list[float], text_matrix: list[float], size: float) -> Piece:
    """Return the piece in coordinates along and across its writing, so that turned pages read alike."""
    a, b, c, d, e, f = matrix
    along = (text_matrix[0] * a + text_matrix[1] * c, text_matrix[0] * b + text_matrix[1] * d)
    x = text_matrix[4] * a + text_matrix[5] * c + e
    y = text_matrix[4] * b + text_matrix[5] * d + f
    scale = math.hypot(*along) or 1.0
    cos, sin = along[0] / scale, along[1] / scale
    return Piece(text, x * cos + y * sin, y * cos - x * sin, round(float(size) * scale, 1))


def _page_ranges(numbers: list[int]) -> str:
    """Return for instance "page 2" or "pages 1-3, 7"."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    names = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
    return f"{'page' if len(numbers) == 1 else 'pages'} {names}"
