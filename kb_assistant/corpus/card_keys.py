"""Finds card keys in folded text: values after a cue (卡密, 密码, key …) that look like a secret.

Codes look much the same (order, batch and ticket numbers, product and error codes, dates), so a
value counts only where a cue vouches for it and its shape is not one of ours. Every look around a
candidate is bounded, so the cost grows linearly with the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BEFORE = 48  # how far back a cue may stand, in code points
_OPENING = "[\"“”'‘’「『【\\[(<《`*]"
_CLOSING = "[\"“”'‘’」』】\\])>》`*]"

_KEY_WORD = (
    "(?:卡密|密码|兑换码|激活码|授权码|充值码|注册码|序列号|礼品码|提货码|券码|核销码|密钥|秘钥|口令"
    "|(?<![a-z])(?:cd-?keys?|cdk|(?:(?:api|app|access|secret|card|product)[ _-]?)?keys?"
    "|(?:activation|redeem|redemption|gift|license|licence|serial)[ _-]?(?:codes?|keys?|numbers?)"
    "|password|passwd|pwd|secret|token))"
)
_TAIL = (
    r"(?:号码|内容|如下|列表|信息|串)?\s*(?:[0-9]{1,3}|[一二三四五六七八九十]{1,3}|[①-⑳])?"
    rf"(?:\s|:|=|是|为|-|\||#|{_OPENING})*(?:[0-9]{{1,3}}[.、)]\s*|•\s*)?{_OPENING}*\Z"
)
_FLAGS = re.IGNORECASE | re.ASCII
_CUE = re.compile(_KEY_WORD + _TAIL, _FLAGS)
_CARD_NUMBER_CUE = re.compile("(?:卡号)" + _TAIL, _FLAGS)
_LOOSE_CUE = re.compile(_KEY_WORD + r"(?:[^\n。!?;]{0,24}|[^\n。!?;]{0,20}:\s{1,4})\Z", _FLAGS)
_CUE_BEHIND = re.compile(
    rf"{_CLOSING}*(?:\s|,|这个|这张|这些|这|此|该|是|的|为|我的|您的|那个|提示|一直){{0,6}}"
    "(?:卡密|密码|兑换码|激活码|授权码)",
    _FLAGS,
)
_PASSWORD_FOLLOWS = re.compile(rf"{_CLOSING}*[\s,;:、/|]*(?:卡密|密码)", _FLAGS)
_CODE_CUE = re.compile(
    "(?:订单|单号|流水|交易号|工单|批次|批号|编号|编码|型号|错误码|版本|运单|快递|物流"
    "|(?<![a-z])(?:order|trade|ticket|batch|txn|sku|version))"
    r"(?:编号|号码|号|id|no\.?|是|为|:|=|#|\s|-|" + _OPENING + r")*\Z",
    _FLAGS,
)
_LIST_GAP = re.compile(
    rf"{_CLOSING}*\s*[、,;/|&+]?\s*(?:和|及|与|以及|还有)?\s*"
    rf"(?:(?:[0-9]{{1,3}}|[一二三四五六七八九十]{{1,2}})[.、):]\s*|[-*•]\s*)?{_OPENING}*",
    _FLAGS,
)
_LIST_GAP_WIDTH = 16

_TOKEN = re.compile(
    r"\[卡密[0-9]{1,9}\]"
    r"|(?<![A-Za-z0-9_-])[A-Z0-9]{4,6}(?: [A-Z0-9]{4,6}){2,7}(?![A-Za-z0-9_-])"
    r"|(?<![A-Za-z0-9])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*"
)
_DATE = r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_CODE = re.compile(
    r"DD[0-9]{14}|KM[0-9]{8}|T-[0-9]{4}-[0-9]+|[A-Z][0-9]{4}|SOP(?:-[A-Z0-9]+)+"
    r"|[A-Z]{1,3}-[A-Z0-9]{1,5}"  # product codes: DK-50, SP-M1
    rf"|[A-Z]{{1,4}}{_DATE}[0-9]*|{_DATE}"  # order and batch numbers begin with their day
    r"|(?:19|20)[0-9]{2}[-_][0-9]{1,2}[-_][0-9]{1,2}(?:T.*)?"
    r"|(?:400|800)-?[0-9]{3}-?[0-9]{4}|0[0-9]{2,3}-[0-9]{7,8}"  # hotlines and landlines
    r"|(?:windows|office|steam|iphone|android|photoshop|visio|adobe)-?[0-9]+[a-z]*",
    _FLAGS,
)
_COUNTED = re.compile(r"\s?(?:张|个|元|次|条|分|小时|天|日|位|枚|件|笔|份|年|积分|人|rmb)", _FLAGS)
_PHONE_SHAPE = re.compile(r"(?:86-?)?1[3-9][0-9](?:-?[0-9]{4}){2}")


@dataclass(frozen=True, slots=True)
class Span:
    """Code points [start, end) of a text that hold a secret; `value` is the same for equal secrets."""

    start: int
    end: int
    kind: str
    value: str


def find_card_keys(text: str, known: frozenset[str] = frozenset()) -> Iterator[Span]:
    """Yield the card keys of a folded text in order; `known` values count without a cue.

    After one key, further ones may follow line by line or separated by 、 , / or spaces.
    """
    list_end = -1  # where the last key vouched for by a cue ended
    for match in _TOKEN.finditer(text):
        token, start, end = match[0], match.start(), match.end()
        if token.startswith("["):
            if _cued(text, start, list_end, _CUE):
                list_end = end
            continue
        vouched = _looks_secret(token) and not _is_code(text, match) and _vouched(text, match, list_end)
        if vouched:
            list_end = end
        if vouched or canonical(token) in known:
            yield Span(start, end, "卡密", canonical(token))


def canonical(key: str) -> str:
    """Return the form in which two spellings of one key are equal: card keys ignore case."""
    return key.upper()


def has_code_cue(text: str, start: int) -> bool:
    """Whether 订单, 单号, 流水 … stands right before offset `start` of a folded text."""
    return _CODE_CUE.search(text[max(0, start - _BEFORE) : start]) is not None


def _cued(text: str, start: int, list_end: int, cue: re.Pattern[str]) -> bool:
    near = list_end >= 0 and 0 <= start - list_end <= _LIST_GAP_WIDTH
    if near and _LIST_GAP.fullmatch(text, list_end, start):
        return True
    return cue.search(text[max(0, start - _BEFORE) : start]) is not None


def _vouched(text: str, match: re.Match[str], list_end: int) -> bool:
    start, end, token = match.start(), match.end(), match[0]
    if _cued(text, start, list_end, _CUE):
        return True
    if _cued(text, start, -1, _CARD_NUMBER_CUE):
        digits = re.sub("[ -]", "", token)
        is_bank_card = digits.isdigit() and 13 <= len(digits) <= 19
        return not is_bank_card or _PASSWORD_FOLLOWS.match(text, end) is not None
    if not _is_strong(token):
        return False
    return _cued(text, start, -1, _LOOSE_CUE) or _CUE_BEHIND.match(text, end, end + _BEFORE) is not None


def _looks_secret(token: str) -> bool:
    groups = re.split("[-_ ]", token)
    if sum(map(len, groups)) < 8:
        return False
    even = len(groups) >= 3 and len({len(group) for group in groups}) == 1 and len(groups[0]) >= 4
    if " " in token and not even:
        return False
    return any(char.isdigit() for char in token) or (even and "-" in token)


def _is_strong(token: str) -> bool:
    """Whether the shape alone says "key": three or more even groups, or letters and digits well mixed."""
    groups = re.split("[-_]", token)
    if " " in token or token.isdigit():
        return False
    if len(groups) >= 3:
        return min(map(len, groups)) >= 4 and any(char.isalpha() for char in token)
    switches = sum(a.isdigit() != b.isdigit() for a, b in zip(groups[0], groups[0][1:], strict=False))
    return len(groups) == 1 and len(token) >= 12 and switches >= 3


def _is_code(text: str, match: re.Match[str]) -> bool:
    token = match[0]
    if _CODE.fullmatch(token) or _PHONE_SHAPE.fullmatch(token):
        return True
    if token.isdigit() and len(token) <= 10 and _COUNTED.match(text, match.end()):
        return True
    return has_code_cue(text, match.start())
