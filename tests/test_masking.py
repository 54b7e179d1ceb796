"""Masking: a table of what is and is not a secret, and its properties."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_assistant.corpus.masking import Masked, mask, mask_all
from kb_assistant.errors import InvalidInput

SECRETS = [
    # phones
    ("我的手机13800138000收不到短信", "我的手机[手机号1]收不到短信"),
    ("手机 138-0013-8000", "手机 [手机号1]"),
    ("手机 138 0013 8000。", "手机 [手机号1]。"),
    ("+86 13912345678", "[手机号1]"),
    ("+86-139-1234-5678打不通", "[手机号1]打不通"),
    ("8613912345678", "[手机号1]"),
    ("008613912345678", "[手机号1]"),
    ("电话:199 1234 5678,急", "电话:[手机号1],急"),
    ("１３８００１３８０００", "[手机号1]"),
    ("138–0013–8000", "[手机号1]"),
    ("138\u200b0013\u200b8000", "[手机号1]"),
    ("1380 0138 000", "[手机号1]"),
    ("13800138000和13900139000", "[手机号1]和[手机号2]"),
    ("13800138000，再说一遍138-0013-8000", "[手机号1]，再说一遍[手机号1]"),
    ("13800138000@qq.com", "[手机号1]@qq.com"),
    ("密码 13800138000", "密码 [手机号1]"),
    ("tel13800138000", "tel[手机号1]"),
    ("TEL+8613800138000", "TEL[手机号1]"),
    ("wx13800138000", "wx[手机号1]"),
    ("加我vx138-0013-8000", "加我vx[手机号1]"),
    ("vx:13800138000", "vx:[手机号1]"),
    ("加v13800138000", "加v[手机号1]"),
    ("QQ13800138000", "QQ[手机号1]"),
    ("ＱＱ１３８００１３８０００", "ＱＱ[手机号1]"),
    ("微信13800138000", "微信[手机号1]"),
    ("13800138000wx同号", "[手机号1]wx同号"),
    ("wx13800138000，电话13800138000", "wx[手机号1]，电话[手机号1]"),
    # identity numbers
    ("身份证11010519491231002X是我", "身份证[身份证1]是我"),
    ("11010519491231002x", "[身份证1]"),
    ("证件号：440524188001010014", "证件号：[身份证1]"),
    ("110105 19491231 002X", "[身份证1]"),
    ("１１０１０５１９４９１２３１００２Ｘ", "[身份证1]"),
    ("身份证号码 110105491231002", "身份证号码 [身份证1]"),
    # bank cards
    ("卡号 6222021234567890128", "卡号 [银行卡1]"),
    ("扣款卡 4111 1111 1111 1111", "扣款卡 [银行卡1]"),
    ("4111-1111-1111-1111", "[银行卡1]"),
    ("5500000000000004退到这张", "[银行卡1]退到这张"),
    ("378282246310005", "[银行卡1]"),
    ("3782 822463 10005", "[银行卡1]"),
    ("银行卡6222021234567890123", "银行卡[银行卡1]"),
    ("卡号是6222021234567890", "卡号是[银行卡1]"),
    ("信用卡尾号不对，信用卡：6222 0212 3456 7890", "信用卡尾号不对，信用卡：[银行卡1]"),
    ("我的订单付款卡 4111111111111111", "我的订单付款卡 [银行卡1]"),
    # card keys
    ("卡密：ABCD-1234-EFGH", "卡密：[卡密1]"),
    ("卡密:abcd1234", "卡密:[卡密1]"),
    ("卡密 A1B2C3D4E5", "卡密 [卡密1]"),
    ("卡密是A1B2C3D4E5", "卡密是[卡密1]"),
    ("卡密为“A1B2C3D4E5”", "卡密为“[卡密1]”"),
    ("卡密【A1B2C3D4E5】", "卡密【[卡密1]】"),
    ("卡密（A1B2C3D4E5）", "卡密（[卡密1]）"),
    ("卡密=A1B2C3D4E5", "卡密=[卡密1]"),
    ("卡密ABCDE-FGHIJ-KLMNO", "卡密[卡密1]"),
    ("兑换码 9988-7766-5544", "兑换码 [卡密1]"),
    ("激活码：XK3F9-QWE22-LM7PO", "激活码：[卡密1]"),
    ("授权码 xk3f9-qwe22-lm7po", "授权码 [卡密1]"),
    ("CDK: 7F3K9D2M", "CDK: [卡密1]"),
    ("cdkey 7F3K9D2M", "cdkey [卡密1]"),
    ("key=7F3K9D2M4Q", "key=[卡密1]"),
    ("Key：7F3K9D2M4Q", "Key：[卡密1]"),
    ("api_key: 7F3K9D2M4Q", "api_key: [卡密1]"),
    ("密码：12345678901", "密码：[卡密1]"),
    ("密码 123456789012345678", "密码 [卡密1]"),
    ("卡密：ＡＢＣＤ－１２３４－ＥＦＧＨ", "卡密：[卡密1]"),
    ("卡号：GC2026000188 密码：9988-7766-5544", "卡号：[卡密1] 密码：[卡密2]"),
    ("卡号 6222021234567890 卡密 12345678", "卡号 [卡密1] 卡密 [卡密2]"),
    ("卡密如下：\nA1B2C3D4\nE5F6G7H8", "卡密如下：\n[卡密1]\n[卡密2]"),
    ("卡密：\n1. A1B2C3D4\n2. E5F6G7H8\n", "卡密：\n1. [卡密1]\n2. [卡密2]\n"),
    ("卡密 A1B2C3D4、E5F6G7H8，J9K8L7M6", "卡密 [卡密1]、[卡密2]，[卡密3]"),
    ("卡密 A1B2C3D4 E5F6G7H8", "卡密 [卡密1] [卡密2]"),
    ("卡密 A1B2C3D4 / E5F6G7H8 和 J9K8L7M6", "卡密 [卡密1] / [卡密2] 和 [卡密3]"),
    ("卡密1：A1B2C3D4\n卡密2：E5F6G7H8", "卡密1：[卡密1]\n卡密2：[卡密2]"),
    ("卡密 XK3F 9QWE 22LM", "卡密 [卡密1]"),
    ("卡密已发您，请查收：XK3F9-QWE22-LM7PO", "卡密已发您，请查收：[卡密1]"),
    ("XK3F9-QWE22-LM7PO 这个卡密用不了", "[卡密1] 这个卡密用不了"),
    ("卡密 A1B2C3D4\n我输的 A1B2C3D4 不对", "卡密 [卡密1]\n我输的 [卡密1] 不对"),
    ("卡密 A1B2C3D4，小写 a1b2c3d4", "卡密 [卡密1]，小写 [卡密1]"),
    ("| 卡密 | A1B2C3D4 |", "| 卡密 | [卡密1] |"),
    # several kinds, and what is already masked
    ("卡密A1B2C3D4，手机13800138000", "卡密[卡密1]，手机[手机号1]"),
    ("[手机号1]换成13800138000", "[手机号1]换成[手机号2]"),
    ("卡密：[卡密3]、A1B2C3D4", "卡密：[卡密3]、[卡密4]"),
]

CODES = [
    "卡密错误5分钟内补发",
    "密码错误 5次锁24小时",
    "key 过期",
    "订单 DD20260815000312 没收到",
    "订单DD20260815000312卡密错误",
    "卡密 DD20260815000312 没发",
    "卡密 KM20240815 批次",
    "批次 KM20240815、KM20240816",
    "卡密批次号 2024081512",
    "商品 DK-50 HF-100 SP-M1 RJ-1Y",
    "激活码 RJ-1Y 多少钱",
    "卡密报错 E1003",
    "卡密 E1003",
    "工单 T-2026-04417",
    "卡密 T-2026-04417 那单",
    "卡密，见 SOP-KM-07",
    "订单号4111111111111111",
    "订单号：4111 1111 1111 1111",
    "单号 5500000000000004",
    "流水号是5500000000000004",
    "order no. 5500000000000004",
    "工单号 378282246310005",
    "订单号4111111111111111、5500000000000004",
    "交易号4111111111111111",
    "1234567890123456",
    "20260815000312",
    "110105194912310021",
    "110105491231002",
    "12800138000",
    "138001380001",
    "A13800138000",
    "13800138000B",
    "13800138000v2",
    "DD13800138000",
    "KM13800138000",
    "hotel13800138000",
    "tel138001380001",
    "wx1380013800",
    "qq20260815000312",
    "telDD20260815000312",
    "138001380",
    "卡密 20260815 到账",
    "卡密 2026-08-15 到期",
    "密码 10000000 次",
    "忘记密码：400-820-8820",
    "忘记密码 0571-88886666",
    "激活码 Office2021 装不上",
    "密码至少8位，含字母和数字",
    "monkey 12345678",
    "卡密 password",
    "key features",
    "密码 12345",
    "1,200 张，2,000 元，0.5%",
    "2026-08-15 20:00–23:00",
    "https://example.com/sop/12345678",
    "卡密",
    "",
    " \n\t",
]


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_a_secret_is_replaced(text: str, expected: str) -> None:
    assert mask(text).text == expected


@pytest.mark.parametrize("text", CODES)
def test_codes_and_plain_words_survive(text: str) -> None:
    assert mask(text) == Masked(text, ())


@pytest.mark.parametrize("text", [text for text, _ in SECRETS] + CODES)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask(text).text
    assert mask(once) == Masked(once, ())


def test_replacements_hold_the_originals_as_first_written() -> None:
    masked = mask("138-0013-8000 或 13800138000，卡密 a1b2c3d4")
    assert masked.replacements == (("[手机号1]", "138-0013-8000"), ("[卡密1]", "a1b2c3d4"))


def test_one_document_numbers_its_texts_together() -> None:
    texts, replacements = mask_all(["13800138000 来电", "13900139000 转 13800138000"])
    assert texts == ["[手机号1] 来电", "[手机号2] 转 [手机号1]"]
    assert replacements == (("[手机号1]", "13800138000"), ("[手机号2]", "13900139000"))


def test_patterns_need_no_cue() -> None:
    assert mask("收到 ZZ-77 和 zz-78", card_key_patterns=[r"ZZ-\d\d"]).text == "收到 [卡密1] 和 zz-78"


def test_a_pattern_cannot_reach_into_a_placeholder() -> None:
    assert mask("[卡密1] 密", card_key_patterns=["密"]).text == "[卡密1] [卡密2]"


def test_a_pattern_that_is_no_expression_names_the_setting() -> None:
    with pytest.raises(InvalidInput, match=r"card key pattern '\(' .*KB_CARD_KEY_PATTERNS"):
        mask("x", card_key_patterns=["("])


ALPHABET = st.sampled_from(
    [
        *"卡密号手机订单是：:-—、，。 \n0123456789aAX[]【】（）４",
        "卡密",
        "订单号",
        "银行卡",
        "13800138000",
        "A1B2C3D4",
    ]
    + [
        "11010519491231002X",
        "4111111111111111",
        "[卡密1]",
        "KM20240815",
        "ABCD-1234-EFGH",
        "\u200b",
        "key",
        "密码",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ALPHABET, max_size=40).map("".join))
def test_any_text_is_stable_after_one_masking(text: str) -> None:
    once = mask(text)
    assert mask(once.text) == Masked(once.text, ())


@settings(max_examples=300, deadline=None)
@given(st.lists(ALPHABET, max_size=40).map("".join))
def test_putting_the_originals_back_restores_the_values(text: str) -> None:
    masked = mask(text)
    restored = masked.text
    for placeholder, original in reversed(masked.replacements):
        restored = restored.replace(placeholder, original)
    assert re.sub("[^0-9A-Z]", "", mask(restored).text.upper()) == re.sub(
        "[^0-9A-Z]", "", mask(text).text.upper()
    )


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="卡密订单话费，。！的了吗12 \n", max_size=80))
def test_short_numbers_are_never_masked(text: str) -> None:
    runs = re.findall(r"[0-9]+", text)
    if all(len(run) < 8 for run in runs) and not re.search("[0-9] [0-9]", text):
        assert mask(text) == Masked(text, ())


@settings(max_examples=200, deadline=None)
@given(st.integers(13000000000, 19999999999), st.text(alphabet="卡密话费，。的", max_size=5))
def test_every_mobile_number_beside_chinese_text_is_masked(number: int, around: str) -> None:
    assert str(number) not in mask(f"{around}{number}{around}").text


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "a1",
        "卡密 ",
        "A1B2C3D4 ",
        "A1B2C3D4、",
        "1-",
        "1234 ",
        "key",
        " ",
        "ABCD ",
        "138 ",
        "13800138000 ",
    ]
    + [
        "卡密 A1B2C3D4 ",
        "wx13800138000",
        "tel",
        "[卡密1]",
        "[",
        "-",
        "订单号",
        "key:",
        "６２２２",
        "\u200b1",
    ],
)
@pytest.mark.timeout(60)  # what is quadratic would take minutes
def test_a_hundred_thousand_characters_are_not_quadratic(unit: str) -> None:
    text = (unit * (100_000 // len(unit) + 1))[:100_000]
    mask("卡密：" + text)
