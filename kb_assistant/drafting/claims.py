"""What a sentence of a reply claims, once greeting, empathy, requests and offers of help are taken away."""

import re

from kb_assistant.drafting.facts import find_quantities
from kb_assistant.drafting.text import MARKER

_PIECE = re.compile(r"(?:[^，,：:；;。！!～~—…\n]|(?<=\d)[,:](?=\d))+[？?]?")
# what is measured; other counts only say how many things are talked of: 两件事, 后四位
_MEASURED = frozenset(["second", "workday", "month", "yuan", "percent", "point", "clock", "service"])
# what a rule, a result or a promise sounds like; a piece without any of it only greets, feels, or leads over
_CLAIMS = re.compile(
    r"有(?:活动|优惠|名额|赠送|通道)|退(?![出回]?来|出|步|货架)|补发|补给|补偿|赔|免费|免收|免手续|到账|全额|扣[^心]|收费"
    r"|手续费|解冻|冻结|恢复|开通|生效|失效|作废|过期|有效期|顺延|延期|续费|充[值错进到完]|取消|撤"
    r"|换(?!谁|[位我成]|了谁|作|做)"
    r"|可以|不可|不能|不支持|不受|不会|不用|不需|不必|无需|无法|不得|必须|须|支持|允许|受理|适用|仅限"
    r"|只限|除外|属于|自动|默认|规则|规定|条件|前提|审批|批准|限额|上限"
    r"|保证|承诺|肯定|绝对|百分|一定[会能可退赔到补]|已经?[被帮为给提退办处反安通登转申]|反馈(?:了|给"
    r"|上)|会[给把将在自退补发按]|是因为|由于|原因|说明.{0,4}[了是]"
)
# pieces that ask for something, or offer to look: they claim nothing unless they promise
_REQUEST = re.compile(
    r"^(?:还|另外|也|再|那|方便的?话?|如果|要是|顺便|可以的话|您|你|先|就|所以|现在|然后|最后)*(?:请"
    r"|麻烦|劳驾|烦请|有劳|辛苦|方便|把|将|给我|发我|告诉我|提供|报一?下|说一?下|附|带上|留)"
    r"|(?:发|给|告诉|报|拍|截|传|提供|交|留)(?:给|来|过来)?(?:我|我们|这边|过来|一下)"
    r"|(?:遮|挡|盖|涂)(?:住|掉|好|一下)|打[上个]?码|别发"
)
_OFFER = re.compile(
    r"^(?:那|好的?|没问题|放心|您稍等|稍等|别急|所以|这就|现在|马上|然后|随后|接下来|先|办完|退完|查完"
    r"|查到|有结果|一有|有了?|等|到时候?|后面|之后|回头|今后).{0,10}我|^(?:我|咱|我们|这边"
    r"|小[\u4e00-\u9fff])"
    r"|(?:帮|替|陪|为|给|跟|和|向|带)您(?:一起|先|再|逐|全程|一步步|好好|马上|这就|把|单独)*"
    r"(?:看|查|核|问|跟|盯|催|办|弄|说|讲|解释|确认|处理|算|对|登记|备注|理|捋|整理|列|想|记|过|走|分"
    r"|转|安排|操作|找|留意|争取|道|赔个?不是|提|催|反映)"
)
_PROMISE = re.compile(
    r"保证|承诺|肯定|绝对|百分|包您|必定|一定(?![要得须的程条时金额范比数量先])|承担|返还|垫付"
    r"|免[了掉除]|免手续费|退款?(?:给您)?(?:安排|办|处理)(?:上|好|完)了|给您(?:办理?|处理|安排|申请)(?:全额)?(?:退|赔|补)"
    r"|全额|赔|补偿|免费|免收|已经?(?:帮|为|给|替|把|提交|退|办|处理|反馈|登记|转|申请|通知"
    r"|补)|反馈(?:了|上)|退给您|退回(?!记录|申请|进度|流程)|退到|补给您|补您|送您|给您(?:退|补|赔|发"
    r"|免|送|换|延|解|恢|开)"
)
# 如果…不清楚, 有问题, 随时找我: what might come, not what is
_AFTERWARDS = re.compile(
    r"(?:如果|要是|若|有|还有|哪|碰到|遇到|中间|途中|过程中|后续|以后|用的时候|操作中).{0,14}(?:问题"
    r"|疑问|不明白|不清楚|不懂|不会|需要|不顺|卡住|拿不准|想问|要问|不对|困难|情况|变化)"
    r"|(?:跟|和|告诉|找)我(?:说|讲)?(?:一声)?$|不用再|随时|再?(?:找|联系|叫|喊|问|回|戳)(?:我|我们)"
    r"|慢慢(?:说|看|来)|我(?:一直)?(?:都|就)?在"
    r"|别着?急|别担心|不用(?:着急|担心|客气|慌)|放心|抱歉|对不起|不好意思|谢谢|感谢|祝|愿您|欢迎|理解"
    r"|明白|体会|懂您|心情|着急|心疼|难免|换谁|搁谁|让您|耽误|添麻烦|久等|费心|辛苦"
)
_FEELING = re.compile(
    r"心里|换谁|搁谁|难免|烦人|道歉|抱歉|理解|着急|心疼|别扭|踏实|懊恼|生气|窝火|恼火|扫兴|难受|闹心"
    r"|糟心|憋[屈气]|磨人|纳闷|不舒服|冤|疑[惑问]|正常的?$|容易|糊涂|意外|失望|委屈|操心|费神|[讲说理]清楚|[说讲理]明白|(?:明白"
    r"|清楚)的?(?:说法|交代)"
)
_ASKS_FIRST = re.compile(r"(?:麻烦|请|劳驾|烦请|方便)")
# the customer's own story or wish, told again: 您想退掉, 钱扣了又没用上
_YOURS = re.compile(r"^(?:您|你)(?:是?想|要|说|问|提到|担心|遇到|记得|觉得)")
_RULES = re.compile(r"可以|不[能可会得支予]|须|规定|规则|条件|[会将]|免|给您|必|一律|属于")


def claims(sentence: str) -> str:
    """Return the pieces of `sentence` that claim something, joined by commas; "" for mere courtesy.

    A piece with a figure or with the words of a promise is always a claim, unless it asks. Beside a word
    of sympathy a piece that sets no rule only tells again what happened.
    """
    plain = MARKER.sub("", sentence)
    pieces = [match.group().strip(" 　“”\"'（）()") for match in _PIECE.finditer(plain)]
    if plain.rstrip().endswith(("：", ":")) and not find_quantities(plain) and not _PROMISE.search(plain):
        return ""  # it only leads to what follows
    moved = any(_FEELING.search(piece) for piece in pieces)
    return "，".join(piece for piece in pieces if piece and _claims(piece, moved))


def _claims(piece: str, moved: bool) -> bool:
    if piece.endswith(("？", "?")):
        return False
    if _FEELING.search(piece) and not re.search(r"[退赔补免]", piece):
        return False
    if _PROMISE.search(piece):
        return _ASKS_FIRST.match(piece) is None
    if _REQUEST.search(piece):
        return False
    if any(quantity.dimension in _MEASURED or quantity.bound for quantity in find_quantities(piece)):
        return True
    if (moved or _YOURS.match(piece)) and not _RULES.search(piece):
        return False
    return _CLAIMS.search(piece) is not None and not _OFFER.search(piece) and not _AFTERWARDS.search(piece)
