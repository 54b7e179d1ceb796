"""Does a sentence deny what its source affirms, or affirm what it denies? By negated words, no model.

A sentence and its source are cut into rulings, a result with the conditions it stands under: 未提取 → 可以退.
Words are denied, affirmed or undecided in each. A sentence contradicts its source where the ruling most
like one of its own has a word with the other sign, and no ruling as like it has all signs the same.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from kb_assistant.drafting.clauses import Piece, Unit
from kb_assistant.drafting.facts import Quantity
from kb_assistant.drafting.wording import Wording, covered, together, without, wording

_NEGATORS = frozenset("不未免勿无禁别没")
# these deny nothing
_NOT_DENYING = re.compile(r"不[同断便管论仅但久过妨足变间时如等然是只止满]|无[论误间]|未来|非常|免得|别名")
# one character is a whole predicate here: 退 denied by 不退
_VERBS = frozenset("退补换收扣赔")
# what ends in one of these names a thing (订单, 卡密, 时间, 手续), unless it begins with what one does to it
# (下单, 换码, 收费); a thing is affirmed only beside 有 or 收: 有订单, 手续费要收
_THINGS = frozenset("单密费码号券间录品员户额页面数率卡票钱台组格道态权站")
_DOES = frozenset("收扣下退撤换开到延过登充补赔解锁绑改打找缴计限查领用")
_HAS = ("有", "收")
# right behind one of these any character is a predicate: 不能点, 可点
_NO_OBJECT = ("", "后", "前", "时")
_MODALS = frozenset("不可能会")
# characters behind a negator that it denies for sure, what follows in its phrase it may deny: 不得由客服
# 解释; 未 and 没 are said of the verb right behind them
_REACH = {"未": 1, "没": 1}
_USUAL_REACH = 3
_LABELS = ("：", ":")
_LABEL_TO = 6  # characters of a label that only names; a longer one before a colon states
_BARE_LIMIT = 3  # a limit with no more words than this only sets the case: 超过24小时，原批次关闭
_COMPARABLE_FROM = 0.45  # how much of a ruling the source must say around the word to compare the two
_PAIR = 2
_ALONE_FROM = 0.7  # where one pair of characters differs alone, chance may have put 不 before it
_SENTENCE = 0.25  # weight of the whole sentence, the rest is the ruling's
_RESULT = 0.6  # and in it the weight of the result against that of its conditions
_SAME_CASE_FROM = 0.25
_CLEARER_BY = 0.04  # how much better the contrary ruling must fit than one that agrees

_YES_OR_NO = frozenset("不未免非勿无禁别没可能会要已")
# a piece that only sets the case for what follows
_CONDITION = re.compile(
    r"^(?:如|若|凡|除非|.{0,6}(?:如果|只要|要是|一旦|哪怕|万一))(?:(?!就|则|即可|才[能可会]).)*$"
    r"|.*(?:的|的话|时|后|之前|以前|情况下|前提下)[ *]*$"
    r"|^.{0,16}(?:已|已经|未|没|没有|还没)(?!来)[\u4e00-\u9fff]{2,3}[ *]*$"
)
_ASKS = re.compile(r"是否|能否|[吗么]$|多久|怎么|会不会|要不要|有没有")
_HEADER = re.compile(r"^[ *]*(?:能否|是否|可否|能不能|要不要)[\u4e00-\u9fff]{1,8} ")
# what takes something out of a rule; "X除外" names X before it, 不含X behind it
_EXCLUDED = re.compile(
    r"除外|例外|不(?:适用|参[加与]|含|包[括含]|在此列|计入?|算在|打折|享受|受.{0,6}限)|无折扣|没有折扣"
)
_SAME_AS = re.compile(
    r"也一样|也(?:可以?|能|算|会|打|参加|适用|享受|包括|含)|同样|照样|都(?:可以?|能|算|会|参加|适用)|也$"
    r"|参[加与]|包[括含]|适用|享受"
)
_DENIES = re.compile(r"[不未没无免非除]|例外")
_LIMITED = ((re.compile(r"不限|没有?限制|不受限"), re.compile(r"有限(?!公司)|有限制")),)
_SUBJECT_SAID_FROM = 0.75
_SUBJECT_FROM = 3  # characters that a subject needs to tell it from others

Word = str
_SUPPOSED = "如"  # marks a word of a condition


@dataclass(frozen=True, slots=True)
class Signs:
    """What a piece denies and what it affirms; a word in neither is undecided."""

    denied: frozenset[Word]
    affirmed: frozenset[Word]


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """A result with the conditions it stands under, their signs and figures."""

    conditions: tuple[Piece, ...]
    results: tuple[Piece, ...]
    signs: Signs
    figures: tuple[Quantity, ...] = ()


def contradicts(said: Unit, statements: Sequence[Unit]) -> str:
    """Return a word whose negation differs between a sentence and the ruling of its source it resembles.

    Args:
        said: One sentence.
        statements: What its source states.

    Returns:
        The word, for 24小时内不可以退款 beside 24小时内可以退款 and in the other direction; "" where
        they agree. A word that the source does not use, or uses among other words, says nothing.
    """
    sources = [(ruling, statement) for statement in statements for ruling in rulings(statement)]
    for ruling in rulings(said):
        word = _against(ruling, said, sources)
        if word:
            return word
    return _excluded(said, statements)


@lru_cache(maxsize=8192)
def rulings(unit: Unit) -> tuple[Ruling, ...]:
    """Return the rulings of a statement, in order; conditions hold until the next condition."""
    found: list[Ruling] = []
    conditions: list[Piece] = []
    open_condition = False
    limits = {figure.piece for figure in unit.figures if figure.quantity.bound}
    for number, asked in enumerate(unit.pieces):
        piece = _answered(asked)
        if _ASKS.search(piece.text) or not piece.wording.places:
            continue
        sets_case = (
            piece.closes in _LABELS
            or _CONDITION.match(piece.text.strip()) is not None
            or (number in limits and len(piece.wording) <= _BARE_LIMIT)
        )
        if sets_case:
            conditions = [*conditions, piece] if open_condition else [piece]
            open_condition = True
            continue
        found.append(_ruling(unit, conditions, [piece]))
        open_condition = False
    return (*found, _ruling(unit, conditions, [])) if open_condition else tuple(found)


def _named(label: Piece) -> Signs:
    """Return the signs of 部分提取： or 已提取：, which only the latter affirms."""
    signs = _signs(label.wording, True)
    return signs if "已" in label.text or len(label.wording) > _LABEL_TO else Signs(signs.denied, frozenset())


def _answered(piece: Piece) -> Piece:
    """Return a piece without the heading of its column: 能否退款 全额退款 is 全额退款."""
    text = _HEADER.sub("", piece.text)
    return piece if text == piece.text else replace(piece, text=text, wording=wording(text))


def _ruling(unit: Unit, conditions: Sequence[Piece], results: Sequence[Piece]) -> Ruling:
    signs = [
        _named(piece) if piece.closes in _LABELS else _signs(piece.wording, True) for piece in conditions
    ]
    signs += [_signs(piece.wording, False) for piece in results]
    pieces = [*conditions, *results]
    denied = frozenset[str]().union(*(one.denied for one in signs))
    affirmed = frozenset[str]().union(*(one.affirmed for one in signs))
    starts = {piece.start for piece in pieces}
    own = [f.quantity for f in unit.figures if unit.pieces[f.piece].start in starts]
    before = [f.quantity for f in unit.figures if unit.pieces[f.piece].start < max(starts)]
    return Ruling(
        tuple(conditions),
        tuple(results),
        Signs(denied - affirmed, affirmed - denied),
        tuple(own or before[-1:]),
    )


@lru_cache(maxsize=8192)
def _wordings(ruling: Ruling) -> tuple[Wording, Wording, Wording]:
    """Return the wordings of the conditions, of the result and of both, without yes and no."""
    conditions = together(_plain(piece.wording) for piece in ruling.conditions)
    result = together(_plain(piece.wording) for piece in ruling.results)
    return conditions, result, together((conditions, result))


def _against(ruling: Ruling, said: Unit, sources: Iterable[tuple[Ruling, Unit]]) -> str:
    """Return a word that the source denies and the ruling affirms, or the other way round, if one does."""
    contrary: dict[Word, float] = {}
    agreeing: dict[Word, float] = {}
    denied, affirmed = ruling.signs.denied, ruling.signs.affirmed
    for source, statement in sources:
        signs = source.signs
        turned = denied & signs.affirmed | affirmed & signs.denied
        shared = frozenset[Word]() if turned else denied & signs.denied | affirmed & signs.affirmed
        if (not turned and not shared) or _opposed(ruling, source):
            continue
        if turned and (_other_case(ruling, source) or _both_turned(turned)):
            continue
        near = _SENTENCE * _alike(said, statement) + (1 - _SENTENCE) * _likeness(ruling, source)
        if len(turned) == 1 and near < _ALONE_FROM and len(min(turned)) == _PAIR:
            continue
        for word in turned or shared:
            best = contrary if turned else agreeing
            best[word] = max(best.get(word, 0.0), near)
    found = [
        word
        for word, near in contrary.items()
        if near >= _COMPARABLE_FROM and near > agreeing.get(word, 0.0) + _CLEARER_BY
    ]
    return min(found, default="")


@lru_cache(maxsize=8192)
def _alike(said: Unit, statement: Unit) -> float:
    return covered(_plain(said.wording), statement.wording)


def _likeness(ruling: Ruling, source: Ruling) -> float:
    """Return how much of a ruling the other says, its result counting for more than its conditions."""
    there = _wordings(source)[2]
    conditions, result, both = _wordings(ruling)
    if not conditions.places or not result.places:
        return covered(both, there)
    return _RESULT * covered(result, there) + (1 - _RESULT) * covered(conditions, there)


def _other_case(one: Ruling, other: Ruling) -> bool:
    """Tell whether both stand under conditions that have next to nothing in common."""
    case = _wordings(one)[0]
    if not case.places or not other.conditions:
        return False
    return covered(case, _wordings(other)[2]) < _SAME_CASE_FROM


def _both_turned(words: frozenset[Word]) -> bool:
    """Tell whether a condition and a result are turned: 激活了就退不了 beside 未激活可以退."""
    supposed = sum(word.startswith(_SUPPOSED) for word in words)
    return 0 < supposed < len(words)


def _opposed(one: Ruling, other: Ruling) -> bool:
    """Tell whether they stand on different sides of one limit, 24小时内 and 超过24小时."""
    return any(a.same_value(b) and not a.same_bound(b) for a in one.figures for b in other.figures)


def _excluded(said: Unit, statements: Sequence[Unit]) -> str:
    """Return what the source takes out of a rule and the sentence puts in: 话费除外, 话费也一样.

    Also 批数不限 beside 批数有限.
    """
    for piece in said.pieces:
        for other in (piece for statement in statements for piece in statement.pieces):
            for one, turned in _LIMITED:
                if one.search(other.text) and turned.search(piece.text):
                    return turned.pattern
            if not _EXCLUDED.search(other.text) or not _SAME_AS.search(piece.text):
                continue
            if len(_DENIES.findall(piece.text)) >= len(_DENIES.findall(other.text)):
                continue  # it denies as much: 不参加 beside 除外
            subject = _subject(other.text, other.wording)
            if len(subject) >= _SUBJECT_FROM and covered(subject, piece.wording) >= _SUBJECT_SAID_FROM:
                return other.text
    return ""


def _subject(text: str, words: Wording) -> Wording:
    """Return the wording of a piece without what says that it is an exception."""
    said = without(words, frozenset("除外例不适用参加与含包括计入算打折享受等级"))
    return said if text else words


@lru_cache(maxsize=8192)
def _plain(words: Wording) -> Wording:
    """Return `words` without what says yes or no."""
    return without(words, _YES_OR_NO)


@lru_cache(maxsize=8192)
def _signs(words: Wording, condition: bool) -> Signs:
    """Return the signs of a piece; words of a condition are marked, they are none of a result."""
    denied: set[Word] = set()
    affirmed: set[Word] = set()
    for word, sign, supposed in _words(words):
        if sign != "undecided":
            where = denied if sign == "denied" else affirmed
            where.add(_SUPPOSED + word if condition or supposed else word)
    return Signs(frozenset(denied - affirmed), frozenset(affirmed - denied))


def _words(words: Wording) -> Iterator[tuple[Word, str, bool]]:
    """Yield the words of a piece with their sign, and whether 的 or 就 behind them makes them a condition.

    Undecided is what stands before a negator of its phrase, or too far behind it to tell.
    """
    carried = 0
    has = any(
        atom in _HAS and "到" not in run[at + 1 : at + 2] for run in words.runs for at, atom in enumerate(run)
    )
    parted = max((n for n, gaps in enumerate(words.gaps) if 3 in gaps), default=-1)
    denying = max(
        (
            n
            for n, (run, gaps) in enumerate(zip(words.runs, words.gaps, strict=True))
            if any(_denies(run, gaps, p) for p in range(len(run)))
        ),
        default=-1,
    )
    for number, (run, gaps) in enumerate(zip(words.runs, words.gaps, strict=True)):
        condition_to = len(run) if number < parted else _last(gaps, 3) if number == parted else 0
        last = max((place for place in range(len(run)) if _denies(run, gaps, place)), default=-1)
        if number < denying:  # 登录、付款都不影响
            last = len(run)
        since, reach = _USUAL_REACH, carried  # 不得以红包、退款换取: the list is not affirmed
        for place, atom in enumerate(run):
            following = run[place + 1] if place + 1 < len(run) and not gaps[place + 1] else ""
            if _denies(run, gaps, place):
                since, reach = -1, _REACH.get(atom, _USUAL_REACH)
                continue
            since += 1
            if (
                atom == "已"
                or gaps[place] == 3
                or (gaps[place] == 2 and since > 0)
                or (atom == "可" and since > 0)
            ):
                reach = 0
            sign = "affirmed" if not reach else "denied" if since < reach else "undecided"
            before = run[place - 1] if place else ""
            if sign == "affirmed" and before != "已" and place < last and not _ended(gaps, place, last):
                sign = "undecided"
            behind = before in _MODALS and not gaps[place]
            if (atom in _VERBS and (behind or following in _NO_OBJECT)) or (behind and not following):
                yield atom, sign, place < condition_to
            if not following or following in _NEGATORS or atom in _NEGATORS:
                continue
            if sign != "affirmed" or has or not _names(run, place):
                yield atom + following, sign, place < condition_to
        carried = reach if reach == _USUAL_REACH else 0


def _names(run: Sequence[str], place: int) -> bool:
    """Tell whether a thing stands there, or its end: 手续 and 续费 of 手续费."""
    places = range(max(0, place - 1), min(len(run) - 1, place + 2))
    return run[place] not in _DOES and any(run[at + 1] in _THINGS and run[at] not in _DOES for at in places)


def _last(gaps: Sequence[int], gap: int) -> int:
    return max((place for place, there in enumerate(gaps) if there == gap), default=0)


def _denies(run: Sequence[str], gaps: Sequence[int], place: int) -> bool:
    """Tell whether the character there is a negator, and not part of a word such as 不同 or 除非."""
    if run[place] not in _NEGATORS or (place and run[place - 1] in "除避以难"):
        return False
    return place + 1 < len(run) and (
        gaps[place + 1] > 0 or not _NOT_DENYING.match(run[place] + run[place + 1])
    )


def _ended(gaps: Sequence[int], place: int, negator: int) -> bool:
    """Tell whether a phrase ends between a word and the negator behind it: 已提取的不退."""
    return 3 in gaps[place + 1 : negator + 1]
