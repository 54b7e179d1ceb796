"""How urgent a message is, from the customer's own words, with the reason that is shown."""

import re

from kb_assistant.corpus.lexicon import contains_word
from kb_assistant.types import Grade, Lexicon

# what the sample manual (SOP-SH-01) and most manuals call urgent, with the reason that is shown
_MANY = (
    r"(?<![\d.])(?:[2-9]\d|\d{3,})|几十|[一二三四五六七八九]十|好?几百|[一两二三四五六七八九]百|上百"
    r"|整?批|这?一票|所有|统统|一大堆"
)
_FAILS = (
    r"激活不了|兑不了|用不了|刷不了|不能用|没法用|全?(?:部)?失败|全报错|无效|失效|掉激活|未激活|已被?使用"
    r"|密码错误|状态异常"
    r"|没有?一[个张]|一[个张]都|哪张哪张不|卡(?:住|在)|出不了货|发不出|没法卖|不敢.{0,4}卖|一动不动"
    r"|到现在(?:一笔)?没|返回处理中|停摆|不走"
)
_URGENT = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        (
            "已扣款没有订单",
            r"(?:钱|款|付|扣|支付|流水|[元块\d]{1,4}(?:是)?)[^。！？]{0,14}(?:没|无|不见|查不到|找不[到着]|寻勿着|空的|没有任何)"
            r"[^。！？，,]{0,4}(?:订单|单子|单号|单(?!独|价)|货)"
            r"|(?:钱|款)(?:走了|扣了|没了|付了)[^。！？]{0,16}(?:啥也没有|什么都没有?|没单|单也没|订单没)"
            r"|(?:走了|付了|扣了|扣款|支付成功|支出|划走)[^。！？]{0,24}(?:订单创建失败|订单不存在|订单[^，。！？]{0,3}空|(?:单子|订单|单号)[^，。！？]{0,3}(?:没有|找不|不见|不存在|查不到|寻勿着))"
            r"|已?(?:关闭|取消)[^。！？]{0,12}(?:支出|付款|支付|扣款)(?:是)?(?:成功|了)"
            r"|(?:付成|付款成功|支付成功|扣款成功)[^。！？]{0,10}(?:已?关闭|已?取消)",
        ),
        (
            "重复扣款",
            r"重复扣|(?<!会)(?:扣|收|付|划|刷|记)了?(?:我)?(?:两|二|2|俩|双)(?:次|笔|遍|回|份)(?:钱|款)?"
            r"|(?:扣|划)了?[^。！？]{0,10}又(?:扣|划)|多扣",
        ),
        (
            "账号疑似被盗，资金可能流失",
            r"(?:号|账户|账号|余额|后台)[^。！？，\n]{0,10}(?:被盗|被黑|被人(?:登|动|进|下|用)|被登|被偷|异地登|往下掉|被转走|被花|在(?:自己)?(?:少|变少))"
            r"|盗号|盗刷|有人(?:在)?(?:上|登|进|用|动)(?:了)?我"
            r"|不是我(?:们)?(?:本人)?(?:买|弄|下|操作|花|充|点|干)|不是本人"
            r"|(?:密钥|密码|验证码)[^。！？]{0,6}(?:泄露|被(?:人)?(?:改|套|骗))"
            r"|(?:钱|余额|存款)[^。！？]{0,10}(?:一笔一?笔|一路|哗哗|越来越)[^。！？]{0,4}(?:没|少|减|掉)"
            r"|有人在刷|陌生(?:人|设备)[^。！？]{0,10}登|谁在(?:拿|用|花|动)我"
            r"|正?(?:在)?(?:拿|用|花|转)我(?:账户|余额|卡)?(?:里)?的钱"
            r"|(?:绑定|换绑|手机)[^。！？]{0,4}被改",
        ),
        (
            "要投诉到监管部门、报警或曝光",
            r"(?<!\d)(?:1231[58]|12321|12345|12300|110)(?!\d)(?![^。！？]{0,4}(?:管不管|是(?:啥|什么)))"
            r"|消协|工商局|(?:去|找|向)(?:工商|工信部)|通信?管理?局|市监|网信办|银保监"
            r"|起诉|律师(?!事务所)|法院|曝光|(?<!流)媒体|记者|电视台|民生新闻|网警|经侦|派出所"
            r"|(?:我|要|就|去|已)(?:经)?(?:先)?报(?:了)?警|立案"
            r"|(?:发|挂|传|上)(?:到|在|上|个)?(?:抖音|微博|小红书|快手|b站|知乎|朋友圈|网上)"
            r"|(?:抖音|微博|小红书|快手|b站)[^。！？]{0,4}(?:见|曝|发)",
        ),
        (
            "商家整批卡住",
            rf"(?:{_MANY})(?!里扣)(?:(?<=批)|(?<=票)|(?<=有)|(?<=统)|(?<=堆)|[张个多]{{0,2}}[张个条份笔单件家码])[^。！？]{{0,30}}?(?:{_FAILS})"
            rf"|(?:{_FAILS})[^。！？]{{0,10}}(?:{_MANY})",
        ),
        (
            "同一问题多次来问",
            r"第(?:[三四五六七八九十]|[3-9]|\d{2,})(?:次|遍|回|趟|个(?:工单|客服|人))(?!(?:在|拿|买|充|下单))"
            r"|(?:[三四五六七八九]|(?<!\d)[3-9])(?:次|遍|回|趟|个人|个客服)[^。！？]{0,2}(?:了|来|问|找|反映|催|说)"
            r"|(?:问|来|找|催|说|反映|讲)(?:过|了)?(?:你们)?(?:好几|好多|不下|[三四五六七八九]|(?<!\d)[3-9])[^。！？，]{0,2}(?:次|遍|回|趟)"
            r"|(?:加|算上?)这[次回]是?[三四五3-9]|三顾茅庐|事不过三|天天来|又是我",
        ),
        (
            "铂金会员的未解决问题",
            r"(?:铂金|白金)(?!卡)(?![^。！？]{0,12}(?:好处|差价|值不值|要充|条件|门槛|怎么升|咋升|打折|折扣|几折|权益|谢谢|就给换好|挺给力))(?<!咋升铂金)(?<!就铂金)(?<!以前是铂金)(?<!朋友是铂金)[^。！？]{0,60}"
            r"(?:没(?!咋)|不(?!会|少)|未|怎么|失败|错|失效|查|协助|卡在|给换)",
        ),
    )
)
_GAME_POINTS = re.compile(
    r"点卡|点券|点数|游戏点|的点|(?<![一二两三四五六七八九十\d])点(?:都|咋|呢|还)|冲的点|充的点"
)
_NOT_THERE = re.compile(
    r"(?:没|未|冇)(?!看|提|用|咋)|还是?0|(?:处理|充值)中|咋还|不到|等到|花都谢|熬着夜等|吱一声"
)
_PAST = re.compile(r"上[回次]|到了|才到|提个意见")
_WAITED = re.compile(
    r"(?P<n>[两俩二三仨四五六七八九十]|\d+(?:\.\d+)?)个?(?P<more>[多半几])?(?:小时|钟头|钟|h(?![a-z]))"
    r"|(?P<minutes>\d{3,})分钟"
)
_OCLOCK = re.compile(r"(?<!\d)(?P<hour>\d{1,2}|十?[一二两三四五六七八九十])(?:点(?![卡券数])|[:：](?=\d\d))")
_DIGIT: dict[str, int] = dict(zip("一二三四五六七八九十两俩仨", (*range(1, 11), 2, 2, 3), strict=True))
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
        hours = (
            int(found["minutes"]) / 60 if found["minutes"] else _hour(found["n"]) + 0.5 * bool(found["more"])
        )
        if hours > _LATE_HOURS:
            return found.group()
    clocks = list(_OCLOCK.finditer(message))
    if len(clocks) >= 2:
        first, last = _hour(clocks[0]["hour"]), _hour(clocks[-1]["hour"])
        if (last - first) % 12 > _LATE_HOURS:
            return f"{clocks[0].group()}…{clocks[-1].group()}"
    return ""


def _hour(number: str) -> float:
    if number[0].isdigit():
        return float(number)
    return sum(_DIGIT[character] for character in number)
