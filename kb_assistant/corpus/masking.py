"""Replaces card keys, phone, identity and bank card numbers by numbered placeholders.

`[卡密1] [手机号1] [身份证1] [银行卡1]`: within one document or message the same value gets the same
number. Rules are matched on a folded copy (full-width forms and odd dashes made plain, invisible
characters left out) whose offsets map back to the original.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb_assistant.corpus.card_keys import Span, canonical, find_card_keys, has_code_cue
from kb_assistant.errors import InvalidInput

_PLACEHOLDER = re.compile(r"\[(卡密|手机号|身份证|银行卡)([0-9]{1,9})\]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_FOLD = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    **{0x3000: 0x20, 0xA0: 0x20},
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFE63), ord("-")),
}
_MAX_ROUNDS = 20  # two are the rule; a text built to need more must not cost quadratic time

# Letters may touch a phone only if they say what it is: tel138…, 138…wx; those of a code never do.
_PHONE_CUES = (
    "tel", "phone", "mobile", "mob", "cell", "call", "sms", "wx", "vx", "v", "weixin", "wechat",
    "whatsapp", "qq", "zfb", "alipay",
)  # fmt: skip
_AFTER_CUE = "".join(rf"|(?<=(?<![a-z]){cue})" for cue in _PHONE_CUES)
_PHONE = re.compile(
    rf"(?=[+0-9])(?:(?<![0-9a-z]){_AFTER_CUE})(?:(?:\+|00)?86[- ]?)?"
    r"(1[3-9][0-9](?:[- ]?[0-9]{4}){2}|1[3-9][0-9]{2}[- ][0-9]{4}[- ][0-9]{3})"
    rf"(?!(?!(?:{'|'.join(_PHONE_CUES)})(?![0-9a-z]))[0-9a-z])",
    re.IGNORECASE | re.ASCII,
)
_IDENTITY = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{5}[- ]?[0-9]{8}[- ]?[0-9]{3}[0-9Xx](?![0-9A-Za-z])")
_OLD_IDENTITY = re.compile(
    r"(?<![0-9A-Za-z])[1-9][0-9]{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}(?![0-9A-Za-z])"
)
_CARD = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9]{13,19}|[0-9]{4}(?:[- ][0-9]{4}){2,3}(?:[- ]?[0-9]{1,4})?"
    r"|[0-9]{4}[- ][0-9]{6}[- ][0-9]{4,5})(?![0-9A-Za-z])"
)
_FLAGS = re.IGNORECASE | re.ASCII
_IDENTITY_CUE = re.compile(
    r"(?:身份证|证件|身份号|(?<![a-z])id ?(?:card|no|number))[^0-9\n。;!?]{0,12}\Z", _FLAGS
)
_BANK_CUE = re.compile(
    r"(?:银行卡|储蓄卡|信用卡|借记卡|贷记卡|卡号|银行账[号户]|银行帐[号户]|收款账[号户]|开户"
    r"|(?<![a-z])(?:(?:bank|credit|debit) ?card|card ?(?:no|number)))[^0-9\n。;!?]{0,12}\Z",
    _FLAGS,
)
_LIST_GAP = re.compile(r"[、,;/和及与\s]{1,3}")
_DATE_FIRST = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_WINDOW = 32  # how far back a cue may stand, in code points
_PRIORITY = {"": 0, "身份证": 1, "手机号": 2, "卡密": 3, "银行卡": 4}


@dataclass(frozen=True, slots=True)
class Masked:
    """Masked text, and what each placeholder stands for, in the order they were given out.

    `replacements` holds (placeholder, original) pairs; originals are as first written.
    """

    text: str
    replacements: tuple[tuple[str, str], ...]


def mask(text: str, *, card_key_patterns: Sequence[str] = ()) -> Masked:
    """Replace the secrets of one message; masking a masked text changes nothing.

    Args:
        text: Anything a person wrote; placeholders already in it stay and their numbers are taken.
        card_key_patterns: Regular expressions of card keys that need no cue.

    Returns:
        The masked text and what was replaced.

    Raises:
        InvalidInput: If a pattern is not a regular expression.
    """
    texts, replacements = mask_all([text], card_key_patterns=card_key_patterns)
    return Masked(texts[0], replacements)


def mask_all(
    texts: Sequence[str], *, card_key_patterns: Sequence[str] = ()
) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """Mask several texts of one document with common numbers, as `mask` does for one.

    Args:
        texts: For instance title, body and attributes of one document.
        card_key_patterns: See `mask`.

    Returns:
        The masked texts in the order given, and all replacements.

    Raises:
        InvalidInput: If a pattern is not a regular expression.
    """
    patterns = _compile(tuple(card_key_patterns))
    masked = list(texts)
    replacements: list[tuple[str, str]] = []
    numbers = _taken_numbers(masked)
    placeholders: dict[tuple[str, str], str] = {}

    def name(span: Span, original: str) -> str:
        key = (span.kind, span.value)
        if key not in placeholders:
            numbers[span.kind] = numbers.get(span.kind, 0) + 1
            placeholders[key] = f"[{span.kind}{numbers[span.kind]}]"
            replacements.append((placeholders[key], original))
        return placeholders[key]

    for _ in range(_MAX_ROUNDS):  # a value found by its cue is then found where it stands without one
        before = list(masked)
        secrets = {kind: frozenset(v for k, v in placeholders if k == kind) for kind in ("卡密", "银行卡")}
        masked = [_replace(text, patterns, secrets, name) for text in masked]
        if masked == before:
            break
    return masked, tuple(replacements)


@lru_cache(maxsize=16)
def _compile(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern))
        except re.error as error:
            raise InvalidInput(
                f"card key pattern {pattern!r} is not a regular expression ({error}); "
                "correct KB_CARD_KEY_PATTERNS"
            ) from error
    return tuple(compiled)


def _taken_numbers(texts: Iterable[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for text in texts:
        for match in _PLACEHOLDER.finditer(text):
            numbers[match[1]] = max(numbers.get(match[1], 0), int(match[2]))
    return numbers


def _fold(text: str) -> tuple[str, list[int] | None]:
    """Return the copy to match on, and the original offset of each of its characters if any moved."""
    if text.isascii():
        return text, None
    if not _INVISIBLE.search(text):
        return text.translate(_FOLD), None
    kept = [offset for offset, char in enumerate(text) if not _INVISIBLE.match(char)]
    return "".join(text[offset] for offset in kept).translate(_FOLD), kept


def _replace(
    text: str,
    patterns: tuple[re.Pattern[str], ...],
    secrets: dict[str, frozenset[str]],
    name: Callable[[Span, str], str],
) -> str:
    folded, offsets = _fold(text)
    pieces = []
    done = 0
    for span in _without_overlaps(_find(folded, patterns, secrets)):
        if not span.kind:
            continue
        start, end = (
            (span.start, span.end) if offsets is None else (offsets[span.start], offsets[span.end - 1] + 1)
        )
        pieces += [text[done:start], name(span, text[start:end])]
        done = end
    return "".join([*pieces, text[done:]])


def _find(
    text: str, patterns: tuple[re.Pattern[str], ...], secrets: dict[str, frozenset[str]]
) -> Iterator[Span]:
    for match in _PLACEHOLDER.finditer(text):
        yield Span(match.start(), match.end(), "", "")
    for pattern in patterns:
        for match in pattern.finditer(text):
            if match.end() > match.start():
                yield Span(match.start(), match.end(), "卡密", canonical(match[0]))
    for match in _PHONE.finditer(text):
        yield Span(match.start(), match.end(), "手机号", re.sub("[- ]", "", match[1]))
    yield from _find_identities(text)
    yield from find_card_keys(text, secrets["卡密"])
    yield from _find_bank_cards(text, secrets["银行卡"])


def _find_identities(text: str) -> Iterator[Span]:
    for match in _IDENTITY.finditer(text):
        number = re.sub("[- ]", "", match[0]).upper()
        dated = _DATE_FIRST.match(number, 6) or _cued(_IDENTITY_CUE, text, match.start())
        if _has_identity_check_digit(number) and dated:
            yield Span(match.start(), match.end(), "身份证", number)
    for match in _OLD_IDENTITY.finditer(text):
        if _cued(_IDENTITY_CUE, text, match.start()):
            yield Span(match.start(), match.end(), "身份证", match[0])


def _find_bank_cards(text: str, known: frozenset[str]) -> Iterator[Span]:
    code_end = -1  # where the last number that an order cue vouched for ended
    for match in _CARD.finditer(text):
        number = re.sub("[- ]", "", match[0])
        listed = code_end >= 0 and _LIST_GAP.fullmatch(text, code_end, match.start())
        if listed or has_code_cue(text, match.start()):
            code_end = match.end()
            is_card = False
        else:
            named = _cued(_BANK_CUE, text, match.start())
            is_card = named and (len(number) >= 16 or _passes_luhn(number))
            is_card = is_card or (_passes_luhn(number) and number[0] != "0" and not _DATE_FIRST.match(number))
        if (is_card and 13 <= len(number) <= 19) or number in known:
            yield Span(match.start(), match.end(), "银行卡", number)


def _cued(cue: re.Pattern[str], text: str, start: int) -> bool:
    return cue.search(text[max(0, start - _WINDOW) : start]) is not None


def _has_identity_check_digit(number: str) -> bool:
    """GB 11643-1999 (ISO 7064, MOD 11-2): weights 2^(17-i) mod 11."""
    total = sum(int(digit) * pow(2, 17 - i, 11) for i, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


def _passes_luhn(number: str) -> bool:
    doubled = [int(digit) * (2 if i % 2 else 1) for i, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order; where two overlap, the likelier kind stands, then the longer."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, _PRIORITY[s.kind], -s.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
        elif _PRIORITY[span.kind] < _PRIORITY[kept[-1].kind]:
            kept[-1] = span
    return kept
