"""Chunks that say the same thing, found once at build time.

Two chunks are the same when nothing but courtesy, particles, punctuation, script and width tells
them apart. A single figure, negation or product character keeps them apart: hiding a clause that
differs in one word would be worse than showing one twice.
"""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb_assistant.corpus.script import simplify

_COURTESY = re.compile(r"您好|你好|亲爱的|非常抱歉|很抱歉|抱歉|麻烦您?|谢谢您?|感谢您?|辛苦了|温馨提示")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^\w]+(?=\d)")  # 1-5天 is not 15天, 10:30 is not 1030
_PARTICLES = re.compile(r"[的了啊哦呀吧嘛哈呐哟您]|[^\w%‰<>≤≥=¥$€+-]|_")
_LEAST = 8  # characters of content: shorter texts are the same by chance


def find_duplicates(texts: Sequence[str]) -> NDArray[np.int32]:
    """Return for each text the position of the first that says the same, shape (n,); its own if none."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(_content(text, at), at) for at, text in enumerate(texts)], np.int32)


def _content(text: str, position: int) -> bytes:
    """Return a digest of what `text` says; of its position where it says too little to compare."""
    plain = _COURTESY.sub("", simplify(text))
    kept = _PARTICLES.sub("", _BETWEEN_DIGITS.sub("+", _THOUSANDS.sub("", plain)))
    return hashlib.sha256((kept if len(kept) >= _LEAST else f"#{position}").encode()).digest()
