"""Values as the JSON of the contracts: one place for the CLI and the HTTP endpoint."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from kb_assistant.types import Hit, Kind, Source


@dataclass(frozen=True, slots=True)
class HitJson:
    """A hit as clients see it: flat, scores higher is better, offsets in the masked document.

    `duplicates` other chunks say the same thing; they are left out.
    """

    rank: int
    score: float
    chunk_id: str
    document_id: str
    kind: Kind
    title: str
    heading: str
    text: str
    source: Source
    duplicates: int


def hit_json(hit: Hit) -> HitJson:
    """Return the contract's view of a hit."""
    chunk = hit.chunk
    return HitJson(
        rank=hit.rank,
        score=round(hit.score, 6),
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        kind=chunk.kind,
        title=chunk.title,
        heading=chunk.heading,
        text=chunk.text,
        source=chunk.source,
        duplicates=hit.duplicates,
    )


def to_json(value: Any) -> Any:
    """Return a dataclass as a JSON-able dict; dates and times in ISO form."""
    # a class is hashable, whatever mypy thinks of type[Any]
    return _adapter(type(value)).dump_python(value, mode="json")  # type: ignore[arg-type]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)  # a millisecond each, so made once
