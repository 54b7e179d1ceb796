"""From positioned pieces of text on a PDF page to its lines and table rows, in reading order.

A PDF knows no tables: a cell is text that begins to the right of the text before it, on the same
height or higher. Positions are in points, along and across the direction of writing.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_LINE_STEP = 1.8  # times the font size: the farthest that a wrapped line stands below the one before
_LEVEL = 0.35  # times the font size: less is the same height (super- and subscripts)
_GAP = 1.0  # times the font size: more is a gap between cells, not between words
_MAX_CELL_LINES = 8  # a farther rise is the next column of the page


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as a PDF operator shows it; `x` grows along the line, `y` upwards, `size` in points."""

    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or a row of a table: then `cells` holds each cell's text and left edge in points.

    `size` is the font size in points that most of the text has.
    """

    text: str
    size: float
    cells: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class _Segment:
    """Text on one height without a gap."""

    text: str
    left: float
    right: float
    y: float
    sizes: Counter[float]

    @property
    def size(self) -> float:
        return max(self.sizes, key=lambda size: (self.sizes[size], size))


_Cell = list[_Segment]


def to_lines(pieces: Iterable[Piece]) -> list[Line]:
    """Put the pieces of a page, in the order in which they are shown, together to lines and rows."""
    return [_to_line(row) for row in _rows(_segments(pieces))]


def width(text: str) -> float:
    """Return about how wide the text is, in times its font size."""
    return sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.5 for char in text)


def join_wrapped(first: str, second: str) -> str:
    """Return two lines of one sentence as one; only Latin words need a space between them."""
    if not first or not second:
        return first + second
    both_latin = first[-1].isascii() and second[0].isascii()
    return f"{first} {second}" if both_latin and not first.endswith("-") else first + second


def _segments(pieces: Iterable[Piece]) -> list[_Segment]:
    segments: list[_Segment] = []
    space = ""
    for piece in pieces:
        text = " ".join(piece.text.split())
        if not text:
            space = " " if piece.text else space
            continue
        if piece.text[0].isspace():
            space = " "
        right = piece.x + width(text) * piece.size
        last = segments[-1] if segments else None
        if last is not None and _runs_on(last, piece):
            last.text += space + text
            last.right = max(last.right, right)
            last.sizes[piece.size] += len(text)
        else:
            segments.append(_Segment(text, piece.x, right, piece.y, Counter({piece.size: len(text)})))
        space = " " if piece.text[-1].isspace() else ""
    return segments


def _runs_on(last: _Segment, piece: Piece) -> bool:
    size = max(piece.size, last.size)
    return abs(piece.y - last.y) <= _LEVEL * size and last.left - size < piece.x <= last.right + _GAP * size


def _rows(segments: Iterable[_Segment]) -> list[list[_Cell]]:
    rows: list[list[_Cell]] = []
    for segment in segments:
        if not rows:
            rows.append([[segment]])
            continue
        row = rows[-1]
        last = row[-1][-1]
        rise = segment.y - last.y
        step = _LINE_STEP * max(segment.size, last.size)
        right_of_cell = segment.left >= max(part.right for part in row[-1]) - segment.size
        if right_of_cell and -_LEVEL * segment.size <= rise <= _MAX_CELL_LINES * step:
            if len(row) == 1 and rise > _LEVEL * segment.size:
                _take_lines_above(rows, segment.y + rise)
            rows[-1].append([segment])
        elif len(row) > 1 and 0 < -rise <= step and segment.left >= max(part.right for part in row[-2]):
            row[-1].append(segment)  # the cell goes on
        else:
            rows.append([[segment]])
    return rows


def _take_lines_above(rows: list[list[_Cell]], highest: float) -> None:
    """Add to the last row's first cell the lines above it that turn out to be of the same cell."""
    cell = rows[-1][0]
    while len(rows) > 1 and len(rows[-2]) == 1:
        above = rows[-2][0][-1]
        step = above.y - cell[0].y
        aligned = abs(above.left - cell[0].left) <= cell[0].size / 4
        if not aligned or not 0 < step <= _LINE_STEP * cell[0].size or above.y > highest + cell[0].size / 2:
            return
        cell[:0] = rows.pop(-2)[0]


def _to_line(row: list[_Cell]) -> Line:
    sizes: Counter[float] = Counter()
    cells = []
    for cell in row:
        text = ""
        for segment in cell:
            text = join_wrapped(text, segment.text)
            sizes.update(segment.sizes)
        cells.append((text, cell[0].left))
    text = " ".join(text for text, _ in cells)
    size = max(sizes, key=lambda size: (sizes[size], size))
    is_list_item = len(cells) == 2 and len(cells[0][0]) <= 3 and not cells[0][0].isalnum()
    return Line(text, size, () if len(cells) == 1 or is_list_item else tuple(cells))
