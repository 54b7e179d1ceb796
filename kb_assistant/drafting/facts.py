"""Figures in Chinese text: numbers with their units, as values that can be compared."""

import re
import unicodedata
from dataclasses import dataclass

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千万]+|半)"
# longest first, so that 个工作日 is not read as 个; the second item is (dimension, factor)
_UNITS: dict[str, tuple[str, float]] = {
    "个工作日": ("workday", 1), "工作日": ("workday", 1),
    "个自然日": ("second", 86_400), "自然日": ("second", 86_400),
    "个小时": ("second", 3600), "小时": ("second", 3600), "钟头": ("second", 3600),
    "分钟": ("second", 60), "秒钟": ("second", 1), "秒": ("second", 1),
    "个星期": ("second", 604_800), "星期": ("second", 604_800), "周": ("second", 604_800),
    "天": ("second", 86_400), "日": ("second", 86_400),
    "个月": ("month", 1), "年": ("month", 12),
    "万元": ("yuan", 10_000), "元": ("yuan", 1), "块钱": ("yuan", 1), "块": ("yuan", 1),
    "%": ("percent", 1), "折": ("discount", 1), "积分": ("point", 1),
    "张": ("张", 1), "次": ("次", 1), "单": ("单", 1), "台": ("台", 1), "行": ("行", 1), "笔": ("笔", 1),
    "条": ("条", 1), "级": ("级", 1), "星": ("星", 1), "项": ("项", 1), "份": ("份", 1), "倍": ("倍", 1),
    "页": ("页", 1), "位": ("位", 1), "人": ("人", 1), "个": ("个", 1), "步": ("步", 1),
}  # fmt: skip
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_FIGURE = re.compile(
    rf"(?P<money>￥|¥)?\s?(?P<low>{_NUMBER})(?:\s?(?:-|–|—|~|至|到)\s?(?P<high>{_NUMBER}))?"
    rf"\s?(?P<unit>{_UNIT})(?P<half>半)?"
    rf"|(?:￥|¥)\s?(?P<amount>{_NUMBER})|百分之(?P<percent>{_NUMBER})"
)
# 第一次, 一个, 一下 count nothing: a lone 一 before these is an article, not a figure
_ARTICLES = {"个", "次", "张", "单", "项", "条", "位", "份", "步", "台", "笔", "行", "人"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure found in a text, `text == whole[start:end]`; a range has `low` < `high`.

    `dimension` says what may be compared: seconds, workdays, months, yuan, percent, counts by
    their measure word. 一天 and 24小时 are both 86,400 seconds; 1个工作日 is neither.
    """

    text: str
    start: int
    end: int
    dimension: str
    low: float
    high: float

    def same_value(self, other: "Quantity") -> bool:
        """Tell whether both say the same amount of the same thing."""
        return (self.dimension, self.low, self.high) == (other.dimension, other.low, other.high)


def find_quantities(text: str) -> list[Quantity]:
    """Return every figure of `text` in order; full-width digits and separators are read as ASCII."""
    narrow = "".join(_narrow(character) for character in text)
    found = []
    for match in _FIGURE.finditer(narrow):
        if _is_part_of_code(narrow, match.start()):
            continue
        quantity = _quantity(match, text)
        if quantity is not None:
            found.append(quantity)
    return found


def _quantity(match: re.Match[str], text: str) -> Quantity | None:
    groups = match.groupdict()
    if groups["percent"] is not None:
        dimension, factor, low, high = "percent", 1.0, groups["percent"], None
    elif groups["amount"] is not None:
        dimension, factor, low, high = "yuan", 1.0, groups["amount"], None
    else:
        unit = groups["unit"]
        if groups["low"] == "一" and unit in _ARTICLES:
            return None
        (dimension, factor), low, high = _UNITS[unit], groups["low"], groups["high"]
    start = match.start() + (len(match.group()) - len(match.group().lstrip()))
    value = _value(low) * factor + (factor / 2 if groups["half"] else 0)
    return Quantity(
        text=text[start : match.end()],
        start=start,
        end=match.end(),
        dimension=dimension,
        low=value,
        high=_value(high) * factor if high is not None else value,
    )


def _narrow(character: str) -> str:
    narrow = unicodedata.normalize("NFKC", character)
    return narrow if len(narrow) == 1 else character


def _is_part_of_code(text: str, start: int) -> bool:
    """Tell whether the digits at `start` continue a code such as E1003 or 2026-08."""
    return start > 0 and text[start].isascii() and (text[start - 1].isascii() and text[start - 1].isalnum())


def _value(number: str) -> float:
    if number == "半":
        return 0.5
    if number[0].isdigit():
        return float(number.replace(",", ""))
    total = section = digit = 0
    for character in number:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            section, digit = section + (digit or 1) * _SCALES[character], 0
    return float(total + section + digit)
