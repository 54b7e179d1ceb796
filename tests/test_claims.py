"""Courtesy claims nothing; facts and promises do, whatever surrounds them."""

import pytest

from kb_assistant.drafting.claims import claims


@pytest.mark.parametrize(
    "sentence",
    [
        "您好，别着急，我帮您看看。",
        "麻烦把订单号和截图发给我。",
        "有任何问题随时找我。",
        "换谁遇到这种事都会着急，给您添麻烦了。",
        "我马上帮您核实这笔订单。",
        "您看这样处理可以吗？",
        "您想把没用的那份退掉，这个想法很正常。",
        "钱扣了又没用上，难免心疼。",
        "您好，两件事我一起答您。",
    ],
)
def test_courtesy(sentence: str) -> None:
    assert claims(sentence) == ""


@pytest.mark.parametrize(
    ("sentence", "claimed"),
    [
        ("您好，24小时内可以全额退款。", "24小时内可以全额退款"),
        ("别担心，所有损失由平台全部承担。", "所有损失由平台全部承担"),
        ("最多30分钟，钱一定回到您的余额里。", "最多30分钟，钱一定回到您的余额里"),
        ("这张卡已经过期，不能延期。", "这张卡已经过期，不能延期"),
        ("您升级之后，这些费用全部返还。", "这些费用全部返还"),
    ],
)
def test_facts_and_promises(sentence: str, claimed: str) -> None:
    assert claims(sentence) == claimed
