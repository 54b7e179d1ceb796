"""What a text says, apart from how it is put: the everyday word and the manual's are one, courtesy is none.

The agent writes 钱全部退给您, the manual 全额退款. Both are brought to the same short form before they are
compared; figures are left out, because they are compared by value elsewhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, repeat
from operator import add

from kb_assistant.corpus.script import simplify
from kb_assistant.drafting.facts import Quantity, find_quantities
from kb_assistant.drafting.text import MARKER

_LEFT_OUT = "\x01"  # in place of a word that says nothing; so are these, their code tells the gap
ENDS_PHRASE = (
    "\x02"  # in place of a word that says nothing, but ends what 不 before it can deny: 没选的默认继续
)
PARTS = "\x03"  # so does this, and what stands before it is not touched by a 不 behind it: 已提取的不退
# what stands for the same thing, the first match at a place wins; "" says nothing of its own
_SAME: tuple[tuple[str, str], ...] = (
    (
        r"您好|你好|不好意思|抱歉|麻烦(?!您的)|谢谢|感谢|辛苦|放心|别担心|不用担心|别着急|这边|这个|那个"
        r"|这种|这样|的话|一下|一般|通常|正常情况下?",
        "",
    ),
    (r"请耐心等待|请稍等|为您|帮您|给您|跟您|您的|您这|您|我们|我这|我|咱们?|亲", ""),
    (r"退回给?|退还|返还|退给|退到|退款|退钱|退货|可退|退掉|给退", "退"),
    (r"(?:钱|款)?(?:全部|全额|全款|全都?)(?=[^\u4e00-\u9fff]|退|返|给)", "全额"),
    (r"(?:不|免除?|无|没有?|不用|无需|不会|不再|不另)(?:收取?|付|交|要|扣)?(?:任何|另外)?手续费", "免手续费"),
    (r"手续费(?:全免|免[收了]?|不[收要]|为?0元?)", "免手续费"),
    (
        r"(?:不|没有?|未|尚未|还没有?)(?:超过|超出|满|到|足|够|达到|高于|低于|少于|多于)(?= )",
        "",
    ),  # before a figure
    (r"尚未|还没有?|没有|并未|从未|没|未(?!来|成年)|还未", "未"),
    (
        r"禁止|严禁|谢绝|拒绝|不再|不可以|不能够?|不支持|不予|不得|不要|不用|不必|无法|不允许|不准|没法"
        r"|不让|没办法|不会",
        "不",
    ),
    (r"可以|能够|支持|允许", "可"),
    (r"需要|必须|务必|应当|须要?|得先|要先|会", ""),
    (r"都|也|还|再|(?<![优预首事原])先", ENDS_PHRASE),
    (r"[的了且而]|并且|所以|但是|不过|只要|才能?|就|后?方可", PARTS),
    (r"别的|别人|其他|其余|其它|他人", "其他"),
    (r"仅限于?|只限|仅限|只有|仅", "限"),
    (r"付款|支付|付钱|付的?款", "付款"),
    (r"购买|买的?|下单", "购买"),
    (r"充进去|充进|充到|到帐|到账|进账", "到账"),
    (r"提交|发起|申请|提出", "申请"),
    (r"告诉|告知|通知|知会", "通知"),
    (r"提供|发给|发来|给到|发过来|发", "发"),
    (r"审批|批准|核准|审核|同意|批复|批(?![次量发号])", "审批"),
    (r"主管|上级|领导", "主管"),
    (r"客户|用户|买家|顾客|本人", ""),
    (r"帐号|账户|帐户|账号", "账号"),
    (r"重新发|重发|补一张|换一张|补发", "补发"),
    (r"打电话|致电|来电|回电", "电话"),
    (r"单子|这单|订单|这笔", "订单"),
    (r"截图|截屏|图片", "截图"),
    (r"使用|用[过掉](?!程)", "使用"),
    (
        r"之内|以内|之前|以前|之后|以后|最多|最迟|最晚|至少|不超过|不得超过|超过|以上|以下|上限|大约"
        r"|左右|当中",
        "",
    ),
    (r"人民币|价格|价钱", "价"),
    (
        r"[吧呢哦噢啦呀哈嘛么在和与及或把被将对向从到等由为以按照]|是(?!否)|如果|若|因为|所以|但是|不过"
        r"|另外|此外|同时|然后|那么|那",
        "",
    ),
)  # fmt: skip
_OF_FEE = re.compile(r"(?<=[收取免扣付]) +的?(?=手续费)")  # 免收 2% 手续费 is 免收手续费
_EITHER = re.compile(r"([\u4e00-\u9fff])[不没]\1")  # 收不收 asks, it denies nothing
# 撤不了, 恢复不了, 追不回来 deny; the negator is moved to where it stands in 不撤, 不追回; 追得回来 affirms
_CANNOT = re.compile(
    r"(退款|补发|提取|恢复|激活|兑换|取消|使用|充值|提现|[\u4e00-\u9fff])不(?:[了成掉](?!解)"
    r"|(?=[回出住动](?:来|去)?))"
)
_CANNOT_THAT = re.compile(
    r"([充提激兑退补用领])不了(?=(?!的|就|了|吗|呢|吧)[\u4e00-\u9fff]{2})"
)  # 充不了流量包
_CAN = re.compile(r"(?<=[\u4e00-\u9fff])得(?=[回出住动起](?:来|去)?|了(?![\u4e00-\u9fff]))")
# what these match begins with: nothing else is tried, which makes it four times as fast
_CUES = (
    "一上下不与且严为主么之也买了亲人仅从他付以价会但你使允充先免全其再别到务单及发另只可同后向吧呀告呢和咱"
    "哈哦啦嘛噢回因图在大如审客对将尚就左帐帮并应当得必您感我或截所手才打批把抱拒按换提支放方无是最未本来核款"
    "正此没然照用由申的知禁等给而能至致若补被要订请谢账购超跟辛返还这进退通那都重钱需须顾领麻"
)
_RULE = re.compile(
    f"(?=[{_CUES}])(?:" + "|".join(f"(?P<r{n}>{pattern})" for n, (pattern, _) in enumerate(_SAME)) + ")"
)
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufa6d\ufa70-\ufad9"
_ATOMS = re.compile(rf"([{_HAN}]+)|([a-z0-9]+(?:[-_.][a-z0-9]+)*|[\x01-\x03]|[^a-z0-9{_HAN}\x01-\x03]+)")
# first of all, each where its cue is in the text
_TURNED: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("手续费", _OF_FEE, ""),
    ("不", _EITHER, r"是否\1"),
    ("没", _EITHER, r"是否\1"),
    ("不", _CANNOT_THAT, r"不\1"),
    ("不", _CANNOT, r"不\1" + ENDS_PHRASE),
    ("得", _CAN, ""),
)
_LONE = 0.35  # worth of a character that the source has, but not beside the same neighbour


@dataclass(frozen=True, eq=False)  # kept where it is read once, and compared by identity
class Wording:
    """The content of a text: runs of characters and Latin words.

    `gaps` tells for each character of `runs` what was left out before it: 0 nothing, 1 a word, 2 one that
    ends a phrase, 3 one that parts two.
    """

    runs: tuple[tuple[str, ...], ...]
    gaps: tuple[tuple[int, ...], ...] = ()

    def __len__(self) -> int:
        """Return the number of characters and Latin words."""
        return sum(map(len, self.runs))

    @cached_property
    def atoms(self) -> frozenset[str]:
        """The characters and Latin words."""
        return frozenset(chain.from_iterable(self.runs))

    @cached_property
    def pairs(self) -> frozenset[str]:
        """The pairs of neighbours in the runs."""
        return frozenset([pair for run in self.runs for pair in map(add, run, run[1:])])

    @cached_property
    def places(self) -> tuple[tuple[str, str, str], ...]:
        """Each atom with the pair it ends and the pair it begins, "" at the ends of a run."""
        found: list[tuple[str, str, str]] = []
        for run in self.runs:
            pairs = list(map(add, run, run[1:]))
            found += zip(run, ("", *pairs), (*pairs, ""), strict=True)
        return tuple(found)


NOTHING = Wording(())


@lru_cache(maxsize=8192)
def wording(text: str) -> Wording:
    """Return what `text` says, without markers, figures and words that say nothing."""
    plain = MARKER.sub(lambda marker: " " * len(marker.group()), text)
    return wording_without(plain, find_quantities(plain))


def wording_without(plain: str, figures: Iterable[Quantity]) -> Wording:
    """Return what `plain` says, without `figures`, which are in order; codes are words and stay."""
    kept, after = [], 0
    for quantity in figures:
        if quantity.dimension != "code":
            kept.append(plain[after : quantity.start])
            after = quantity.end
    return _said(" ".join((*kept, plain[after:])))


@lru_cache(maxsize=8192)
def _said(text: str) -> Wording:
    simple = simplify(text)
    for cue, pattern, short_form in _TURNED:
        if cue in simple:
            simple = pattern.sub(short_form, simple)
    runs: list[list[str]] = [[]]
    gaps: list[list[int]] = [[]]
    gap = 0
    for han, other in _ATOMS.findall(_RULE.sub(_shorter, simple)):
        if _LEFT_OUT <= other <= PARTS:
            gap = max(gap, ord(other))
        elif han or other[0].isalnum():
            runs[-1] += han or (other,)
            gaps[-1] += (gap, *repeat(0, len(han) - 1))
            gap = 0
        elif runs[-1]:
            runs.append([])
            gaps.append([])
    return Wording(tuple([tuple(run) for run in runs if run]), tuple([tuple(run) for run in gaps if run]))


def _shorter(match: re.Match[str]) -> str:
    return _SAME[(match.lastindex or 1) - 1][1] or _LEFT_OUT


def without(words: Wording, atoms: frozenset[str]) -> Wording:
    """Return `words` without `atoms`."""
    runs = [
        run if atoms.isdisjoint(run) else tuple([atom for atom in run if atom not in atoms])
        for run in words.runs
    ]
    return Wording(tuple([run for run in runs if run]))


def together(wordings: Iterable[Wording]) -> Wording:
    """Return what several pieces of a text say."""
    parts = [part for part in wordings if part.runs]
    if len(parts) == 1:
        return parts[0]
    return Wording(
        tuple(chain.from_iterable(part.runs for part in parts)),
        tuple(chain.from_iterable(part.gaps for part in parts)),
    )


@lru_cache(maxsize=16_384)
def covered(said: Wording, *sources: Wording) -> float:
    """Return the share of `said` that the sources say, 0 to 1; 0 where nothing is said.

    A character counts whole where the sources have it beside the same neighbour, else a third.
    """
    if not said.places or not sources:
        return 0.0
    shares = [_shares(said, source) for source in sources]
    return sum(shares[0] if len(shares) == 1 else map(max, *shares)) / len(said.places)


@lru_cache(maxsize=16_384)
def _shares(said: Wording, source: Wording) -> tuple[float, ...]:
    """Return for each place of `said` how much of it the source says."""
    pairs, atoms = source.pairs, source.atoms
    return tuple(
        [
            1.0
            if left in pairs or right in pairs
            else 0.0
            if atom not in atoms
            else _LONE
            if left or right
            else 1.0
            for atom, left, right in said.places
        ]
    )
