"""Text → lexical tokens: character bigrams for Chinese, codes and Latin words whole.

Bigrams need no dictionary, so a new product name is found the day it is written.
"""

import re
import unicodedata

# CJK ideographs incl. extension A and compatibility forms; everything else that is a letter or
# digit belongs to a Latin-like run, which may hold inner joiners: dk-50, t-2026-04417, 7x16, 0.5
_RUN = re.compile(
    r"(?P<han>[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)"
    r"|(?P<word>[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
    r"(?:[-_.][^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)*)"
)
_JOINER = re.compile(r"[-_.]")


def tokenize(text: str) -> list[str]:
    """Return the lexical tokens of `text` in reading order, repeats kept.

    Text is NFKC-normalised and lower-cased first, so full-width and half-width forms agree. A run
    of n Chinese characters gives its n - 1 bigrams (a lone character gives itself); a code such
    as `DK-50` gives itself and its parts, so that it is found whole and outranks its fragments.
    """
    tokens: list[str] = []
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        run = match.group()
        if match.lastgroup == "han":
            tokens.extend([run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)])
            continue
        tokens.append(run)
        parts = _JOINER.split(run)
        if len(parts) > 1:
            tokens.extend(parts)
    return tokens
