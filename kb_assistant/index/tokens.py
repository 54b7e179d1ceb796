"""Text → lexical tokens: character bigrams for Chinese, codes and Latin words whole, ranks and counts exact.

Bigrams need no dictionary, so a new product name is found the day it is written.
"""

import re

from kb_assistant.corpus.numerals import HAN_NUMERAL, parse_number
from kb_assistant.corpus.script import simplify

# CJK ideographs incl. extension A and compatibility forms; everything else that is a letter or
# digit belongs to a Latin-like run, which may hold inner joiners: dk-50, t-2026-04417, 7x16, 0.5
_RUN = re.compile(
    r"(?P<han>[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)"
    r"|(?P<word>[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
    r"(?:[-_.][^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)*)"
)
_ERROR_CODE = re.compile(r"(?<![a-z0-9])([a-z])-?(\d{3,5})(?![a-z0-9]|-\d{5})")  # t-2026-00306 is a ticket
_PART = re.compile(r"[^\W\d_]+|\d+")  # dk-50 and dk50 are both dk and 50
# a number belongs to what it counts: 三级 is inside 二三级 as a bigram, but =3级 is not =23级; longer
# runs of digits are orders and phones, which count nothing
_COUNT = re.compile(
    rf"(?<![a-z0-9._,-])(?<!{HAN_NUMERAL})"
    rf"({HAN_NUMERAL}{{1,12}}"
    r"|(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,7})(?:\.[0-9]{1,6})?(?:[十百千万]{1,2}(?:[0-9]{1,4}[十百千]{1,2})*)?)"
    rf"\s?(?!{HAN_NUMERAL})([\u4e00-\u9fff])"
)


def tokenize(text: str) -> list[str]:
    """Return the lexical tokens of `text`, repeats kept.

    The text is simplified first, so that traditional and simplified characters, full-width and
    half-width forms agree. A run of n Chinese characters gives its n - 1 bigrams (a lone character
    gives itself); a code such as `DK-50` gives itself and its parts, so that it is found whole and
    outranks its fragments; a number before a Chinese character gives both as one token (`=3级`).
    """
    tokens: list[str] = []
    simplified = simplify(text)
    for match in _RUN.finditer(simplified):
        run = match.group()
        if match.lastgroup == "han":
            tokens.extend([run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)])
            continue
        tokens.append(run)
        parts = _PART.findall(run)
        if len(parts) > 1:
            tokens.extend(parts)
    tokens.extend(f"={parse_number(number):.12g}{unit}" for number, unit in _COUNT.findall(simplified))
    return tokens


def error_codes(text: str) -> list[tuple[str, str]]:
    """Return the letter and digits of what is written like an error code in `text`: E1003 → ("e", "1003")."""
    return [(letter, digits) for letter, digits in _ERROR_CODE.findall(simplify(text).replace("_", " "))]
