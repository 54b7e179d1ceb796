"""How urgent a message is, from the customer's own words, with the reason that is shown."""

import re

from kb_assistant.corpus.lexicon import contains_word
from kb_assistant.corpus.numerals import HAN_NUMERAL, parse_number
from kb_assistant.types import Grade, Lexicon

# what the sample manual (SOP-SH-01) and most manuals call urgent, with the reason that is shown; a missed one
# still gets its answer, a false one takes a supervisor from a customer who needs them: in doubt, ordinary
_MANY = (
    r"(?<![\dA-Za-z.-])(?:[2-9]\d|\d{3,5})[张个条份笔单件家]"
    r"|(?:几十|几百|上百|[一两二三四五六七八九]百)多?[张个条份笔单件家]|[整这一]批"
)
_NOT_GONE = (
    r"激活不[了上]|兑不[了上]|用不了|刷不了|没法[用卖]|出不了货|发不出|卡住|卡在|一动不动|停摆"
    r"|没有一[个张]|每一?张都"
)
_NOT_DONE = r"没(?:到|人|给|弄|开|补|回|反应)|用不了|激活不了|失效|失败|卡在|不对|收不到"
_URGENT = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        (
            "已扣款没有订单",
            r"(?:钱|(?<!退)款|付款?|扣)[^。！？\n]{0,12}(?<!有)(?:没|无|不见|查不到|找不[到着])(?:有|到|了|建|出现?)?"
            r"(?:这个|那个)?(?:订单|单(?![独价次])|货)"
            r"|(?:钱|款)(?:走了|扣了|没了|付了)[^。！？]{0,16}(?:啥也没有|什么都没有?|没单|单也没|订单没)"
            r"|(?:走了|付了|扣了|划走|支付成功)[^。！？]{0,20}(?:订单创建失败|订单不存在|(?:单子|订单|单号)[^，。！？]{0,2}(?:找不|不见|查不到))"
            r"|(?:已关闭|已取消)[^。！？]{0,12}(?:支出|付款|支付|扣款)(?:是)?成功"
            r"|(?:付成|付款成功|支付成功|扣款成功)[^。！？]{0,10}已(?:关闭|取消)",
        ),
        (
            "重复扣款",
            r"重复扣|(?<!会)(?:扣|划|刷)了?我?(?:两|二|2|俩)(?:次|笔|遍|回|份)|扣了[^。！？]{0,10}又扣"
            r"|(?<!会)多扣(?!手续费)",
        ),
        (
            "账号疑似被盗，资金可能流失",
            r"(?<!防止)(?<!避免)(?:(?<!账)号|账户|账号|余额)[^。！？\n]{0,10}(?<!会)(?<!怕)(?:被盗|被黑|被人登|被登|被偷|异地登|往下掉|被转走|被花)"
            r"|盗号|盗刷|有人在?(?:上|登|进|用|动)了?我的?(?:号|账|余额|钱)"
            r"|余额(?:自己)?(?:还)?(?:在|一路|哗哗)[^。！？]{0,2}(?:少|减)"
            r"|(?:订单|消费|多了)[^。！？]{0,14}不是(?:我|本人)"
            r"|(?:在|正)(?:用|花|转)我(?:账户|余额)里?的钱",
        ),
        (
            "要投诉到监管部门、报警或曝光",
            r"(?<!\d)(?:1231[58]|12345|12321|12300)(?![\d个张元块])|消协|工商局|通信?管理局|网警|经侦|立案"
            r"|派出所|电视台"
            r"|起诉|律师(?!事务所)|曝光|(?<![流自多])媒体|记者|(?:我|要|就|去)(?:先)?报(?:警|案)"
            r"|(?:发|挂)(?:到|在|上)?(?:抖音|微博|小红书|快手)(?![^。！？]{0,3}[发见看])",
        ),
        ("商家整批卡住", rf"(?:{_MANY})[^。！？]{{0,24}}?(?:{_NOT_GONE}|全部?(?:失败|无效|失效|报错))"),
        (
            "同一问题多次来问",
            r"第(?:[三四五六]|[3-6])(?:次|遍|回|趟)(?:来)?(?:问|找|反映|催|了(?![^。！？]{0,4}[买拿]))"
            r"|第(?:[三四五六]|[3-6])个(?:工单|客服|人了|接我)"
            r"|(?:问|来|找|催|反映)(?:过|了)(?:你们)?(?:好几|[三四五六]|[3-6])多?(?:次|遍|回|趟)|三顾茅庐"
            r"|事不过三",
        ),
        ("铂金会员的未解决问题", rf"铂金[^。！？]{{0,40}}?(?:{_NOT_DONE})"),
    )
)
_GAME_POINTS = re.compile(r"点卡|点券|点数|游戏点|[充冲]的点")
_NOT_THERE = re.compile(
    r"(?:没|未|冇)(?:有)?(?:到|来|上|进|见|影|动静|啊|$)|还是?0|(?:处理|充值)中|等到|吱一声"
)
_PAST = re.compile(r"上[回次]|才到|提个意见")
_WAITED = re.compile(
    rf"(?<![\d.两俩仨-])(?P<n>[俩仨]|{HAN_NUMERAL}{{1,3}}|\d{{1,3}}(?:\.\d)?)个?(?P<more>[多半])?(?:小时|钟头)(?!内|之内|以内|到|左右|后)"
    r"|(?<!\d)(?P<minutes>\d{3,4})分钟(?!内|之内|以内|到|左右|后)"
)
_DAYS = re.compile(r"昨[天晚儿][^。！？]{0,10}[充冲买付下]|前天|等?了?(?:一整?|大半|好几|[两三])天了|隔夜")
_OCLOCK = re.compile(
    rf"(?<!\d)(?!(?<=[快早晚慢有差好多大])一点)(?P<hour>\d{{1,2}}|{HAN_NUMERAL}{{1,3}})(?:点(?![卡券数])|[:：](?=\d\d))"
)
_LATE_HOURS = 2  # after which game points that are not there make a message urgent


def grade_of(message: str, lexicon: Lexicon) -> tuple[Grade, str]:
    """Return how urgent the message is, from the customer's own words, and why; "" for ordinary."""
    for word in lexicon.urgent:
        if contains_word(message, word):
            return "urgent", f"消息里有“{word}”"
    for reason, pattern in _URGENT:
        found = pattern.search(message)
        if found:
            return "urgent", f"{reason}：“{found.group()}”"
    waited = _waited_for_points(message)
    if waited:
        return "urgent", f"点数超过{_LATE_HOURS}小时未到账：“{waited}”"
    return "ordinary", ""


def _waited_for_points(message: str) -> str:
    """Return what says that game points are over two hours late, "" if nothing does."""
    if not (_GAME_POINTS.search(message) and _NOT_THERE.search(message)) or _PAST.search(message):
        return ""
    for found in _WAITED.finditer(message):
        if found["minutes"]:
            hours = float(found["minutes"]) / 60
        else:
            hours = _number(found["n"]) + 0.5 * bool(found["more"])
        if hours > _LATE_HOURS:
            return found.group()
    if days := _DAYS.search(message):
        return days.group()
    clocks = list(_OCLOCK.finditer(message))
    if len(clocks) >= 2:
        apart = (_number(clocks[-1]["hour"]) - _number(clocks[0]["hour"])) % 12
        if min(apart, 12 - apart) > _LATE_HOURS:  # whichever came first
            return f"{clocks[0].group()}…{clocks[-1].group()}"
    return ""


def _number(numeral: str) -> float:
    return {"俩": 2.0, "仨": 3.0}.get(numeral) or parse_number(numeral)
