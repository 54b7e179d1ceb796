"""Numbers as Chinese texts write them: 二十四, 两万, 一万二, 1万2千, 2,000, 2w, 九十九点五, 半."""

import re

DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
HAN_NUMERAL = "[零〇一二两三四五六七八九十百千万]"
_SLANG = {"k": "千", "w": "万"}


def parse_number(number: str) -> float:
    """Return the value of `number`: Arabic digits with or without scales, a Chinese numeral, or 半.

    A last digit right after a scale counts the next lower one: 一万二 is 12,000, 一万零二 10,002.
    """
    if number == "半":
        return 0.5
    plain = number.replace(",", "")
    if plain.replace(".", "", 1).isdecimal():  # of any script: ٣ is 3
        return float(plain)
    if number[0].isdecimal():  # 2千, 1万2千, 2w
        parts = re.findall(r"(\d+(?:\.\d+)?)\s?([十百千万kKwW]*)", plain)
        return round(sum(float(digits) * _scale(scales) for digits, scales in parts), 6)
    if "点" in number:
        whole, fraction = number.split("点", 1)
        return parse_number(whole) + float("0." + "".join(str(DIGITS[c]) for c in fraction))
    if len(number) > 1 and all(character in DIGITS for character in number):  # 九五, 二〇二六
        return float("".join(str(DIGITS[character]) for character in number))
    total = section = digit = 0
    for character in number:
        if character in DIGITS:
            digit = DIGITS[character]
        elif character == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            section, digit = section + (digit or 1) * SCALES[character], 0
    if len(number) > 1 and SCALES.get(number[-2], 0) >= 100:
        digit *= SCALES[number[-2]] // 10
    return float(total + section + digit)


def parse_estimate(numeral: str) -> tuple[float, float] | None:
    """Return both ends of an estimate by two rising digits: 三五 3 to 5, 两三百 200 to 300, 十五六 15 to 16.

    None for any other numeral; 二五 or 一二三 are no estimates.
    """
    pairs = [
        place
        for place in range(len(numeral) - 1)
        if numeral[place] in DIGITS and numeral[place + 1] in DIGITS and "点" not in numeral
    ]
    if len(pairs) != 1:
        return None
    before, first, second, after = (
        numeral[: pairs[0]],
        numeral[pairs[0]],
        numeral[pairs[0] + 1],
        numeral[pairs[0] + 2 :],
    )
    if DIGITS[first] == 0 or not 1 <= DIGITS[second] - DIGITS[first] <= 2:
        return None
    return parse_number(before + first + after), parse_number(before + second + after)


def _scale(characters: str) -> float:
    product = 1.0
    for character in characters.lower():
        product *= SCALES[_SLANG.get(character, character)]
    return product
