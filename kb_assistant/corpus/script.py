"""One way to write Chinese: simplified characters, half-width forms, lower case."""

import unicodedata
from functools import cache
from typing import Any


def simplify(text: str) -> str:
    """Return `text` in simplified characters, full-width forms narrowed, lower-cased."""
    simplified: str = _converter().convert(unicodedata.normalize("NFKC", text).lower())
    return simplified


@cache
def _converter() -> Any:
    import opencc

    return opencc.OpenCC("t2s")
