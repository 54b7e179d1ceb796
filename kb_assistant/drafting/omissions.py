"""Conditions a clause puts on what a reply says, and the reply leaves out.

A statement counts where the sentences that cite its clause say what it rules; its conditions are then
looked for in the sentence that says it and those beside it: elsewhere the same words are of something else.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb_assistant.drafting.clauses import Clause, Piece, Unit
from kb_assistant.drafting.facts import Quantity
from kb_assistant.drafting.wording import Wording, covered, together, wording

_EXCEPTION = re.compile(
    r"除外|不适用|不在此列|不含|不包括|不参[加与]|不享受|不计(?!较)|不算|暂不|例外|以外的?$"
)
_RESTRICTION = re.compile(
    r"仅限|只限|限于|仅(?!有|凭)|只(?:能|限|退|对|支持|受理|认|补|换)|前提|为准|满.{1,8}方|不得超过"
    r"|同一.{1,6}只|只在|只有|本人|状态[为是须]|(?:提供|出示|凭).{1,14}(?:凭证|证明|回执|维修单)"
)
_REQUIREMENT = re.compile(r"(?<!无)须(?!知)|必须|务必|(?<![无不])需(?![求])")
_APPROVAL = re.compile(r"(?:审批|批准|复核|同意|核准|特批)(?![单栏期时])")
_NO_APPROVAL = re.compile(r"(?:不|无)[须需用必适]?.{0,6}(?:审批|批准|复核)|客户.{0,4}同意|SOP")
# a state or case that the answer depends on, where it stands before the answer
_CASE = re.compile(
    r"(?:的|时|情况下|前提下|[\u4e00-\u9fff0-9]{3,}后)[ *]*$|^(?:如果?|若|凡)"
    r"|(?<![尚并])未(?!来|成年)[\u4e00-\u9fff]{1,4}$|[没未]有?[\u4e00-\u9fff]{2}$"
)
_REFERS = re.compile(r"^(?:以上|上述|符合|满足|[两三四]项)")  # to what was said before: 符合条件的
_CASE_FROM = 3  # characters without which a case says nothing of its own: 符合的
_WINDOW = re.compile(r"[内前].{0,8}(?:可|能|申请|提出|报告|联系|反馈)")  # until when a customer may
_CONDITIONS_FOLLOW = re.compile(r"前提|条件|须同时|满足|门槛")  # 前提：误操作属实，客户是新手
# a statement that narrows the one before it
_NARROWS = re.compile(r"^(?:但|其中|仅限|只限|不适用|例外|前提|上述|以上|此类|该|如需|需要[^，]{1,8}的)")
# what it takes out, before or behind the rule
_EXCEPTS = re.compile(r"^[^，]{2,20}(?:除外|例外|不参[加与][^，]{0,8}|不享受[^，]{0,8})(?:[。；，]|$)")
# how often, anywhere in its clause: 同一订单只补偿一次
_ONCE = re.compile(r"^(?:同一|每)[^，：]{1,8}(?:只|仅|限|最多)")
# what binds the agent, the customer need not hear
_OURS = re.compile(
    r"^(?:请?坐席|客服|首问|后台|质检|值班|充值组|卡密组|商家组|会员组|风控组)(?!.{0,8}(?:审批|批准|同意))"
    r"|(?<!结)工单(?!满|超过|未)|登记|打码|口头|话术|备注|反查|(?<!核验)记录|填写|录入|标记|归档|截图|讲清|讲明|说明"
    r"|告[知诉]|安抚|按 ?SOP|写[清明成]|请客户|向客户|交接|索要|索取|引导"
)
# one more condition beside another
_JOINED = re.compile(r"^[ *]*(?:且|并且)(?![^，]{0,4}[记写])")
# what makes a case of what stands before it: 活动赠送的礼品卡，不适用…
_TAKEN_OUT = re.compile(r"^[ *]*(?:或|(?:[^，]{2,4}前)?(?:不适用|暂不|不属于|不算|不计入))")
# members of a list, each a condition of its own: 没有未完成订单、没有未结工单
_LIST = re.compile(r"(?:没有|无|未|前提是?|须)(?=[^、]{2,12}[、])")
_LACKING = re.compile(r"^(?:且|并且|并)?(?:没有|无)")
_LACKS = re.compile(r"^(?:前提是?|须|没有|无|未)+(?:未|有)?|的$")
_MORE = re.compile(r"、且|、(?=没有|未|无)")
_ITEM_FROM = 3  # characters
_ITEM_SAID_FROM = 0.6
# who approves, what is required with its verb, and what must come before a time runs: 核验通过后1个工作日内
_ROLE = re.compile(r"主管|组长|经理|财务|负责人")
_REQUIRED = re.compile(r"(?<!无)(?:必须|须)先?([\u4e00-\u9fff]{2,4})")
_AFTER = re.compile(r"[ *]*(.{2,12}(?:通过|核验|审批|批准|同意|核实|确认))后")
_FIGURE_ADDS = 0.15
_TOUCHED_FROM = 0.25  # and for the statement beside it that narrows it
_USED_FROM = 0.4  # share of what a statement rules that must be said for its conditions to matter
_EVIDENT_FROM = 0.7  # share from which a statement is used, though no sentence seems to rest on it
_SAID_FROM = 0.5  # share of a condition that counts as said
_CASE_SAID_FROM = 0.4  # of a mere case, which a reply puts in the customer's words: 客户坚持要求的
# the same words are the condition whoever says them
_STRICT = re.compile(
    r"除外|不适用|不计|不含|不包括|不参加|例外|仅|限|只|须|必|需|前提|为准|审批|批准|复核|同意|核准|特批"
    r"|同一"
)
_INNER_STATE = re.compile(r"(?:未|尚未|没有?|已)(?!来|成年)(?P<what>[\u4e00-\u9fff]{2})的(?=[\u4e00-\u9fff])")
# 未提取, 已激活: whoever names the state says the condition
_STATE = re.compile(r"(?:未|没有?|尚未|已经?)(?!来|成年)(?:全部|成功|完全)?(?P<what>[\u4e00-\u9fff]{2})的?$")


@dataclass(frozen=True, slots=True)
class Said:
    """What the sentences of a reply that cite one clause say, and the statements that carry them."""

    sentences: tuple[Unit, ...]
    backing: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Omission:
    """A condition that is not said; `sentence` is the one that says what it limits."""

    condition: str
    sentence: Unit


def left_out(clause: Clause, said: Said) -> Iterator[Omission]:
    """Yield the conditions in `clause` that the sentences resting on it do not say."""
    words = together(unit.wording for unit in said.sentences)
    figures = [figure.quantity for unit in said.sentences for figure in unit.figures]
    for unit in _used(clause, said, words, figures):
        ruled = together(piece.wording for piece in _rulings(unit))
        sentence = max(said.sentences, key=lambda one: covered(ruled, one.wording))
        place = said.sentences.index(sentence)
        near = together(one.wording for one in said.sentences[max(0, place - 1) : place + 2])
        for piece in conditions(unit):
            if not _is_said(unit, piece, near, figures):
                yield Omission(piece.text.strip(" *"), sentence)
            else:
                yield from (Omission(item, sentence) for item in _items(piece) if not _item_said(item, words))
        for piece in _rulings(unit):
            state = _INNER_STATE.search(piece.text)
            if state and not _state_said(state, words):
                yield Omission(state.group(), sentence)


@lru_cache(maxsize=8192)
def conditions(unit: Unit) -> tuple[Piece, ...]:
    """Return the pieces of a statement that limit what it says: 除外, 须, 仅限, a case, a time limit."""
    found = []
    listed = False
    for place, piece in enumerate(unit.pieces):
        text = piece.text.strip(" *")
        if piece.closes in ("：", ":"):
            listed = _CONDITIONS_FOLLOW.search(text) is not None
        elif len(text) >= 3 and _is_condition(unit, place, text, listed):
            found.append(piece)
    return tuple(found)


def _is_condition(unit: Unit, place: int, text: str, listed: bool) -> bool:
    if _APPROVAL.search(text):
        return _NO_APPROVAL.search(text) is None
    if _OURS.search(text):
        return False
    following = unit.pieces[place + 1].text if place + 1 < len(unit.pieces) else ""
    limited = any(f.piece == place and f.quantity.bound for f in unit.figures)
    inserted = place > 0 and unit.pieces[place - 1].closes in ("（", "(")
    if (
        (inserted and limited)
        or (_LIST.search(text) and _LACKING.match(text))
        or _JOINED.match(text)
        or _AFTER.match(text)
        or _TAKEN_OUT.match(following)
    ):
        return True
    if listed or _EXCEPTION.search(text) or _RESTRICTION.search(text) or _REQUIREMENT.search(text):
        return True
    if _CASE.search(text) and following and not _REFERS.search(text):
        return limited or len(unit.pieces[place].wording) >= _CASE_FROM
    timed = any(f.piece == place and f.quantity.bound == "max" for f in unit.figures)
    return timed and (_WINDOW.search(text) is not None or following[:1] in ("且", "并"))


def _used(clause: Clause, said: Said, words: Wording, figures: Sequence[Quantity]) -> Iterable[Unit]:
    """Yield the statements whose ruling is said, and those beside them that narrow them."""
    shares = [_used_share(unit, words, figures) for unit in clause.units]
    shares = [
        share if unit in said.backing or share >= _EVIDENT_FROM else 0.0
        for share, unit in zip(shares, clause.units, strict=True)
    ]
    touched = max(shares, default=0.0) >= _TOUCHED_FROM
    for place, unit in enumerate(clause.units):
        before = max(shares[max(0, place - 1) : place], default=0.0)
        beside = max([before, *shares[place + 1 : place + 2]])
        if (
            shares[place] >= _USED_FROM
            or (before >= _TOUCHED_FROM and _NARROWS.match(unit.text))
            or (beside >= _TOUCHED_FROM and _EXCEPTS.match(unit.text))
            or (touched and _ONCE.match(unit.text))
        ):
            yield unit


def _used_share(unit: Unit, words: Wording, figures: Sequence[Quantity]) -> float:
    """Return how much is said of what a statement rules, or of all of it; one of its figures adds to that."""
    ruled = together(piece.wording for piece in _rulings(unit))
    shared = any(f.same_value(placed.quantity) for f in figures for placed in unit.figures)
    return max(covered(ruled, words), covered(unit.wording, words)) + _FIGURE_ADDS * shared


@lru_cache(maxsize=8192)
def _rulings(unit: Unit) -> Sequence[Piece]:
    """Return the pieces that say what holds; a limit may hold the rule itself: 12小时内可以申请."""
    limits = [p for p in conditions(unit) if _STRICT.search(p.text) or _CASE.search(p.text.strip(" *"))]
    return [piece for piece in unit.pieces if piece not in limits] or unit.pieces


def _is_said(unit: Unit, piece: Piece, words: Wording, figures: Sequence[Quantity]) -> bool:
    """Tell whether a condition is said: its figures, else the word of its state, else enough of its words."""
    wanted = [f.quantity for f in unit.figures if unit.pieces[f.piece] is piece]
    limits = [quantity for quantity in wanted if quantity.bound] or wanted
    share = covered(piece.wording, words)
    if limits:
        if all(any(f.same_bound(w) and (f.same_value(w) or _ends(f, w)) for f in figures) for w in limits):
            after = _AFTER.match(piece.text)
            return after is None or covered(wording(after.group(1)), words) >= _CASE_SAID_FROM
        cell = unit.quote.startswith("|")
        leads = piece is not unit.pieces[-1] and (not cell or _CASE.search(piece.text.strip(" *")))
        # a limit of something that is not said at all limits nothing: another cell of the row
        return not (leads or _STRICT.search(piece.text) or share >= _SAID_FROM)
    approval = _APPROVAL.search(piece.text)
    if approval:
        role = _ROLE.search(piece.text)
        return all(wording(word.group()).pairs <= words.pairs for word in (approval, role) if word)
    state = _STATE.search(piece.text)
    if state:
        return _state_said(state, words)
    excepted = wording(_EXCEPTION.split(piece.text)[0]) if _EXCEPTION.search(piece.text) else piece.wording
    share = min(share, covered(excepted, words)) if excepted.places else share
    required = _REQUIRED.search(piece.text)
    if required and covered(wording(required.group(1)), words) < _CASE_SAID_FROM:
        return False
    marked = _STRICT.search(piece.text)
    return share >= (_SAID_FROM if marked else _CASE_SAID_FROM)


def _state_said(state: re.Match[str], words: Wording) -> bool:
    """Tell whether 未提取 is said, or 没点过提取, or 未选 for 未选择; of 已提取 whether 提取 is."""
    what = state["what"]
    if f"未{what[0]}" in words.pairs or f"已{what[0]}" in words.pairs:
        return True
    if "已" in state.group():
        return wording(what).pairs <= words.pairs
    return any(re.search(f"[未不].*(?:{what}|{what[-1]})", "".join(run)) for run in words.runs)


def _items(piece: Piece) -> list[str]:
    """Return the members of 没有未完成订单、没有未结工单: each is a condition of its own."""
    found = _LIST.search(piece.text)
    items = re.split("[、和及]", piece.text[found.start() :]) if found else _MORE.split(piece.text)
    items = [item.strip(" *") for item in items]
    return [item for item in items if len(item) >= _ITEM_FROM] if len(items) > 1 else []


def _item_said(item: str, words: Wording) -> bool:
    core = wording(_LACKS.sub("", item))
    return not core.places or covered(core, words) >= _ITEM_SAID_FROM


def _ends(said: Quantity, wanted: Quantity) -> bool:
    return said.dimension == wanted.dimension and (said.high == wanted.high or said.low == wanted.low)
