"""A text taken apart for the check: statements, their pieces and wording, figures with what they are of.

A sentence of a reply and a statement of a clause are read alike, each of them once.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from kb_assistant.drafting.facts import Quantity, find_quantities
from kb_assistant.drafting.text import MARKER, statements
from kb_assistant.drafting.wording import NOTHING, Wording, together, wording, wording_without
from kb_assistant.types import Chunk

# pieces stand between commas; a figure's own words also between 、 and quotation marks
_WITHIN = r"[^，,：:；;。！？!?（）()【】\n]+"
_PIECE = re.compile(rf"{_WITHIN}(?:(?<=\d)[,:](?=\d){_WITHIN})*")
_PART = re.compile(r"[^、“”「」]+")
_LABEL = re.compile(r"[^：:，。；]{1,40}[：:]")  # 面额：…, and the first cell of a row


@dataclass(frozen=True, slots=True, eq=False)  # what is read once is compared by identity
class PlacedFigure:
    """A figure of a text with `near`, the wording of its part of a piece, and `label`, what that is of.

    `piece` is the number of the piece, `part` the text between two marks around the figure.
    """

    quantity: Quantity
    near: Wording
    label: Wording = NOTHING
    piece: int = 0
    part: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What stands between two commas; `closes` is the mark behind it, "" at the end."""

    text: str
    start: int
    wording: Wording
    closes: str

    @property
    def end(self) -> int:
        """Offset behind the text."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A statement of a clause or a sentence of a reply; `quote` is how it stands, `text` how it reads."""

    text: str
    quote: str
    wording: Wording
    figures: tuple[PlacedFigure, ...]
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """A chunk taken apart; `about` is the wording of its title and headings, `whole` of all of it."""

    chunk: Chunk
    units: tuple[Unit, ...]
    about: Wording
    whole: Wording


@lru_cache(maxsize=1024)
def read_clause(chunk: Chunk) -> Clause:
    """Take a chunk apart; lines that state nothing (headings, header rows) are units, too."""
    units = [read_unit(chunk.heading)] if find_quantities(chunk.heading) else []
    covered_to = 0
    for statement in statements(chunk.text):
        units.extend(_lines_between(chunk.text, covered_to, statement.start))
        units.append(read_unit(statement.text, statement.quote))
        covered_to = max(covered_to, statement.end)
    units.extend(_lines_between(chunk.text, covered_to, len(chunk.text)))
    about = wording(f"{chunk.title}。{chunk.heading}")
    return Clause(chunk, tuple(units), about, together(unit.wording for unit in units))


@lru_cache(maxsize=8192)
def read_unit(text: str, quote: str = "") -> Unit:
    """Take one statement or sentence apart; spans refer to `text`, markers are blank."""
    plain = MARKER.sub(lambda marker: " " * len(marker.group()), text)
    found = find_quantities(plain)
    pieces, figures = [], []
    label = _LABEL.match(plain)
    for match in _PIECE.finditer(plain):
        start, end = match.span()
        own = [q for q in found if start <= q.start < end] if found else found
        words = wording_without(match.group(), [_moved(q, start) for q in own])
        pieces.append(Piece(match.group(), start, words, plain[end : end + 1]))
        labelled = pieces[0].wording if label and start >= label.end() else NOTHING
        figures += [_placed(plain, q, pieces[-1], labelled, len(pieces) - 1, own) for q in own]
    return Unit(text, quote or text, together(p.wording for p in pieces), tuple(figures), tuple(pieces))


def placed_figures(text: str) -> tuple[PlacedFigure, ...]:
    """Return the figures of `text` in order; spans refer to it, markers are none."""
    return read_unit(text).figures


def _placed(
    plain: str, quantity: Quantity, piece: Piece, label: Wording, number: int, own: list[Quantity]
) -> PlacedFigure:
    """Return a figure with its part of the piece: 黄金98折 of 白银99折、黄金98折."""
    for match in _PART.finditer(piece.text):
        start, end = piece.start + match.start(), piece.start + match.end()
        if start <= quantity.start < end:
            if match.group() == piece.text:
                return PlacedFigure(quantity, piece.wording, label, number, piece.text)
            inside = [_moved(q, start) for q in own if start <= q.start and q.end <= end]
            near = wording_without(plain[start:end], inside)
            return PlacedFigure(quantity, near, label, number, match.group())
    return PlacedFigure(quantity, piece.wording, label, number, piece.text)


def _moved(quantity: Quantity, by: int) -> Quantity:
    return Quantity(
        quantity.text, quantity.start - by, quantity.end - by, quantity.dimension, quantity.low, quantity.high
    )


def _lines_between(text: str, start: int, end: int) -> list[Unit]:
    lines = (line.strip().lstrip("#>-*• ") for line in text[start:end].split("\n"))
    return [read_unit(line) for line in lines if re.search(r"[\u3400-\u9fff]{2}", line)]
