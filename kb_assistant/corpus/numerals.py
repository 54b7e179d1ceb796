"""Numbers as Chinese texts write them: 二十四, 两万, 1万2千, 2,000, 半."""

import re

DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
HAN_NUMERAL = "[零〇一二两三四五六七八九十百千万]"


def parse_number(number: str) -> float:
    """Return the value of `number`: Arabic digits with or without scales, a Chinese numeral, or 半."""
    if number == "半":
        return 0.5
    plain = number.replace(",", "")
    if plain.replace(".", "", 1).isdecimal():  # of any script: ٣ is 3
        return float(plain)
    if number[0].isdecimal():  # 2千, 1万2千
        parts = re.findall(r"(\d+(?:\.\d+)?)\s?([十百千万]*)", plain)
        return sum(float(digits) * _scale(scales) for digits, scales in parts)
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
    return float(total + section + digit)


def _scale(characters: str) -> float:
    product = 1.0
    for character in characters:
        product *= SCALES[character]
    return product
