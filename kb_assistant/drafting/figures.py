"""The verdict on each figure of a sentence: against the clauses that sentence cites, value and subject."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kb_assistant.drafting.clauses import Clause, PlacedFigure, Unit, read_unit
from kb_assistant.drafting.facts import Quantity, find_quantities
from kb_assistant.drafting.siblings import Siblings, named_in
from kb_assistant.drafting.text import Span, split_sentences
from kb_assistant.drafting.wording import covered
from kb_assistant.types import Figure, FigureVerdict

# what tells whether a source speaks of the same thing: the sentence around, the piece that the figure
# stands in, what the source says right beside it, and the figures said beside it (满5万元 of 满5万元是
# 94折); the weights were fitted on replies
_AROUND, _PIECE, _NEAR, _COMPANIONS = 0.4, 0.2, 0.4, 0.3
# how much better another figure of the clause must fit what is said around this one before this one is
# called the wrong one of the two
_RIVAL_FITS_BETTER = 0.2
_RIVAL_BESIDE = 0.3  # where both stand in one statement
_AS_CLOSE = 0.2  # how far behind the best a source may fit and still be one of those that are meant
_DISAGREES_FROM = 0.6  # a source that fits so well outweighs what the customer or the agent said
_TURNED_BY = 0.05  # how much better an opposite bound must fit
_BOUND_SAID = 0.05  # a source that sets a bound is preferred by so much to one that sets none
# what turns a limit round: 超过30天不受理 is 30天内受理
_DENIES = re.compile(r"不(?![限论管超足满到少多低高同影])|无权|拒绝|禁止|失效|作废")
_ALLOWS = re.compile(r"可|能|解开|解绑|申请|提出|受理|退|保留|有效")
_LEADS = re.compile(r"(?:的|的话|时|后|以后|之后)[ *]*$")
_PER = frozenset(("一分钟", "一小时", "一个小时", "一天", "一日", "一周", "一个月", "一年"))
_RATE = re.compile(r"(?:之?内)?的?(?:累计|充值|提现)?(?:最多|最高|累计|上限|限额|限|只能|可以|能|\d)|都")
# durations, times and rates are a rule's; amounts and counts may be worked out from the customer's
_RULED_ONLY = frozenset(["second", "workday", "month", "clock", "date", "service", "percent", "code"])
_PORTIONS = frozenset("批份次笔组")
# a number without its unit: 充了100，扣100
_BARE = re.compile(
    r"(?<![\d.,:A-Za-z-])\d{1,7}(?:\.\d{1,2})?"
    r"(?![\d.,:%A-Za-z-]|[ ]?[年月日号天点时分秒折周个小工张次单笔台条级星位人份行页倍项批件字档])"
)
_TODAY = re.compile(r"[当今][天日早晚晨]")
_DAY = 1440.0  # minutes
_COUNTS_WORDS = frozenset("条件样个位项点步笔句遍")


@dataclass(frozen=True, slots=True)
class _Candidate:
    number: int
    clause: Clause
    figure: PlacedFigure
    unit: Unit
    fit: float


def judge_figures(
    span: Span,
    numbers: Sequence[int],
    clauses: Mapping[int, Clause],
    *,
    siblings: Siblings = (),
    stated: Sequence[str] = (),
) -> list[Figure]:
    """Return the figures of a sentence with their verdicts.

    A figure is supported if a cited clause has its value, in that dimension and with no opposite bound,
    said of the same thing. It is contradicted where the clause says another value of that thing, and
    unsupported where it says none.

    Args:
        span: The sentence in its text; offsets of the result refer to the text.
        numbers: The clauses it cites.
        clauses: The clause behind each number; a sentence that cites none may repeat what any of them says.
        siblings: Groups of names that exclude each other; 铂金's figure is none of 黄金's.
        stated: What the agent or the customer said; a figure may rest on it where no clause disagrees.

    Returns:
        One figure each, in order.
    """
    sentence = read_unit(span.text)
    cited = [(n, clauses[n]) for n in numbers if n in clauses]
    judged = [_judge(span, sentence, figure, cited, siblings, stated) for figure in sentence.figures]
    if not numbers:  # courtesy may name what a clause of the reply says
        said = [_judge(span, sentence, f, list(clauses.items()), siblings, stated) for f in sentence.figures]
        judged = [
            there if there and there.verdict == "supported" else one
            for one, there in zip(judged, said, strict=True)
        ]
    return [figure for figure in judged if figure is not None]


def _judge(
    span: Span,
    sentence: Unit,
    said: PlacedFigure,
    cited: Sequence[tuple[int, Clause]],
    siblings: Siblings,
    stated: Sequence[str],
) -> Figure | None:
    candidates = list(_candidates(sentence, said, cited, siblings))
    same = [c for c in candidates if _same_amount(said, c.figure.quantity)]
    elsewhere = [f.quantity for f in sentence.figures if f is not said]
    rival = max(
        (
            c
            for c in candidates
            if not _same_amount(said, c.figure.quantity)
            and not any(c.figure.quantity.same_value(other) for other in elsewhere)
        ),
        key=lambda c: c.fit,
        default=None,
    )
    if not same:
        return _without_source(span, said, rival, bool(candidates), cited, stated)
    best = max(same, key=lambda c: c.fit)
    source = _agreeing(sentence, said, [c for c in same if c.fit >= best.fit - _AS_CLOSE])
    if source is None:
        return _figure(span, said, "contradicted", best)
    if rival is not None and not _crowded(sentence, said) and rival.fit > best.fit + _margin(rival, best):
        return _figure(span, said, "contradicted", rival)
    return _figure(span, said, "supported", source)


def _margin(rival: _Candidate, best: _Candidate) -> float:
    return _RIVAL_BESIDE if rival.unit is best.unit else _RIVAL_FITS_BETTER


def _without_source(
    span: Span,
    said: PlacedFigure,
    rival: _Candidate | None,
    measured: bool,
    cited: Sequence[tuple[int, Clause]],
    stated: Sequence[str],
) -> Figure | None:
    if _says_no_amount(span.text, said.quantity, measured):
        return None
    counts = said.quantity.dimension not in _RULED_ONLY
    if counts and said.quantity.text[0] == "一" and any(said.quantity.text in c.chunk.text for _, c in cited):
        return None  # 降一级: no figure there, none here
    phrase = None
    if counts and not said.quantity.bound:  # a limit is a rule's own
        phrase = _worked_out(said, cited, stated, alone=rival is None or rival.fit < _DISAGREES_FROM)
    if phrase is None and (rival is None or rival.fit < _DISAGREES_FROM):
        phrase = _stated(said, stated)
    if phrase is not None:
        return _figure(span, said, "supported", phrase=phrase)
    return _figure(span, said, "contradicted" if rival else "unsupported", rival)


def _candidates(
    sentence: Unit, said: PlacedFigure, cited: Sequence[tuple[int, Clause]], siblings: Siblings
) -> Iterator[_Candidate]:
    """Yield the figures of the cited clauses that measure the same thing, with how well they fit.

    Fit is how much of what stands around the figure, and of the whole sentence, the source says there.
    A figure of a sibling is none: of 黄金 where the sentence speaks of 铂金.
    """
    others = [f for f in sentence.figures if f is not said and f.quantity.dimension != "code"]
    beside = [f for f in others if f.piece == said.piece] or others
    for number, clause in cited:
        for unit in clause.units:
            figures = [f for f in unit.figures if f.quantity.dimension == said.quantity.dimension]
            if not figures:
                continue
            around = covered(sentence.wording, unit.wording, clause.about)
            piece = covered(sentence.pieces[said.piece].wording, unit.wording, clause.about)
            fit = _AROUND * around + _PIECE * piece + _COMPANIONS * _share_said(beside, unit)
            for figure in figures:
                if _of_sibling(sentence, said, clause, unit, figure, siblings):
                    continue
                near = covered(said.near, figure.near, figure.label) if said.near.runs else around
                yield _Candidate(number, clause, figure, unit, fit + _NEAR * near)


def _share_said(figures: Sequence[PlacedFigure], unit: Unit) -> float:
    """Return the share of `figures` that `unit` says, too."""
    found = [any(f.quantity.same_value(g.quantity) for g in unit.figures) for f in figures]
    return sum(found) / len(found) if found else 0.0


def _of_sibling(
    sentence: Unit, said: PlacedFigure, clause: Clause, unit: Unit, figure: PlacedFigure, siblings: Siblings
) -> bool:
    """Tell whether the nearest names around both figures exclude each other."""
    for group in siblings:
        named = _nearest_name(group, said.part, sentence.pieces[said.piece].text, sentence.text)
        if not named:
            continue
        meant = _nearest_name(
            group,
            figure.part,
            unit.pieces[figure.piece].text,
            unit.text,
            clause.chunk.heading,
            clause.chunk.title,
        )
        if meant and not named & meant:
            return True
    return False


def _nearest_name(group: frozenset[str], *places: str) -> frozenset[str]:
    return next((names for place in places if (names := named_in(place, group))), frozenset())


def _same_amount(figure: PlacedFigure, source: Quantity) -> bool:
    """Tell whether both say the same; 10分钟以内 is also the upper end of 30秒至10分钟."""
    said = figure.quantity
    if said.same_value(source) or (_same_hour(said, source) and not _TODAY.search(figure.part)):
        return True
    if said.dimension != source.dimension or said.low != said.high or source.low == source.high:
        return False
    return (said.bound == "max" and said.high == source.high) or (
        said.bound == "min" and said.low == source.low
    )


def _same_hour(said: Quantity, source: Quantity) -> bool:
    """Tell whether a reply that names no day means the same time of day: 早上9:00 and 次日 9:00."""
    moved = (said.low + _DAY, said.high + _DAY)
    return said.dimension == source.dimension == "clock" and (source.low, source.high) == moved


def _agreeing(sentence: Unit, said: PlacedFigure, same: Sequence[_Candidate]) -> _Candidate | None:
    """Return the best of the sources whose bound agrees; None if one with the opposite bound fits better."""
    best, agreed = None, 0.0
    against: list[_Candidate] = []
    denied, allowed = _holds(sentence, said)
    for candidate in same:
        fit = candidate.fit
        bound = candidate.figure.quantity.bound
        if not bound or not said.quantity.bound:
            fit -= _BOUND_SAID
        else:
            there, allowed_there = _holds(candidate.unit, candidate.figure)
            # 30天内受理 beside 超过30天不受理
            turned = (there and allowed and not denied) or (denied and allowed_there and not there)
            if candidate.figure.quantity.same_bound(said.quantity) == turned:
                against.append(candidate)
                continue
        if best is None or fit > agreed:
            best, agreed = candidate, fit
    if best is None or all(c.fit <= agreed + _TURNED_BY or c.unit is best.unit for c in against):
        return best
    return None


def _holds(unit: Unit, figure: PlacedFigure) -> tuple[bool, bool]:
    """Tell whether something is denied, and allowed, at a limit: behind it, or after 的 in the next piece."""
    if unit.text.endswith(("？", "?")):
        return False, False
    piece = unit.pieces[figure.piece]
    what = unit.text[figure.quantity.end : piece.end]
    if piece.closes in ("：", ":") or _LEADS.search(what):
        what += "".join(after.text for after in unit.pieces[figure.piece + 1 : figure.piece + 2])
    return _DENIES.search(what) is not None, _ALLOWS.search(what) is not None


def _crowded(sentence: Unit, said: PlacedFigure) -> bool:
    """Tell whether another figure of its kind stands in the same piece, so that nothing tells them apart."""
    others = [f for f in sentence.figures if f.quantity.dimension == said.quantity.dimension]
    return sum(figure.piece == said.piece and figure.part == said.part for figure in others) > 1


def _says_no_amount(sentence: str, quantity: Quantity, rivals: bool) -> bool:
    """Tell whether the figure only counts what is being said (两件事, 后四位), or names a rate (一天最多)."""
    if quantity.dimension == "code":
        return not rivals
    if quantity.dimension == "次" and (quantity.text[0] == "一" or sentence[: quantity.start].endswith("第")):
        return True
    if quantity.dimension in _COUNTS_WORDS and (not rivals or quantity.text[0] == "一"):
        return quantity.text[0] in "一两二三四五六"
    return quantity.text in _PER and _RATE.match(sentence, quantity.end) is not None


def _stated(said: PlacedFigure, stated: Sequence[str]) -> str | None:
    """Return the words of the customer or the agent that say a figure, if any: 充了100 says 100元."""
    figure = said.quantity
    for text in stated:
        for quantity in find_quantities(text):
            if quantity.same_value(figure):
                return _sentence_around(text, quantity.start)
        if figure.dimension not in _RULED_ONLY and figure.low == figure.high and not figure.bound:
            for bare in _BARE.finditer(text):
                if float(bare.group()) == figure.low:
                    return _sentence_around(text, bare.start())
    return None


def _worked_out(
    said: PlacedFigure, cited: Sequence[tuple[int, Clause]], stated: Sequence[str], *, alone: bool
) -> str | None:
    """Return the message a figure is worked out from.

    1% of 300元 is 3元; where it stands `alone`, with no figure of a clause fitting its place, also what 60元
    leave of 100元 and the 3批 of 900张 at 300张 a time.
    """
    figure = said.quantity
    if figure.low != figure.high:
        return None
    ruled = [f.quantity for _, clause in cited for unit in clause.units for f in unit.figures]
    for text in stated:
        found = find_quantities(text)
        bare = [float(number.group()) for number in _BARE.finditer(text)]
        own = [*bare, *(q.low for q in found if q.dimension == figure.dimension)]
        rates = [q.low / 100 for q in ruled if q.dimension == "percent"]
        results = [amount * part for amount in own for rate in rates for part in (rate, 1 - rate)]
        if alone:
            less = own if figure.dimension in ("yuan", "次") else [*own, 1.0]
            results += [abs(a - b) for a in less for b in less]
        if alone and figure.dimension in _PORTIONS:
            limits = [(q.low, q.dimension) for q in ruled if q.low > 1]
            amounts = [(q.low, q.dimension) for q in found]
            results += [math.ceil(a / b) for a, of in amounts for b, what in limits if of == what]
        if any(math.isclose(result, figure.low, abs_tol=0.005) for result in results):
            return text
    return None


def _sentence_around(text: str, at: int) -> str:
    return next((s.text for s in split_sentences(text) if s.start <= at < s.end), text)


def _figure(
    span: Span,
    said: PlacedFigure,
    verdict: FigureVerdict,
    source: _Candidate | None = None,
    phrase: str | None = None,
) -> Figure:
    quantity = said.quantity
    there = source.figure.quantity if source and verdict == "contradicted" else None
    return Figure(
        text=quantity.text,
        start=span.start + quantity.start,
        end=span.start + quantity.end,
        verdict=verdict,
        citation=source.number if source else None,
        source_text=source.unit.quote if source else phrase,
        source_figure=there.text if there and not there.same_value(quantity) else None,
    )
