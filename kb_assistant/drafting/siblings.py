"""Names that exclude each other: what is ruled for 点卡 says nothing of 话费."""

import re
from collections.abc import Sequence
from functools import lru_cache

Siblings = Sequence[frozenset[str]]

# a team or a page is named after what it handles: 商家组, 商家中心, 电脑端
_PART_OF_A_NAME = "组中端"


@lru_cache(maxsize=16384)
def named_in(text: str, group: frozenset[str]) -> frozenset[str]:
    """Return the members of a group that `text` names, the longest where one is part of another."""
    match = _pattern(group).findall(text)
    return frozenset(match)


@lru_cache(maxsize=64)
def _pattern(group: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(group, key=lambda name: (-len(name), name))
    return re.compile(rf"(?:{'|'.join(map(re.escape, longest_first))})(?![{_PART_OF_A_NAME}])")
