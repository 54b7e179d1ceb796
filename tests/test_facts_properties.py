"""What must hold for every figure: notation does not change its value, and nothing else changes it either."""

import re
from time import perf_counter

from hypothesis import given, settings
from hypothesis import strategies as st

from kb_assistant.corpus.numerals import parse_estimate, parse_number
from kb_assistant.drafting.facts import Quantity, find_quantities

DIGITS = "零一二三四五六七八九"
UNITS = {
    "秒": ("second", 1), "分钟": ("second", 60), "小时": ("second", 3600), "天": ("second", 86_400),
    "个工作日": ("workday", 1), "个月": ("month", 1), "元": ("yuan", 1), "块钱": ("yuan", 1),
    "%": ("percent", 1), "张": ("张", 1), "次": ("次", 1), "单": ("单", 1), "台": ("台", 1), "条": ("条", 1),
    "积分": ("point", 1),
}  # fmt: skip
BOUNDS = {
    "不超过{}": "max", "最多{}": "max", "{}以内": "max", "{}内": "max", "不得超过{}": "max", "不足{}": "max",
    "未满{}": "max", "{}之前": "max", "最迟{}": "max", "限{}": "max", "没超过{}": "max",
    "至少{}": "min", "不少于{}": "min", "超过{}": "min", "满{}": "min", "{}以上": "min", "{}后": "min",
    "不得少于{}": "min", "{}起": "min",
    "{}": "", "约{}": "", "需要{}": "", "{}左右": "", "提前{}": "",
}  # fmt: skip

unhurried = settings(deadline=None)  # a busy machine fails no test here
units = st.sampled_from(sorted(UNITS))
numbers = st.integers(2, 99_999)
FULL_WIDTH = str.maketrans("0123456789,.", "０１２３４５６７８９，．")


def han(number: int) -> str:
    """Write 1 to 99,999 as textbooks do: 二百零五, 一万零三十."""
    written, skipped = "", False
    for place, scale in ((10_000, "万"), (1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // place % 10
        if digit:
            written += ("零" if skipped and written else "") + DIGITS[digit] + scale
        skipped = not digit
    return written.removeprefix("一") if 10 <= number < 20 else written


notations = st.sampled_from(
    [
        str,
        "{:,}".format,
        lambda n: "两" if n == 2 else han(n),  # 二 before a count word is an ordinal: 二次验证
        lambda n: str(n).translate(FULL_WIDTH),
        lambda n: f"{n:,}".translate(FULL_WIDTH),
        lambda n: "两" if n == 2 else re.sub("二(?=[百千万])", "两", han(n)),
    ]
)
# what people write: words of the domain, numerals, units and marks in any order
SCRAPS = [
    *"0123456789０９一二三两十百千万半个第点元块天日月年次张:：-~到至，。、|*()（）[]￥%×折起内前后满限不超 \n",
    "工作日", "小时", "分钟", "次日", "晚上", "下午", "最多", "至少", "不超过", "以上", "以内", "[手机号1]", "[1]", "DK-50",
    "E4001", "2026", "3月1日", "1,000", "0.5", "百分之", "积分", "星期一", "卡密", "退款", "v2.3.1", "7×24",
]  # fmt: skip
writings = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(SCRAPS), max_size=25).map("".join))
sentences = st.builds(
    lambda frame, number, notation, unit: f"退款{frame}处理".format(notation(number) + unit),
    st.sampled_from(sorted(BOUNDS)),
    numbers,
    notations,
    units,
)


def values(text: str) -> list[tuple[str, str, float, float, str]]:
    return [(q.text, q.dimension, q.low, q.high, q.bound) for q in find_quantities(text)]


@unhurried
@given(numbers, notations, units, st.sampled_from(["", " "]))
def test_a_value_survives_every_notation(number, notation, unit, space):
    figure = f"{notation(number)}{space}{unit}"
    dimension, factor = UNITS[unit]
    assert values(f"需要{figure}。") == [(figure, dimension, number * factor, number * factor, "")]


@unhurried
@given(st.integers(1, 99_999))
def test_a_chinese_numeral_is_its_number(number):
    assert parse_number(han(number)) == number


@unhurried
@given(st.integers(1, 9), st.sampled_from(["百", "千", "万"]), st.integers(1, 9))
def test_a_last_digit_takes_the_next_lower_scale(first, scale, last):
    below = {"百": 10, "千": 100, "万": 1000}[scale]
    assert parse_number(f"{DIGITS[first]}{scale}{DIGITS[last]}") == (first * 10 + last) * below
    assert parse_number(f"{DIGITS[first]}{scale}零{DIGITS[last]}") == first * 10 * below + last


@unhurried
@given(st.integers(1, 8), st.sampled_from(["", "十", "百", "千", "万"]))
def test_two_rising_digits_are_an_estimate(first, scale):
    low, high = DIGITS[first] + scale, DIGITS[first + 1] + scale
    assert parse_estimate(DIGITS[first] + high) == (parse_number(low), parse_number(high))
    assert parse_estimate(low) is None


@unhurried
@given(st.integers(1, 400), notations, notations)
def test_days_are_hours(days, one, other):
    [in_days], [in_hours] = find_quantities(f"{one(days)}天"), find_quantities(f"{other(24 * days)}小时")
    assert in_days.same_value(in_hours)
    [workdays] = find_quantities(f"{one(days)}个工作日")
    assert not in_days.same_value(workdays)


@unhurried
@given(st.integers(1, 99), st.integers(1, 23), st.integers(1, 59))
def test_a_compound_duration_is_one_figure(days, hours, minutes):
    by_hours = [(days * 86_400 + hours * 3600, "second")]
    assert [(q.low, q.dimension) for q in find_quantities(f"{days}天{hours}小时")] == by_hours
    total = [hours * 3600 + minutes * 60]
    assert [q.low for q in find_quantities(f"{hours}小时{minutes}分钟")] == total
    assert [q.low for q in find_quantities(f"{han(hours)}小时{han(minutes)}分")] == total
    assert [q.low for q in find_quantities(f"{han(minutes)}分{han(hours)}秒")] == [minutes * 60 + hours]


@unhurried
@given(
    st.integers(1, 999), st.integers(1, 999), units, st.sampled_from(["-", "–", "到", "至", "~", "～", " - "])
)
def test_a_rising_pair_is_one_range(low, more, unit, joint):
    figure = f"{low}{joint}{low + more}{unit}"
    dimension, factor = UNITS[unit]
    assert values(figure) == [(figure, dimension, low * factor, (low + more) * factor, "")]
    both = f"{low}{unit}{joint}{low + more}{unit}"
    assert values(both) == [(both, dimension, low * factor, (low + more) * factor, "")]


@unhurried
@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_day_is_its_minutes(hour, minute):
    minutes = hour * 60 + minute
    for text in (
        f"{hour}:{minute:02}",
        f"{hour}：{minute:02}",
        f"{hour}点{minute:02}分",
        f"{hour:02}:{minute:02}",
    ):
        assert values(text) == [(text, "clock", minutes, minutes, "")]
    assert [q.low for q in find_quantities(f"次日{hour}:{minute:02}前")] == [minutes + 1440]
    if 13 <= hour <= 17:
        assert [q.low for q in find_quantities(f"下午{han(hour - 12)}点")] == [hour * 60]


@unhurried
@given(st.integers(2000, 2099), st.integers(1, 12), st.integers(1, 28))
def test_a_date_is_the_same_in_every_notation(year, month, day):
    number = year * 10_000 + month * 100 + day
    dates = [
        f"{year}年{month}月{day}日", f"{year}-{month:02}-{day:02}", f"{year}/{month}/{day}", f"{year}.{month}.{day}",
        "".join(DIGITS[int(c)] for c in str(year)) + f"年{han(month)}月{han(day)}日",
    ]  # fmt: skip
    for text in dates:
        assert values(text) == [(text, "date", number, number, "")]
    [with_year], [without] = find_quantities(dates[0]), find_quantities(f"{month}月{day}号")
    assert with_year.same_value(without)


@unhurried
@given(st.integers(51, 99))
def test_a_discount_is_the_percentage_of_the_price(percent):
    tens, ones = divmod(percent, 10)
    for text in (
        f"{percent}折",
        f"{percent / 10:g}折",
        f"{DIGITS[tens]}{DIGITS[ones] if ones else ''}折",
        f"{percent}%",
    ):
        assert [(q.dimension, q.low) for q in find_quantities(text)] == [("percent", percent)]


@unhurried
@given(st.sampled_from(sorted(BOUNDS)), numbers, notations, units)
def test_the_words_around_a_figure_bound_it(frame, number, notation, unit):
    figure = notation(number) + unit
    assert [(q.text, q.bound) for q in find_quantities(f"退款{frame}处理".format(figure))] == [
        (figure, BOUNDS[frame])
    ]


@unhurried
@given(st.sampled_from(["手机号", "卡密", "身份证", "银行卡"]), st.integers(1, 999), sentences)
def test_placeholders_and_markers_say_nothing(kind, number, sentence):
    assert values(f"[{kind}{number}][{number}]") == []
    assert values(f"[{kind}{number}]，{sentence}[{number}]") == values(sentence)


@unhurried
@given(st.text("ABCDEFGHJKLMNPRSTUVWXYZ", min_size=1, max_size=4), st.integers(100, 99_999), st.booleans())
def test_a_code_is_compared_by_its_text(letters, number, dash):
    code = f"{letters}-{number}" if dash else f"{letters}{number}"
    if code.startswith("RMB") or code.startswith("CNY"):
        return
    found = [
        *find_quantities(f"报{code}，"),
        *find_quantities(code.lower()),
        *find_quantities(code.translate(FULL_WIDTH)),
    ]
    assert [(q.dimension, q.low, q.high) for q in found] == [("code", 0, 0)] * 3
    assert all(found[0].same_value(q) for q in found)
    assert not found[0].same_value(find_quantities(f"{code}1")[0])


@unhurried
@given(sentences, sentences)
def test_sentences_do_not_change_each_other(one, other):
    assert values(f"{one}。{other}") == values(one) + values(other)


@settings(unhurried, max_examples=300)
@given(writings)
def test_any_text_gives_ordered_figures_that_stand_in_it(text):
    found = find_quantities(text)
    assert [text[q.start : q.end] for q in found] == [q.text for q in found]
    assert all(q.text.strip() == q.text != "" for q in found)
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))
    assert all(q.low <= q.high for q in found if q.dimension != "service")
    assert all(q.same_value(q) and q.same_bound(q) for q in found)


@settings(unhurried, max_examples=200)
@given(writings, writings)
def test_comparing_is_symmetric(one, other):
    for left in find_quantities(one):
        for right in find_quantities(other):
            assert left.same_value(right) == right.same_value(left)
            assert left.same_bound(right) == right.same_bound(left)


@unhurried
@given(sentences)
def test_the_bound_does_not_change_the_value(sentence):
    [quantity] = find_quantities(sentence)
    [bare] = find_quantities(quantity.text)
    assert isinstance(quantity, Quantity)
    assert quantity.same_value(bare) and quantity.same_bound(bare) and bare.bound == ""


@settings(unhurried, max_examples=25)
@given(st.lists(st.sampled_from(SCRAPS), min_size=1, max_size=4).map("".join))
def test_any_repeated_text_takes_linear_time(piece):
    text = piece * (8000 // len(piece))
    began = perf_counter()
    find_quantities(text)
    assert perf_counter() - began < 2  # 50 ms as a rule; a quadratic search takes minutes
