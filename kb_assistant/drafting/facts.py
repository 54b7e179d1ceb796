"""Figures in Chinese text: numbers with their units, dates, times and codes, as values that can be compared.

The readers run in turn (codes, service hours, dates, times, amounts); what one has read is blank to the next.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from kb_assistant.corpus.numerals import HAN_NUMERAL, parse_estimate, parse_number

Bound = Literal["max", "min", ""]

# one character for one, so that offsets stay: full-width forms, odd spaces and dashes, traditional characters
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans(
    "　\xa0￥‒–—−兩個點塊張週鐘鍾萬內後滿過於時間號筆條級單臺項頁錢圓積"
    "數幣從沒應該準許遲長價這裡裏領購額權雙達無禮頭俩仨",
    "  ¥----两个点块张周钟钟万内后满过于时间号笔条级单台项页钱元积"
    "数币从没应该准许迟长价这里里领购额权双达无礼头两三",
)
# numbers, all of bounded length: a search never reads a long run of digits twice
_ARABIC = (
    r"(?<!\d)(?<!\d\.)(?:\d{1,3}(?:,\d{3}){1,4}(?!\d)|\d{1,12})(?:\.\d{1,6})?"
    r"(?:[ ]?[百千万]{1,2}(?:\d{1,4}[百千]){0,2}|[kw](?=[ ]?[元块]))?"
)
_HAN_DIGIT = "[零〇一二三四五六七八九]"
_HAN = (
    rf"(?<!{HAN_NUMERAL})(?:[零〇一二两三四五六七八九]|(?<![几数上])十){HAN_NUMERAL}{{0,15}}"
    rf"(?:点{_HAN_DIGIT}{{1,4}})?"
)
_NUMBER = rf"(?:{_ARABIC}|{_HAN})"
_TO = r"[ ]?(?:-|~|至|到)[ ]?"

# spellings of a unit: (dimension, factor). The count words are their own dimension.
_UNITS: dict[str, tuple[str, float]] = {
    spelling: (dimension, factor)
    for dimension, factor, spellings in (
        ("workday", 1, "个工作日 工作日"),
        ("second", 0.001, "毫秒 ms"), ("second", 1, "秒钟 秒 s sec"), ("second", 60, "分钟 min mins"),
        ("second", 900, "刻钟"), ("second", 3600, "个小时 小时 个钟头 钟头 h"),
        ("second", 86_400, "个自然日 自然日 天 日"), ("second", 604_800, "个星期 星期 个礼拜 礼拜 周"),
        ("month", 1, "个自然月 个月 月"), ("month", 12, "年"),
        ("yuan", 1, "块钱 块 元 rmb 人民币"), ("yuan", 0.1, "角 毛"),
        ("percent", 1, "% 个百分点 百分点 个点"), ("percent", 0.1, "‰"), ("percent", 10, "折 成"),
        ("point", 1, "个积分 积分"), ("人", 1, "个人"), ("字", 1, "个字"),
        ("字符", 1, "个字符 字符"), ("岁", 1, "周岁 岁"), ("gb", 1, "gb g"), ("mb", 1, "mb m"),
        *((word, 1, word) for word in "张次单笔台条个级星位人份行页倍项步家名批件部封遍期档字分点"),
    )
    for spelling in spellings.split()
}  # fmt: skip
# a unit followed by one of these is the beginning of another word: 3周年, 3个点卡, 10字符, 三分之一
_OTHER_WORD = {
    "天": "然猫津气", "日": "常志期", "周": "年岁末边期转六日", "年": "级代货龄", "秒": "杀",
    "毛": "病利巾", "月": "卡费租结付光色薪份", "元": "旦宵素件组气", "块": "儿给来说讲内",
    "角": "色度落星完",
    "折": "叠腾算抵旧损返扣", "成": "功为本员交立长都果熟绩品年份分了单团不",
    "个点": "卡券击数评赞选", "点": "卡券击评赞", "个": "别性体",
    "次": "日元性要于数", "单": "价独位号品纯向", "台": "湾词阶", "条": "件款例码",
    "星": "期海座光巴", "位": "置于居", "人": "民工员脸气均才", "个人": "信资账名", "份": "额量",
    "行": "为业动程政李驶情", "笔": "记误名者", "字": "母段节体号", "个字": "母段节体号", "档": "案期",
    "分": "之站别批类期组享配开区局", "家": "长里庭属用", "名": "字称单额片义牌", "批": "量发准复",
    "件": "夹", "部": "分门长署", "封": "顶号禁锁", "期": "间限末望待", "倍": "感速",
    "g": "a-z0-9网手信", "m": "a-z0-9",
    **dict.fromkeys(("h", "s", "ms", "sec", "min", "mins", "gb", "mb", "rmb"), "a-z"),
}  # fmt: skip
_UNIT = "|".join(
    re.escape(unit) + (f"(?![{_OTHER_WORD[unit]}])" if unit in _OTHER_WORD else "")
    for unit in sorted(_UNITS, key=len, reverse=True)
)
_HALF_UNIT = "个?工作日|个?小时|个?钟头|天|日|周|个?月|年|分钟|秒钟?|块钱?"
_SIGN = r"(?:¥|(?<![a-z])rmb|人民币)"
_AMOUNT = re.compile(
    rf"{_SIGN}[ ]?(?P<paid>{_NUMBER})"
    rf"(?:{_TO}{_SIGN}?(?P<paid_to>{_NUMBER})(?=[ ]?[元块]|(?!\.?\d|[ ]?(?:{_UNIT}))))?"
    r"(?:[ ]?(?:元|块钱|块))?"
    rf"|(?P<parts>[百千万])分之(?P<share>{_NUMBER})(?:{_TO}(?P<share_to>{_NUMBER})(?!\.?\d|[ ]?(?:{_UNIT})))?"
    r"|(?P<half_price>半价|对折)"
    rf"|(?<![老大小好一多上下前])(?<!(?<![款功付定理起交到成出])后)半(?P<half_of>{_HALF_UNIT})"
    rf"|(?P<low>{_NUMBER})(?:{_TO}(?P<high>{_NUMBER}))?[ ]{{0,2}}"
    # 三个半小时, 两天半, 三块五; 5元半价 is not 5.5 yuan and 5块3张 not 5.3
    rf"(?:个(?P<between>半)(?P<whole>小时|钟头|月|星期|工作日)|(?P<unit>{_UNIT})"
    r"(?P<half>(?<=[天周月年时头块])半(?![价折个小天年月数夜路途成身分秒张场星块]))?"
    rf"(?:(?<=块)(?P<tenths>[1-9一二三四五六七八九])(?!\d|{HAN_NUMERAL}|[.,%]|[ ]?(?:{_UNIT})))?)",
    re.ASCII | re.IGNORECASE,
)
_CODE = re.compile(
    # DK-50, SOP-CZ-01, T-2026-00123 | E4001, DD20260815000312, but not QQ100元 | v2.3.1
    r"(?<![a-z0-9_.])(?:[a-z]{1,8}(?:-[a-z0-9]{1,16}){1,4}(?<=[0-9].|.[0-9]|-[0-9a-z])"
    r"|(?!rmb|cny)[a-z]{1,4}\d{3,20}(?![ ]?(?:[元块天日年秒%]|分钟|个?小时|个(?:工作日|月)))"
    r"|(?<!/)v\d{1,3}(?:\.\d{1,4}){0,3})(?![a-z0-9_]|\.\d)",
    re.ASCII | re.IGNORECASE,
)
_SERVICE = re.compile(
    r"(?<![\w.-])(?<!\d,)([1-7])(?:[ ]?天)?[ ]?[×x*][ ]?(\d{1,2})(?!\d|\.\d)"
    r"(?:[ ]?个?小时)?(?![ ]?[元块张天次个%])"
    r"|(?<![\d.])(7)[ ]?天[ ]?(24)[ ]?个?小时",
    re.ASCII | re.IGNORECASE,
)
_MONTH = rf"(?:\d{{1,2}}|{HAN_NUMERAL}{{1,2}})"
_DAY = rf"(?:\d{{1,2}}|{HAN_NUMERAL}{{1,3}})"
_DATE = re.compile(
    r"(?<![\w./-])(?<!\d,)(?P<y1>(?:19|20)\d\d)(?P<sep>[-/.])(?P<m1>\d{1,2})(?P=sep)(?P<d1>\d{1,2})"
    r"(?!\d|[./]\d)"
    # 2026年, 2026年3月, 26年3月1日
    rf"|(?<![\w.])(?P<y2>(?:19|20)\d\d|\d\d(?=[ ]?年[ ]?\d{{1,2}}[ ]?月)|[一二][九零〇]{_HAN_DIGIT}{{2}})"
    rf"[ ]?年(?:[ ]?(?P<m2>{_MONTH})[ ]?月(?:份|[ ]?(?P<d2>{_DAY})[ ]?[日号]"
    rf"(?:{_TO}(?P<last2>{_DAY})[ ]?[日号])?)?)?"
    # 3月1日, 10月1日至7日, 3月; 3月内 is a duration
    rf"|(?<![\d.])(?<!{HAN_NUMERAL})(?<![第每上下这那])(?!两[ ]?月)(?P<m3>{_MONTH})[ ]?月"
    rf"(?:份|[ ]?(?P<d3>{_DAY})[ ]?[日号](?:{_TO}(?P<last3>{_DAY})[ ]?[日号])?"
    r"|(?![卡费租结付光色薪]|之?内|以内))"
    # a day of any month: 每月25日, 28号
    r"|(?:(?<=月)|(?<=今天)|(?<=明天)|(?<=昨天))[ ]?(?P<d4>\d{1,2})[ ]?[日号]"
    r"|(?<![\w.第-])(?<!\d,)(?P<d5>\d{1,2})[ ]?号(?![线店楼码服位窗门院房机仓区卡文字客员桌牌键坐])",
    re.ASCII,
)
_DATE_PARTS = (
    ("y1", "m1", "d1", ""), ("y2", "m2", "d2", "last2"), ("", "m3", "d3", "last3"), ("", "", "d4", ""),
    ("", "", "d5", ""),
)  # fmt: skip
_NIGHT = r"傍晚|(?<![最提尽过太较])[今明昨当]?晚(?:上|间)?|夜里|夜间|半夜|深夜|午夜"
_MORNING = r"凌晨|清晨|早晨|(?<![最提尽过太较])[今明昨当]?早上?|上午"
_HOUR = rf"\d{{1,2}}|{HAN_NUMERAL}{{1,3}}"
_PAST_HOUR = (
    rf"半(?![价个天小年月])|整|钟|[一三]刻(?!钟)|[ ]?(?:[0-5]?\d|{HAN_NUMERAL}{{1,3}})[ ]?分(?![钟之])"
    rf"|(?:[0-5]\d|{HAN_NUMERAL}{{2,3}})(?!\d|{HAN_NUMERAL}|[.,:%]|[ ]?(?:{_UNIT}))"
)
_CLOCK = re.compile(
    rf"(?P<next>次日|翌日|第二天|隔天)?的?[ ]?(?P<part>{_MORNING}|中午|午间|下午|午后|{_NIGHT})?[ ]?"
    r"(?<![\d./a-z])(?<!\d[,:])(?:"
    # 9:00, but not 快充1:30分钟
    r"(?P<h1>\d{1,2}):(?P<m1>[0-5]\d)(?::(?P<s1>[0-5]\d))?(?![\d:]|[ ]?(?:[分秒元块天张%]|小时))"
    # 8点, 三点二十, 8到10点; 百分之三点五 and 100点卡 are none
    rf"|(?<!{HAN_NUMERAL})(?<!分之)(?:(?P<from>{_HOUR}){_TO})?(?P<h2>{_HOUR})[ ]?"
    rf"(?:点|时(?![间候长段效限刻常区差]))(?![卡数券击评赞歌滴名播])(?P<m2>{_PAST_HOUR})?)",
    re.ASCII | re.IGNORECASE,
)
# 以下三点, 这三点, 三点说明 count what is said, 三点五元 is a number
_NO_TIME_BEFORE = re.compile(r"[下这那几讲述哪第注意][ ]?$")
_NO_TIME_AFTER = re.compile(r"[说注要原意建提:]")
_DECIMAL = re.compile(rf"{HAN_NUMERAL}{{1,6}}点{_HAN_DIGIT}{{1,4}}[ ]?(?:{_UNIT})", re.ASCII | re.IGNORECASE)
# no figure is without one of these, in any script and width
_NUMERAL = re.compile("[0-9０-９零〇一二三四五六七八九十两兩俩仨万萬半折]")
# placeholders, markers, addresses, weekdays and names with a number in them say no figure
_NOISE = re.compile(
    r"(?=[\[\w.%+\-周星礼双万千十百三不五九半这那过一])(?:"
    r"\[[\u4e00-\u9fff]{0,6}\d{1,9}\]|https?://[!-~]{1,300}|(?<![\w.%+-])[\w.%+-]{1,64}@[\w.-]{1,80}"
    r"|(?<![\d一二两三四五六七八九十])(?:周|星期|礼拜)[一二三四五六日天](?![次张单])"
    r"|双(?:11|12|十一|十二)"
    rf"|(?<!{HAN_NUMERAL})(?:万一|千万(?=[别不要记注小])|十分(?=[抱感满理重清愿遗荣高不着歉困关明珍必]))|百分百"
    r"|三番五次|三天两头|一天到晚|一年到头|一问三不知|不三不四|三言两语|三位一体|五花八门|九牛一毛"
    r"|(?<=[了翻找看说讲听])半天|三星(?=手机|平板)|[这那过][一两][两三]?天)",
    re.ASCII,
)
# 第一天, 这一张, 每一位: 一 is an article; before a count word it is one unless something limits it
_ARTICLE_AFTER = re.compile(r"(?:[第这那哪某上下每另同头有]|最后|任意)[ ]?$")
_IN_PHRASE = r"[^,。;、:!?|()\s\0]"  # in the plain text full-width punctuation is ASCII
_LIMITED = re.compile(rf"(?:[只仅限各]|最[多少]|至[多少]|超过|每[人单笔个天]){_IN_PHRASE}{{0,4}}$")
_RATE = re.compile(rf"每{_IN_PHRASE}{{1,8}}$")

_SECONDS = re.compile(rf"{_NUMBER}秒", re.ASCII)
_UNCOUNTED = {"second", "workday", "month", "yuan", "percent"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure found in a text, `text == whole[start:end]`; a range has `low` < `high`.

    `dimension` says what may be compared: "second", "workday", "month", "yuan", "percent", "point", counts
    by their measure word. 一天 and 24小时 are both 86,400 seconds; 1个工作日 is neither. A discount is the
    percentage of the price (95折 is 95), a "clock" in minutes after midnight (次日9:00 is 33 × 60), a
    "date" the number yyyymmdd with zeros for what is not said, "service" days a week to hours a day
    (7×16). A "code" (DK-50, E4001) has no value but its text. `bound` tells whether the text makes it an
    upper ("max": 24小时内) or a lower ("min": 满100元) bound.
    """

    text: str
    start: int
    end: int
    dimension: str
    low: float
    high: float
    bound: Bound = ""

    def same_value(self, other: "Quantity") -> bool:
        """Tell whether both say the same amount of the same thing, whatever their bounds.

        A date without a year fits any year, a day without a month any month.
        """
        if self.dimension != other.dimension:
            return False
        if self.dimension == "code":
            return _code(self.text) == _code(other.text)
        if self.dimension == "date":
            least = min(self.low, other.low)
            said = 100 if least < 100 else 10_000 if least < 10_000 else 100_000_000
            return (self.low % said, self.high % said) == (other.low % said, other.high % said)
        return (self.low, self.high) == (other.low, other.high)

    def same_bound(self, other: "Quantity") -> bool:
        """Tell whether the bounds agree: false only if one is an upper and the other a lower bound."""
        return {self.bound, other.bound} != {"max", "min"}


def find_quantities(text: str) -> list[Quantity]:
    """Return every figure of `text` in order, also in full-width digits and traditional characters.

    Vague amounts (几天, 十多张), articles (这一张), names with a number in them (双11), masked placeholders
    and citation markers are none. Takes linear time.
    """
    return list(_quantities(text)) if _NUMERAL.search(text) else []


@lru_cache(maxsize=8192)
def _quantities(text: str) -> tuple[Quantity, ...]:
    plain = rest = _NOISE.sub(_blank, text.translate(_PLAIN))
    found: list[_Reading] = []
    for cue, read in _READERS:
        readings = list(read(rest)) if cue.search(rest) else ()
        if readings:
            found.extend(readings)
            rest = _without(rest, readings)
    quantities = []
    after = 0
    for reading in _ranges(sorted(found, key=lambda reading: reading.start), plain):
        bound: Bound = ""
        if reading.dimension not in ("code", "service"):
            bound = _bound(plain, after, reading.start, reading.end)
            after = reading.end
        quantities.append(
            Quantity(
                text[reading.start : reading.end],
                reading.start,
                reading.end,
                reading.dimension,
                round(reading.low, 6),
                round(reading.high, 6),
                bound,
            )
        )
    return tuple(quantities)


@dataclass(frozen=True, slots=True)
class _Reading:
    start: int
    end: int
    dimension: str
    low: float
    high: float
    factor: float = 0.0  # of the unit, for 1小时30分钟
    open_end: bool = False  # a time of day by the twelve-hour clock: 10点 of 晚上8点到10点


def _blank(match: re.Match[str]) -> str:
    return "\0" * len(match.group())


def _without(plain: str, readings: Sequence[_Reading]) -> str:
    rest = list(plain)
    for reading in readings:
        rest[reading.start : reading.end] = "\0" * (reading.end - reading.start)
    return "".join(rest)


def _code(text: str) -> str:
    return text.translate(_PLAIN).upper()


def _codes(plain: str) -> Iterator[_Reading]:
    for match in _CODE.finditer(plain):
        if any(character.isdecimal() for character in match.group()):
            yield _Reading(*match.span(), "code", 0, 0)


def _services(plain: str) -> Iterator[_Reading]:
    for match in _SERVICE.finditer(plain):
        days, hours = (float(number) for number in match.groups() if number)
        if 1 <= hours <= 24:
            yield _Reading(*match.span(), "service", days, hours)


def _dates(plain: str) -> Iterator[_Reading]:
    for match in _DATE.finditer(plain):
        written = match.groupdict()
        names = next(names for names in _DATE_PARTS if any(written.get(name) for name in names))
        year, month, day, last = (parse_number(written.get(name) or "0") for name in names)
        given = [parse_number(text) for text in map(written.get, names) if text]
        if min(given) < 1 or month > 12 or max(day, last) > 31:
            continue
        value = (year + 2000 * (0 < year < 100)) * 10_000 + month * 100 + day
        start = match.end() - len(match.group().lstrip())
        yield _Reading(start, match.end(), "date", value, value - day + last if last > day else value)


def _clocks(plain: str) -> Iterator[_Reading]:
    for match in _CLOCK.finditer(plain):
        groups = match.groupdict()
        part, named = groups["part"] or "", bool(groups["part"] or groups["next"])
        written = groups["h1"] or groups["h2"]
        if groups["h2"] and not named and (
            _NO_TIME_BEFORE.search(plain[max(0, match.start() - 2) : match.start()])
            or (not groups["m2"] and (written == "一" or _NO_TIME_AFTER.match(plain, match.end())))
            or _DECIMAL.match(plain, match.start("h2"))
        ):  # fmt: skip
            continue
        if written == "一" and part in ("早", "晚") and not groups["m2"]:  # 早一点到账
            continue
        minute = _minute(groups)
        hour = parse_number(written)
        if hour > 24 or minute > 59 or (hour == 24 and minute):
            continue
        day = 1440.0 if groups["next"] else 0.0
        value = day + _hour(hour, part) * 60 + minute
        low = value
        if groups["from"] and (first := parse_number(groups["from"])) < hour:
            low = day + _hour(first, part) * 60
        start = match.end() - len(match.group().lstrip(" 的"))
        open_end = bool(groups["h2"]) and not named and hour <= 12
        yield _Reading(start, match.end(), "clock", low, value, open_end=open_end)


def _minute(groups: dict[str, str | None]) -> float:
    written = (groups["m1"] or groups["m2"] or "").strip(" 分")
    minute = {"半": 30.0, "一刻": 15.0, "三刻": 45.0, "整": 0.0, "钟": 0.0}.get(written)
    return (parse_number(written or "0") if minute is None else minute) + float(groups["s1"] or 0) / 60


def _hour(hour: float, part: str) -> float:
    """Return the hour of the day that `hour` is in that part of the day; 晚上12点 is 24, 凌晨12点 is 0."""
    if re.fullmatch("下午|午后|中午|午间", part):
        return hour + 12 if hour < (12 if "下" in part or "后" in part else 6) else hour
    if re.fullmatch(_NIGHT.replace(r"(?<![最提尽过太较])", ""), part):
        return hour + 12 if 5 <= hour <= 12 else hour
    return 0.0 if part == "凌晨" and hour == 12 else hour


def _amounts(plain: str) -> Iterator[_Reading]:
    """Yield durations, money, shares and counts; 1小时30分钟 or 3元5角 is one."""
    before: _Reading | None = None
    for match in _AMOUNT.finditer(plain):
        reading = _amount(match)
        if reading is None:
            continue
        joined = _compound(before, reading, plain) if before else None
        if before and not joined:
            yield before
        before = joined or reading
    if before:
        yield before


def _compound(first: _Reading, second: _Reading, plain: str) -> _Reading | None:
    if plain[first.end : second.start].strip(" ") or first.high != first.low or second.high != second.low:
        return None
    if second.dimension == "分" and first.dimension == "second" and first.factor == 3600:  # 9小时50分
        second = replace(second, dimension="second", low=second.low * 60, high=second.high * 60, factor=60)
    if first.dimension == "分" and second.dimension == "second" and second.factor == 1:  # 1分30秒
        first = replace(first, dimension="second", low=first.low * 60, factor=60)
    if first.dimension != second.dimension or first.dimension not in ("second", "month", "yuan"):
        return None
    if not second.factor <= second.low < first.factor:
        return None
    total = first.low + second.low
    return replace(second, start=first.start, low=total, high=total)


def _amount(match: re.Match[str]) -> _Reading | None:
    groups = match.groupdict()
    start, end = match.span()
    for name, dimension in (("paid", "yuan"), ("share", "percent")):
        if groups[name]:
            factor = {"千": 0.1, "万": 0.01}.get(groups["parts"], 1.0)
            low, high = _ends(groups[name], groups[f"{name}_to"])
            if low > high:  # ￥5-3 is no range
                high, end = low, match.end(name)
            return _Reading(start, end, dimension, low * factor, high * factor, factor)
    if groups["half_price"]:
        return _Reading(start, end, "percent", 50, 50)
    if groups["half_of"]:
        dimension, factor = _UNITS[groups["half_of"]]
        return _Reading(start, end, dimension, factor / 2, factor / 2, factor)
    return _counted(match)


def _counted(match: re.Match[str]) -> _Reading | None:
    groups = match.groupdict()
    written = groups["low"]
    unit = (groups["unit"] or f"个{groups['whole']}").lower()
    dimension, factor = _UNITS[unit]
    start = match.start()
    if not groups["high"] and _is_word(match, written, unit, dimension):
        return None
    low, high = _ends(written, groups["high"], unit)
    if unit == "点" and low <= 24 and match.string[match.end() : match.end() + 1] != "数":  # 三点 of advice
        return None
    if low > high:  # 5-3天 is no range
        low, start = high, match.start("high")
    extra = factor / 2 if groups["half"] or groups["between"] else 0.0
    if groups["tenths"]:
        extra = parse_number(groups["tenths"]) / 10
    return _Reading(start, match.end(), dimension, low * factor + extra, high * factor + extra, factor)


def _is_word(match: re.Match[str], written: str, unit: str, dimension: str) -> bool:
    """Tell whether the number belongs to a word or code: 一个, 第一天, 二次验证, DK50张, 十分."""
    before = match.string[max(0, match.start() - 12) : match.start()]
    if before[-1:].isascii() and (before[-1:].isalpha() or before[-1:] == "_"):
        return dimension not in _UNCOUNTED
    if unit == "分" and (before.endswith(("小时", "钟头")) or _SECONDS.match(match.string, match.end())):
        return False  # 一小时十分, 一分三十秒
    ordinal = before.rstrip().endswith("第")
    if written == "二":
        return unit in ("天", "日") if ordinal else dimension not in _UNCOUNTED and unit not in ("级", "星")
    if written != "一":
        return written == "十" and unit == "分"
    if _ARTICLE_AFTER.search(before) or unit in ("块", "毛", "角", "分"):
        return True
    limited = _LIMITED.search(before) or (unit == "次" and _RATE.search(before))
    return dimension not in _UNCOUNTED and not limited


def _ends(low: str, high: str | None, unit: str = "") -> tuple[float, float]:
    """Return both ends as numbers; 1-5万 begins at 10,000, 两三天 are 2 to 3, 95折 is 9.5 tenths."""
    if high is None:
        estimate = parse_estimate(low) if unit != "折" else None
        bottom, top = estimate or (parse_number(low), parse_number(low))
    else:
        bottom, top = parse_number(low), parse_number(high)
    scale = re.search(r"(?<=[\d\s零〇一二两三四五六七八九])[百千万kw]+$", high or "", re.IGNORECASE)
    if scale and not re.search(r"[十百千万kw]", low, re.IGNORECASE):
        factor = parse_number(f"1{scale.group()}")
        if bottom <= top / factor:
            bottom *= factor
    if unit == "折":
        bottom, top = (value / 10 if value > 10 else value for value in (bottom, top))
    return bottom, top


def _ranges(found: Sequence[_Reading], plain: str) -> list[_Reading]:
    """Return the readings with 3天到5天 or 晚上8点到10点 as one."""
    made: list[_Reading] = []
    for reading in found:
        if made and re.fullmatch(_TO, plain[made[-1].end : reading.start]):
            high = _far_end(made[-1], reading)
            if high is not None:
                made[-1] = replace(made[-1], end=reading.end, high=high)
                continue
        made.append(reading)
    return made


def _far_end(first: _Reading, last: _Reading) -> float | None:
    if first.dimension != last.dimension or first.low != first.high or last.low != last.high:
        return None
    high = last.low
    if first.dimension in ("code", "service"):
        return None
    if first.dimension == "date" and high < 10_000 < first.low:  # 2026年3月1日至3月5日
        high += first.low // 10_000 * 10_000
    if first.dimension == "clock":
        high += 1440 * (first.low >= 1440 > high)
        if high <= first.low:  # 晚上8点到10点, 22:00-2:00
            high += 720 if last.open_end and high + 720 > first.low else 1440
    return high if high > first.low else None


# each with what none of its figures is without
_READERS: tuple[tuple[re.Pattern[str], Callable[[str], Iterator[_Reading]]], ...] = (
    (re.compile(r"[a-zA-Z][-\da-zA-Z]", re.ASCII), _codes),
    (re.compile(r"[×xX*天]"), _services),
    (re.compile(r"\d[-/.]\d|[年月日号]", re.ASCII), _dates),
    (re.compile(r"[:点时]"), _clocks),
    (re.compile(""), _amounts),
)

# what stands between a word of bounds and its figure: nothing, or "：", 为, emphasis; after adverbs
# (最多可以提取50张) and before 的 or 量 (不超过普通工单的24小时) other words of the same phrase
_CLOSE = r"[ *:为了是在于]{0,4}$"
_FAR = r"[^,。;!?、|()\n\0]{0,10}$"
_PHRASE = rf"(?:[^,。;!?、|()\n\0]{{1,14}}[的量额数后])?{_CLOSE}"
_NOT = r"(?:不|没|未|莫|别|勿)(?:得|能|会|可|可以|应|应该|要|准|许|允许|有|再)?"
_MORE = r"(?:超过|超出|高于|多于|大于|晚于|长于)"
_LESS = r"(?:少于|低于|小于|早于|短于)"
_LIMIT = r"(?<![期权时年界无有局])限(?:[购领用制量额时兑充买换提送定])?"
# the first that matches before the figure, else after it, decides
_BEFORE: tuple[tuple[Bound, re.Pattern[str]], ...] = (
    ("max", re.compile(rf"{_NOT}(?:{_MORE}{_PHRASE}|超{_CLOSE})")),
    ("min", re.compile(rf"{_NOT}{_LESS}{_PHRASE}")),
    ("max", re.compile(rf"(?:不足|不够|未达|[不未没](?:[\u4e00-\u9fff]?满|到)){_CLOSE}")),
    ("min", re.compile(rf"{_MORE}{_PHRASE}|(?:超|满|不止|不下){_CLOSE}")),
    ("max", re.compile(rf"{_LESS}{_PHRASE}|(?:至多|顶多|最[多迟晚长高大]|上限){_FAR}")),
    ("min", re.compile(rf"(?:至少|起码|最[少低短早]){_FAR}")),
    ("max", re.compile(rf"(?:{_LIMIT}|封顶){_CLOSE}")),
)
_LIMITS = re.compile("[超于足够达满到止下至顶最限起封]")  # none of these matches without one
_INCLUDED = r"[ *]{0,3}(?:\(含[^()]{0,8}\))?整?[及或]?"
_AFTER: tuple[tuple[Bound, re.Pattern[str]], ...] = (
    (
        "max",
        re.compile(
            rf"{_INCLUDED}(?:[之以]内|内(?![容部存购测侧地陆网])|以下|[之以]前|前(?![面台缀端])|封顶|为上?限)"
        ),
    ),
    ("min", re.compile(rf"{_INCLUDED}(?:以上|[之以]后|后(?![台面续端缀四])|起(?![诉来因草源初码点]))")),
)


def _bound(plain: str, after: int, start: int, end: int) -> Bound:
    before = plain[max(after, start - 28) : start]
    if _LIMITS.search(before):
        for bound, pattern in _BEFORE:
            if pattern.search(before):
                return bound
    for bound, pattern in _AFTER:
        if pattern.match(plain, end):
            return bound
    return ""
