"""Draft ids: ULIDs (github.com/ulid/spec), 26 URL-safe characters that sort by the time of making."""

import secrets
import time

CROCKFORD_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26  # 48 bits of milliseconds and 80 random bits, 5 bits a character
RANDOM_BITS = 80


def new_draft_id() -> str:
    """Return an id nobody has seen; ids of different milliseconds sort by time, as plain strings."""
    value = (time.time_ns() // 1_000_000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    return "".join(CROCKFORD_BASE32[value >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
