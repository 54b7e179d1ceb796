"""What a supervisor's quality inspection (质检) looks at: empathy, completeness, tone – with the reasons."""

import re
from collections.abc import Sequence

from kb_assistant.types import DraftWarning, Figure, Quality, Sentence

_UPSET = re.compile(
    r"骗|垃圾|投诉|气死|什么玩意|坑|退钱|急死|急急|搞什么|无语|太慢|[!！]{2}|凭什么|差评|举报|等了"
)
_EMPATHY = re.compile(
    r"别着?急|别担心|理解|抱歉|不好意思|对不起|让您|辛苦|久等|费心|放心|着急|明白您|添麻烦|体谅|闹心"
    r"|不容易"
)
_CLOSING = re.compile(
    r"随时|祝您|感谢|谢谢|有问题|再找我|联系我|找我|跟进|我在|叫我|回复您|告诉您|不客气|问我|喊我|陪您"
)
_COMMANDS = re.compile(r"(?:^|[。！；\n])(?:你|你们)|你(?:要|得|必须|应该)|[!！]{3}")


def quality_of(
    text: str,
    question: str,
    sentences: Sequence[Sentence],
    figures: Sequence[Figure],
    warnings: Sequence[DraftWarning],
) -> Quality:
    """Score a reply from 0 to 1 in each respect.

    Empathy: a word of understanding, early on where the customer is upset. Completeness: the share of
    what is claimed that has a clause, less what is left out or not asked for. Tone: no cold phrase, no
    command, a warm end.

    Args:
        text: The reply.
        question: The message it replies to.
        sentences: Its sentences with their support.
        figures: Its figures with their verdicts.
        warnings: What the check warns of.

    Returns:
        The scores with a note for every point lost.
    """
    notes: list[str] = []
    claims = [s for s in sentences if s.support != "none"]
    backed = [s for s in claims if s.support != "unsupported"]
    completeness = len(backed) / len(claims) if claims else 0.0
    if len(backed) < len(claims):
        notes.append(f"{len(claims) - len(backed)} 句没有依据")
    wrong = [figure.text for figure in figures if figure.verdict != "supported"]
    if wrong:
        notes.append(f"数字与条款不符或无依据：{'、'.join(wrong)}")
    kinds = [warning.kind for warning in warnings]
    for kind, cost, note in (("omission", 0.2, "处条件没有说"), ("missing_fact", 0.1, "项必要信息没有问")):
        if kind in kinds:
            completeness -= cost * kinds.count(kind)
            notes.append(f"{kinds.count(kind)} {note}")
    return Quality(
        empathy=_empathy(text, question, notes),
        completeness=_bounded(completeness),
        tone=_tone(text, kinds.count("forbidden_phrase"), notes),
        notes=tuple(notes),
    )


def _empathy(text: str, question: str, notes: list[str]) -> float:
    found = _EMPATHY.search(text)
    if found is None:
        notes.append("没有先安抚客户")
        return 0.0
    if _UPSET.search(question) and found.start() > max(40, len(text) // 4):
        notes.append("客户着急，安抚应放在最前面")
        return 0.5
    return 1.0


def _tone(text: str, cold: int, notes: list[str]) -> float:
    tone = 1.0 - 0.3 * cold
    if cold:
        notes.append(f"{cold} 处说法生硬")
    if _COMMANDS.search(text):
        tone -= 0.2
        notes.append("称呼用“您”，不用命令口气")
    if not _CLOSING.search(text):
        tone -= 0.2
        notes.append("结尾可以更有温度")
    return _bounded(tone)


def _bounded(score: float) -> float:
    return round(min(1.0, max(0.0, score)), 2)
