"""What the readers of the formats hand to `loading`: text and raw metadata, not yet masked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kb_assistant.types import Kind


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the corpus that was left out or needs a look; `path` is relative to the corpus.

    `line` counts from 1: the line of a text file, the row of a sheet.
    """

    path: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        """Return `path:line: reason`, as compilers write it."""
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file of text: headings are Markdown lines, `page_starts` as in `Document`.

    `title` is what the format itself calls the title, used where neither metadata nor a heading
    gives one. `warnings` are reported although the document is kept.
    """

    text: str
    metadata: Mapping[str, object] = field(default_factory=dict)
    title: str = ""
    page_starts: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table that is a document; `line` as in `Problem`."""

    line: int
    kind: Kind
    text: str
    title: str
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rows:
    """The documents of one table file and its broken rows as (line, reason)."""

    rows: tuple[Row, ...]
    broken: tuple[tuple[int, str], ...]
