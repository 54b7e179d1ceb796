"""Figures in Chinese text: numbers with their units, dates and times, as values that can be compared."""

import re
import unicodedata
from dataclasses import dataclass

from kb_assistant.corpus.numerals import DIGITS, HAN_NUMERAL, parse_number

# Arabic digits may be followed by scales, also more than once: 2千, 1.5万, 1万2千
_SCALED = r"(?:\s?[十百千万]+(?:\d+[十百千]+)*)?"
_NUMBER = rf"(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?{_SCALED}|\d+(?:\.\d+)?{_SCALED}|{HAN_NUMERAL}+|半)"
# no figure has so many digits; without this, ten thousand of them would take seconds to match
_TOO_LONG = re.compile(rf"[\d,.]{{25,}}|{HAN_NUMERAL}{{25,}}")
_TO = r"\s?(?:-|‒|–|—|~|至|到)\s?"
# longest first, so that 个工作日 is not read as 个; the second item is (dimension, factor)
_UNITS: dict[str, tuple[str, float]] = {
    "个工作日": ("workday", 1), "工作日": ("workday", 1),
    "个自然日": ("second", 86_400), "自然日": ("second", 86_400),
    "个小时": ("second", 3600), "小时": ("second", 3600),
    "个钟头": ("second", 3600), "钟头": ("second", 3600),
    "分钟": ("second", 60), "秒钟": ("second", 1), "秒": ("second", 1),
    "个星期": ("second", 604_800), "星期": ("second", 604_800), "周": ("second", 604_800),
    "天": ("second", 86_400), "日": ("second", 86_400),
    "个月": ("month", 1), "年": ("month", 12),
    "元": ("yuan", 1), "块钱": ("yuan", 1), "块": ("yuan", 1),
    "%": ("percent", 1), "折": ("discount", 1), "积分": ("point", 1),
    "张": ("张", 1), "次": ("次", 1), "单": ("单", 1), "台": ("台", 1), "行": ("行", 1), "笔": ("笔", 1),
    "条": ("条", 1), "级": ("级", 1), "星": ("星", 1), "项": ("项", 1), "份": ("份", 1), "倍": ("倍", 1),
    "页": ("页", 1), "位": ("位", 1), "人": ("人", 1), "个": ("个", 1), "步": ("步", 1),
}  # fmt: skip
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_FIGURE = re.compile(
    rf"(?P<money>￥|¥)?\s?(?P<low>{_NUMBER})(?:{_TO}(?P<high>{_NUMBER}))?\s?"
    # 三个半小时 is 3.5 hours; 5元半价 is not 5.5 yuan
    rf"(?:个(?P<between>半)(?=(?P<whole>小时|钟头|月|星期|工作日))(?:小时|钟头|月|星期|工作日)"
    rf"|(?P<unit>{_UNIT})(?P<half>半(?!价|折|个|小时|天|年|月|数))?)"
    rf"|(?:￥|¥)\s?(?P<amount>{_NUMBER})|百分之(?P<percent>{_NUMBER})"
)
_DATE = re.compile(
    rf"(?:(?P<year>\d{{4}}|[零〇一二三四五六七八九]{{4}})\s?年\s?)?"
    rf"(?P<month>\d{{1,2}}|{HAN_NUMERAL}{{1,3}})\s?月\s?(?P<day>\d{{1,2}}|{HAN_NUMERAL}{{1,3}})\s?[日号]"
    r"|(?P<only>\d{4})\s?年(?:\s?(?P<of>\d{1,2})\s?月)?"
)
_PART = (
    r"(?:凌晨|清晨|早上|早晨|今早|明早|上午|中午|午间|下午|傍晚|晚上|晚间|今晚|明晚|昨晚|当晚|夜里|夜间|半夜)"
)
_AFTER_NOON = ("下午", "傍晚", "晚")
# 8点 but not 8点数 or 以下3点；三点 only where something around it says that it is a time
_CLOCK = re.compile(
    rf"(?P<day>次日|翌日|第二天)?(?P<part>{_PART})?\s?"
    r"(?:(?<![\d:.,])(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::[0-5]\d)?(?![\d:])"
    r"|(?<![\d:.,下这那有])(?P<full>\d{1,2})\s?点(?![卡数券击元赞评建说注要原：:])"
    rf"(?P<past>\s?[0-5]?\d\s?分(?![钟之])|半|一刻|三刻)?(?:整|钟)?"
    rf"|(?P<words>零|(?:(?<=[上晨早晚午夜间里日])|(?<=二天)|(?={HAN_NUMERAL}{{1,3}}点(?:半|整|钟|之?前(?!面|提))))"
    rf"{HAN_NUMERAL}{{1,3}})点(?P<more>半|一刻|三刻|{HAN_NUMERAL}{{1,3}}分?(?!钟))?(?:整|钟)?)"
)
# 第一次, 一个, 一下 count nothing: a lone 一 before these is an article, not a figure
_ARTICLES = {"个", "次", "张", "单", "项", "条", "位", "份", "步", "台", "笔", "行", "人", "块"}
# letters glued to a short number may still count time or money (VIP3天), but not pieces (DK50张)
_COUNTABLE_AFTER_LETTERS = {"second", "workday", "month", "yuan", "percent", "discount"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure found in a text, `text == whole[start:end]`; a range has `low` < `high`.

    `dimension` says what may be compared: seconds, workdays, months, yuan, percent, counts by
    their measure word. 一天 and 24小时 are both 86,400 seconds; 1个工作日 is neither. A discount is
    in tenths of the price (95折 and 九五折 are 9.5), a "clock" in minutes after midnight (次日9:00
    is 33 × 60), a "date" the number yyyymmdd, or mmdd where no year is given.
    """

    text: str
    start: int
    end: int
    dimension: str
    low: float
    high: float

    def same_value(self, other: "Quantity") -> bool:
        """Tell whether both say the same amount of the same thing; a date without a year fits any year."""
        if self.dimension == other.dimension == "date" and min(self.low, other.low) < 10_000:
            return self.low % 10_000 == other.low % 10_000
        return (self.dimension, self.low, self.high) == (other.dimension, other.low, other.high)


def find_quantities(text: str) -> list[Quantity]:
    """Return every figure of `text` in order; full-width digits and separators are read as ASCII.

    Digits inside a code (E1003, DK-50, 2026-08-15) are no figures.
    """
    narrow = "".join(_narrow(character) for character in text)
    narrow = _TOO_LONG.sub(lambda run: "\0" * len(run.group()), narrow)
    found = [*_dates(narrow, text), *_clocks(narrow, text)]
    # what was read as a date or a time is not read again as days or points
    rest = list(narrow)
    for quantity in found:
        rest[quantity.start : quantity.end] = "\0" * (quantity.end - quantity.start)
    for match in _FIGURE.finditer("".join(rest)):
        amount = _quantity(match, text)
        if amount is not None:
            found.append(amount)
    return sorted(found, key=lambda quantity: quantity.start)


def _quantity(match: re.Match[str], text: str) -> Quantity | None:
    groups = match.groupdict()
    high = None
    if groups["percent"] is not None:
        dimension, factor, low = "percent", 1.0, groups["percent"]
    elif groups["amount"] is not None:
        dimension, factor, low = "yuan", 1.0, groups["amount"]
    else:
        unit = groups["unit"] or f"个{groups['whole']}"
        if groups["low"] == "一" and unit in _ARTICLES:
            return None
        (dimension, factor), low, high = _UNITS[unit], groups["low"], groups["high"]
        if _is_part_of_code(match.string, match.start("low"), match.end("low"), dimension):
            return None
    bottom, top = _values(low, high, dimension)
    half = factor / 2 if groups["half"] or groups["between"] else 0.0
    start = match.start() + (len(match.group()) - len(match.group().lstrip()))
    return Quantity(
        text[start : match.end()], start, match.end(), dimension, bottom * factor + half, top * factor + half
    )


def _values(low: str, high: str | None, dimension: str) -> tuple[float, float]:
    """Return both ends as numbers; 1-5万 begins at 10,000, 两三天 are 2 to 3, 95折 is 9.5."""
    bottom = parse_number(low)
    top = bottom if high is None else parse_number(high)
    scale = re.search(r"(?<=[\d\s零〇一二两三四五六七八九])[百千万]+$", high or "")
    if scale and not re.search(r"[十百千万]", low):
        factor = parse_number(f"1{scale.group()}")
        if bottom <= top / factor:
            bottom *= factor
    if dimension == "discount":
        bottom, top = (value / 10 if value > 10 else value for value in (bottom, top))
    elif high is None and len(low) == 2 and low[0] in DIGITS and low[1] in DIGITS:
        first, second = DIGITS[low[0]], DIGITS[low[1]]
        if 0 < first < second:
            bottom, top = float(first), float(second)
    return bottom, top


def _dates(narrow: str, text: str) -> list[Quantity]:
    found = []
    for match in _DATE.finditer(narrow):
        groups = match.groupdict()
        year = groups["year"] or groups["only"]
        month, day = groups["month"] or groups["of"], groups["day"]
        value = (
            parse_number(year or "0") * 10_000 + parse_number(month or "0") * 100 + parse_number(day or "0")
        )
        if (
            _is_code(narrow, match.start())
            or parse_number(month or "0") > 12
            or parse_number(day or "0") > 31
        ):
            continue
        found.append(
            Quantity(text[match.start() : match.end()], match.start(), match.end(), "date", value, value)
        )
    return found


def _clocks(narrow: str, text: str) -> list[Quantity]:
    """Return the times of day; two joined by 到, 至 or a dash are one range."""
    found: list[Quantity] = []
    part = ""
    for match in _CLOCK.finditer(narrow):
        groups = match.groupdict()
        joined = bool(found) and re.fullmatch(_TO, narrow[found[-1].end : match.start()]) is not None
        part = groups["part"] or (part if joined else "")
        value = _minutes(groups, part)
        start = match.start() + (len(match.group()) - len(match.group().lstrip()))
        digits = match.start("hour") if groups["hour"] else match.start("full")
        if value is None or (digits >= 0 and _is_code(narrow, digits) and not joined):
            continue
        if joined and found[-1].low == found[-1].high:
            first = found.pop()
            start, low = first.start, first.low
        else:
            low = value
        found.append(Quantity(text[start : match.end()], start, match.end(), "clock", low, value))
    return found


def _minutes(groups: dict[str, str | None], part: str) -> float | None:
    hour = parse_number(groups["hour"] or groups["full"] or groups["words"] or "零")
    past = (groups["past"] or groups["more"] or "").strip(" 分")
    quarters = {"半": 30.0, "一刻": 15.0, "三刻": 45.0}
    minute = float(groups["minute"]) if groups["minute"] else quarters.get(past) or parse_number(past or "零")
    if hour > 24 or minute > 59:
        return None
    if hour <= 12 and (any(word in part for word in _AFTER_NOON)) and (hour < 12 or "晚" in part):
        hour += 12
    return hour * 60 + minute + (1440 if groups["day"] else 0)


def _narrow(character: str) -> str:
    narrow = unicodedata.normalize("NFKC", character)
    return narrow if len(narrow) == 1 else character


def _is_part_of_code(text: str, start: int, end: int, dimension: str) -> bool:
    """Tell whether the number at `start` continues a code such as E1003, DK-50 or 2026-08."""
    before = _run_before(text, start)
    glued = re.fullmatch(r"[A-Za-z]{2,}", before) is not None and re.fullmatch(r"\d{1,2}", text[start:end])
    return _is_code(text, start) and not (glued and dimension in _COUNTABLE_AFTER_LETTERS)


def _is_code(text: str, start: int) -> bool:
    return text[start] in "0123456789" and any(c.isalnum() for c in _run_before(text, start))


def _run_before(text: str, start: int) -> str:
    """Return the ASCII letters, digits and inner joiners that stand right before `start`."""
    run = re.search(r"[A-Za-z0-9_.-]*$", text[max(0, start - 40) : start])
    return run.group() if run else ""
