"""Words that must not go out unnoticed: promises without a clause, phrases that turn customers away."""

import re
from collections.abc import Iterator, Sequence

from kb_assistant.drafting.wording import covered, wording
from kb_assistant.types import DraftWarning, Sentence

_NOT_PROMISED = (
    r"(?<!不)(?<!不能)(?<!不敢)(?<!无法)(?<!没法)(?<!不会)(?<!难以)(?<!并不)(?<!没有)(?<!请)"
    r"(?<!(?<![向为给帮替])您)(?<!务必)"
)
# certainty: only a clause with the same word allows it
_CERTAIN = re.compile(
    _NOT_PROMISED
    + r"(?:保证(?!金)|担保|承诺|包您|包退|包赔|包过|包到|包成功|一定(?![要得须的程条时金额范比数量先]"
    r"|(?:不要|别))|肯定(?=会|能|可以|给|退|赔|补|到|没|在)|绝对|百分之?百|百分百|必定|铁定|打包票"
    r"|稳(?:到|过)|没有?任何风险|万无一失|无条件|永久|终身)"
)
# something of value: a clause that is cited for it allows it
_VALUE = re.compile(
    _NOT_PROMISED
    + r"(?:全额|全部退|全退|原价退|赔付|赔偿|赔您|赔给|双倍|加倍|三倍|十倍|补偿|补贴|赠送|送您|送一|免费"
    r"|额外|破例|特批|特殊处理|免单|返现|立减|折扣|优惠券|代金券|余额补|补您|承担|垫付|返还|返您"
    r"|(?:帮您|给您|直接|全|都)免[了掉单收]|免掉|垫上|(?:免[除收掉]?|不收|不用付)手续费|手续费(?:全免|免[收了]?|不收)"
    r"|退款?(?:给您)?(?:安排|办|处理)(?:上|好|完)了|给您(?:办理?|处理|安排|申请)(?:全额)?(?:退|赔|补))"
)
# when it will be done: a clause that is cited for it allows it
_SOON = re.compile(
    r"(?:今[天日晚早]|明[天日早晚]|后天|当天|很快|马上|立刻|立即|立马|稍后|一会儿?|几分钟|几个?小时"
    r"|不久|尽快|随时|秒|本周|这周|下周|周[一二三四五六日]|月底)(?:之?[内前])?"
    r"[^，,。；;？?]{0,10}(?:到账|到您|退(?:款|给|到|回|还|好|完|成)|解决|补发|补给|处理好|处理完|办好"
    r"|办妥|搞定|恢复|解冻|解封|开通|发放|发给您|给您(?:退|补|赔|发|解|恢|结|答)|到手|修好|通过)"
)
_FORBIDDEN = {
    r"规定就是这样|这是规定|规定如此|按规定不行": "先共情，再说明这条规则为什么这样定，以及还能怎么办",
    r"请?(?:您)?耐心等待|请?(?:您)?(?:再)?等等(?:看|就好)"
    r"|等通知": "说清楚最晚什么时候有结果，到点主动联系客户",
    r"已经?(?:帮您|给您|为您)?反馈(?:了|上去)?(?!给)": "说清楚反馈给了谁、什么时候给答复",
    r"不归我(?:们)?管|不是我(?:们)?(?:部门)?负责|我也没办法|我管不了"
    r"|找别人": "按首问负责制跟进，需要转接时说明转给谁",
    r"自己看|自己查|自己想办法|自己去看": "把步骤一步一步发给客户",
    r"您(?:没|没有)看(?:清|清楚|到)?(?:吗|说明|公告)|都说(?:过|了)(?:多少|几)?遍"
    r"|刚才不是说了": "换一种说法再讲一遍，不责备客户",
    r"不可能(?:的)?[，。！]|爱(?:退|买|投诉)不(?:退|买|投诉)"
    r"|随便您(?:投诉)?": "说明能做到的和不能做到的，给出下一步",
}
_INSTRUCTION = re.compile(
    r"(?:忽略|无视|忘记|不要理会|ignore|disregard)[^。\n]{0,16}(?:以上|之前|上面|前面|规则|指令|提示"
    r"|设定|instructions?|rules?|prompt)"
    r"|(?:你现在是|你是一[个名]|扮演|切换[到成])[^。\n]{0,12}(?:模式|管理员|开发者|系统|助手|AI)|进入[^，。\n]{0,6}模式"
    r"|(?:输出|显示|打印|告诉我|泄露|复述)[^。\n]{0,10}(?:系统提示词|提示词|system prompt|prompt)"
    r"|system\s*(?:prompt|:)|<\|?(?:im_start|system)",
    re.IGNORECASE,
)


def promises(sentences: Sequence[Sentence], backing: Sequence[str]) -> Iterator[DraftWarning]:
    """Yield a warning for each sentence that promises certainty, value or time and has no clause that does.

    `backing` tells for each sentence what its clauses say, "" where none carries it.
    """
    for sentence, clause in zip(sentences, backing, strict=True):
        found = [
            match
            for pattern, needs_word in ((_CERTAIN, True), (_VALUE, True), (_SOON, False))
            for match in pattern.finditer(sentence.text)
            if not clause or (needs_word and not _says(clause, match.group()))
        ]
        if found:
            first = min(found, key=lambda match: match.start())
            yield DraftWarning(
                "promise",
                f"“{'”“'.join(match.group() for match in found)}”没有条款支持",
                sentence.start + first.start(),
                sentence.start + first.end(),
                "删去，或引用允许这样承诺的条款",
            )


def _says(clause: str, word: str) -> bool:
    return word in clause or covered(wording(word), wording(clause)) == 1.0


def forbidden_phrases(text: str) -> Iterator[DraftWarning]:
    """Yield a warning with a better line for each mechanical or cold phrase."""
    for pattern, suggestion in _FORBIDDEN.items():
        for match in re.finditer(pattern, text):
            yield DraftWarning(
                "forbidden_phrase", f"“{match.group()}”听起来生硬", match.start(), match.end(), suggestion
            )


def quoted_instructions(*texts: str) -> Iterator[DraftWarning]:
    """Yield a warning where a text holds an instruction to a model: it is data, not followed."""
    for text in texts:
        match = _INSTRUCTION.search(text)
        if match:
            yield DraftWarning(
                "quoted_instruction",
                f"来文里有对系统的指令“{match.group()[:40]}”，已当作普通文字，没有照做",
            )
