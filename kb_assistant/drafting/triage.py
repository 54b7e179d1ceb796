"""What kind of message this is: small talk or a question, how urgent, for which skill group."""

import math
import re
from collections.abc import Mapping, Sequence

from kb_assistant.corpus.lexicon import contains_word
from kb_assistant.types import Grade, Hit, Lexicon

# what is left of a message when greetings and thanks are taken out; nothing left is small talk
_COURTESY = re.compile(
    r"您好|你好|哈喽|嗨|hello|hi|在吗|在么|在不在|有人吗|有人在吗|客服|人工|亲爱的|亲|早上好|下午好|晚上好|早安|晚安|早"
    r"|谢谢你?们?|多谢|感谢|辛苦了?|麻烦了?|好的|好滴|好嘞|好|嗯+|哦+|噢+|行|可以了?|收到|知道了|明白了?|了解了?|没事了?"
    r"|不客气|拜拜|再见|吱一?声|在的话|师傅|老板|老师|美女|帅哥|没(?:有)?(?:别的)?(?:事|问题)|(?:周末|假期|节日|新年|国庆|中秋)(?:愉快|快乐)"
    r"|cnm|nmsl|tmd|sb|尼玛|他妈的?|妈的|傻逼|卧槽|我靠|靠|哈+|呵+|哎+|啊|呀|哇|吧|呢|啦|了|的|你们?|您|我|ok|okk|thanks|thx|666|滴滴|1+",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[\u3400-\u9fffA-Za-z0-9]")
# what the sample manual (SOP-SH-01) and most manuals call urgent, with the reason that is shown
_URGENT = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        (
            "已扣款没有订单",
            r"(?:钱|款|付款?|扣)[^。！？\n]{0,12}(?:没|无|不见|查不到)(?:有|到|了|建|出现?)?(?:这个|那个)?(?:订单|单子?|货)"
            r"|(?:钱|款)(?:走了|扣了|没了|付了)[^。！？]{0,16}(?:啥也没有|什么都没有?|没单|单也没|订单没)",
        ),
        ("重复扣款", r"重复扣|扣了?(?:两|二|2)(?:次|笔|遍|回|份)|扣了[^。！？]{0,10}又扣|多扣"),
        (
            "账号疑似被盗，资金可能流失",
            r"(?:号|账户|账号|余额)[^。！？\n]{0,10}(?:被盗|被人登|被登|被偷|异地登|往下掉|被转走|被花)|盗号|盗刷",
        ),
        (
            "要投诉到监管部门、报警或曝光",
            r"(?<!\d)(?:1231[58]|12345)(?!\d)|消协|工商局|起诉|律师|曝光|(?<!流)媒体|记者|(?:我|要|就|去)(?:先)?报警",
        ),
        (
            "商家整批卡住",
            r"(?:\d{2,}|几十|几百|上百|一批|整批)[张个]?[^。！？\n]{0,14}"
            r"(?:卡住|出不了货|激活不了|全(?:部)?失败|全报错|发不出)",
        ),
        (
            "同一问题多次来问",
            r"(?:第[三四五3-5]|[三四五3-5])(?:次|遍|回)(?:来)?(?:问|找|反映|催)|问了?(?:好几|[三四五3-5])(?:次|遍|回)",
        ),
        (
            "等了超过承诺的时间",
            r"(?:从(?:早上|上午|中午|下午|昨天|前天)等到|等了?(?:[3-9三四五六七八九十]|好几|几)个?(?:多)?小时|等了?一(?:整)?天)",
        ),
    )
)


def is_small_talk(message: str) -> bool:
    """Tell whether nothing but courtesy is left in `message`; a blank or emoji-only one is, too."""
    return len(message) <= 40 and not _CONTENT.search(_COURTESY.sub("", message))


def grade_of(message: str, lexicon: Lexicon) -> tuple[Grade, str]:
    """Return how urgent the message is, from the customer's own words, and why; "" for ordinary."""
    for word in lexicon.urgent:
        if contains_word(message, word):
            return "urgent", f"消息里有“{word}”"
    for reason, pattern in _URGENT:
        found = pattern.search(message)
        if found:
            return "urgent", f"{reason}：“{found.group()}”"
    return "ordinary", ""


def topic_and_group(
    hits: Sequence[Hit], group_of_topic: Mapping[str, str]
) -> tuple[str | None, str | None, str]:
    """Return topic and skill group of the evidence, and why.

    Args:
        hits: Best first; each votes for its topic with the cube of its score, so that a few strong
            hits outweigh many weak ones.
        group_of_topic: The skill group that handles a topic, for topics only tickets vote for.

    Returns:
        The topic with the most votes, its skill group and the share of the votes with the best hit;
        (None, None, "") where nothing is known.
    """
    votes: dict[str, float] = {}
    groups: dict[str, str] = {}
    first: dict[str, str] = {}
    for hit in hits:
        topic = hit.chunk.topic
        if topic:
            votes[topic] = votes.get(topic, 0.0) + max(hit.score, 0.0) ** 3
            first.setdefault(topic, hit.chunk.title)
            if hit.chunk.skill_group:
                groups.setdefault(topic, hit.chunk.skill_group)
    if not votes:
        return None, None, ""
    best = max(votes, key=lambda topic: votes[topic])
    share = votes[best] / (math.fsum(votes.values()) or 1.0)
    reason = f"依据中 {share:.0%} 指向“{best}”，最接近的是《{first[best]}》"
    return best, groups.get(best) or group_of_topic.get(best), reason
