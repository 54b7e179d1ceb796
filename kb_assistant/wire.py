"""Values as the JSON of the contracts: one place for the CLI and the HTTP endpoint."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from kb_assistant.types import Hit, Kind, Source


@dataclass(frozen=True, slots=True)
class HitJson:
    """A hit as clients see it: flat, scores higher is better, offsets in the masked document."""

    rank: int
    score: float
    chunk_id: str
    document_id: str
    kind: Kind
    title: str
    heading: str
    text: str
    source: Source


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
    )


def to_json(value: Any) -> Any:
    """Return a dataclass (or a list of them) as JSON-able dicts; dates and times in ISO form."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")
