"""What kind of message this is: small talk or a question, and for which skill group."""

import math
import re
from collections.abc import Mapping, Sequence

from kb_assistant.corpus.script import simplify
from kb_assistant.types import Hit

# what a message may hold and still ask nothing; a message of nothing else is small talk. A word that may be
# the matter itself (错, 差, 丢, 撤, 加, 转人工) is not among them: "卡呢", "给我发错了" keep something
_COURTESY = re.compile(
    # greetings, and is anybody there
    r"您好|你好|侬好|哈[喽啰]|嗨喽?|hello+|hey|hi|there|在(?:吗|么|嘛|咩|不(?:在)?|的话)|zaima"
    r"|有(?:没有)?(?:人|喺度|活人)(?:在|冇|没有?|喺度)*"
    r"|人(?=呢|捏|嘞|在)|咋?没人|客服(?:mm|妹妹)?|亲(?:爱的)?|喂+|(?:早上|上午|中午|下午|晚上)好|早[安晨]?"
    r"|晚安|午安|吱一?声|看得?见[吗么]|睇到冇"
    r"|请问|打扰|(?:叫|找|来|要|搵|换)(?:个|位|一个|一位)?(?:真人|活人|人工)(?:客服|服务)?"
    r"|小二|师傅|老板|老师|老铁|小?(?:哥哥?|姐姐?)|大哥|美女|帅哥|小李|小伙伴"
    r"|不想(?:跟|和)机器人(?:说话|聊)|机器人"
    # thanks, farewell, consent
    r"|(?:非常|十分|万分)?(?:谢谢?|感谢|多谢|感恩|蟹蟹|唔该(?:晒|曬)?)(?:你|您|妳|恁|泥|咯|侬)*|3q"
    r"|thank ?(?:s|u|you)|thx|辛苦|麻烦|拜+|掰+|bye+|再见|再会|886?|聊|(?:先)?这样吧?|下了"
    r"|好(?:的|滴|嘞|哒|吧|叭|得|咯|勒|呢)?|ok+|恩+|嗯[嗯额呃]*|哦+|噢+|行|可以|收到|知道|晓得|明白|了解"
    r"|瞭解|清楚|要得|得嘞|对|是的?|没(?:有)?(?:别的)?(?:事儿?|问题)|不用|不客气|不好意思|抱歉"
    r"|(?:发|打)错(?:字|人)|^发错了?$|乱按|小孩|键盘|测试|test|ceshi|稍等|等(?:我)?一?下|我?想想|再件"
    r"|我?自己(?:弄|搞|解决)好"
    # wishes, praise, mood
    r"|(?:周末|假期|节日|新年|国庆|中秋|春节|元旦|端午|生活|工作)+(?:愉快|快乐|顺利)|恭喜发财|身体健康"
    r"|天天开心|万事如意|好梦|暴富|祝"
    r"|(?:五星)?好评|点赞|鸡腿|夸|态度(?:真|太|很)?好|耐心|专业|温柔|细心|贴心|厉害|nice|yyds|服务(?:真|太|很)?(?:好|不错)|爱你|么么哒|最好|见过"
    r"|(?:今[天儿个]*|最近)|心(?:情|累)|气死|无语|醉|服|好?烦|好?热|好?冷|丧|困|累|不想上班"
    r"|什么玩意儿?"
    r"|cnm|nmsl|tmd|sb|wc|wtf|尼玛|你?(?:他|她)?(?:妈|大爷|老母)的?|傻[逼子]|瓜娃子|卧槽|我?[靠艹草]|我去"
    r"|日了?狗|滚|妈的"
    r"|哈+|呵+|h{2,}|2?3{3,}|6{2,}|滴滴|1+(?!\d)|asdf\w*|qwer\w*"
    # emoji of chat programs ([玫瑰]; masked text has a number: [卡密1]), and what stands between all these
    r"|\[[\u4e00-\u9fff]{1,4}\]"
    r"|一下|的|了|呀|啊|哇|吧|呢|啦|捏|嘞|咯|噢|哎+|唉+|咦|嘚|嘛|吗|么|叭|哟|哈|你们?|您|我们?|都|真|太|很"
    r"|这么|那么?|先|就|还|在|也|给|说|来|刚才|现在|一定|回头|个",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[\u3400-\u9fffA-Za-z0-9]")


def is_small_talk(message: str) -> bool:
    """Tell whether nothing but courtesy is left in `message`; a blank or emoji-only one is, too."""
    return len(message) <= 40 and not _CONTENT.search(_COURTESY.sub("", simplify(message)))


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
