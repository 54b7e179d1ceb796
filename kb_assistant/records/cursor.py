"""The cursor of a listing: the place of the last draft of a page, opaque to clients."""

import base64
from datetime import UTC, datetime

from kb_assistant.errors import InvalidInput


def write_cursor(created_at: datetime, draft_id: str) -> str:
    """Return the URL-safe cursor that goes on after this draft."""
    place = f"{created_at.isoformat()} {draft_id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """Return the place a cursor stands for; InvalidInput when it is not one of ours."""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, _, draft_id = place.partition(" ")
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None or not draft_id:
            raise ValueError(place)
        created_at = created_at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{cursor!r} is not a cursor of a listing; start again without one") from error
    return created_at, draft_id
