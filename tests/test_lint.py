"""Promises that no clause makes."""

import pytest

from kb_assistant.drafting.lint import promises
from kb_assistant.types import Sentence


def warned(text: str, clause: str = "") -> list[str]:
    sentence = Sentence(text, 0, len(text), "sop" if clause else "unsupported", ())
    return [text[warning.start : warning.end] for warning in promises([sentence], [clause])]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("钱一定回到您的余额里。", "一定"),
        ("我向您保证，不会再出现。", "保证"),
        ("所有损失由平台全部承担。", "承担"),
        ("手续费我直接帮您免了。", "帮您免了"),
        ("如果还没有，我们双倍赔付。", "双倍"),
        ("很快就能退到您的账户。", "很快就能退到"),
    ],
)
def test_a_promise_needs_a_clause(text: str, word: str) -> None:
    assert any(found.startswith(word[:2]) or word.startswith(found) for found in warned(text))


@pytest.mark.parametrize(
    "text", ["我不能保证成功。", "保证金1000元。", "您一定要先锁卡。", "不一定能追回，要看对方。"]
)
def test_none_is_made(text: str) -> None:
    assert warned(text) == []


def test_a_clause_that_says_it_allows_it() -> None:
    assert warned("补偿20元优惠券。", "补偿不超过20元优惠券") == []
