"""What kind of message this is: small talk or a question, how urgent, for which skill group."""

import re
from collections.abc import Mapping, Sequence

from kb_assistant.types import Grade, Hit

# what is left of a message when greetings and thanks are taken out; nothing left is small talk
_COURTESY = re.compile(
    r"您好|你好|哈喽|嗨|hello|hi|在吗|在么|在不在|有人吗|有人在吗|客服|人工|亲爱的|亲|早上好|下午好|晚上好|早安|晚安|早"
    r"|谢谢你?们?|多谢|感谢|辛苦了?|麻烦了?|好的|好滴|好嘞|好|嗯+|哦+|噢+|行|可以了?|收到|知道了|明白了?|了解了?|没事了?"
    r"|不客气|拜拜|再见|吱一?声|在的话|师傅|老板|老师|美女|帅哥|没(?:有)?(?:别的)?(?:事|问题)|(?:周末|假期|节日|新年|国庆|中秋)(?:愉快|快乐)"
    r"|cnm|nmsl|tmd|sb|尼玛|他妈的?|妈的|傻逼|卧槽|我靠|靠|哈+|呵+|哎+|啊|呀|哇|吧|呢|啦|了|的|你们?|您|我|ok|okk|thanks|thx|666|滴滴|1+",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[\u3400-\u9fffA-Za-z0-9]")
_URGENT = re.compile(
    r"扣(?:了|掉)?(?:钱|款)|钱(?:被)?扣|盗|被骗|诈骗|报警|警察|投诉|12315|12345|工商|消协|起诉|律师|曝光|媒体|记者|微博"
    r"|加急|急急|十万火急|一天(?:了|多)|两天了|三天了|超过?(?:24|二十四)小时|大促|活动.{0,6}(?:马上|快).{0,4}(?:开始|结束)|几百(?:张|单)"
)


def is_small_talk(message: str) -> bool:
    """Tell whether nothing but courtesy is left in `message`; a blank or emoji-only one is, too."""
    return len(message) <= 40 and not _CONTENT.search(_COURTESY.sub("", message))


def grade_of(message: str) -> Grade:
    """Return how urgent the message is, from the customer's own words."""
    return "urgent" if _URGENT.search(message) else "ordinary"


def topic_and_group(hits: Sequence[Hit], group_of_topic: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return topic and skill group of the evidence.

    Args:
        hits: Best first; each votes for its topic with 1 / rank.
        group_of_topic: The skill group that handles a topic, for topics only tickets vote for.

    Returns:
        The topic with the most votes and its skill group; None where nothing is known.
    """
    votes: dict[str, float] = {}
    groups: dict[str, str] = {}
    for hit in hits:
        topic = hit.chunk.topic
        if topic:
            votes[topic] = votes.get(topic, 0.0) + 1 / hit.rank
            if hit.chunk.skill_group:
                groups.setdefault(topic, hit.chunk.skill_group)
    if not votes:
        return None, None
    best = max(votes, key=lambda topic: votes[topic])
    return best, groups.get(best) or group_of_topic.get(best)
