"""The adversary: replies made wrong on purpose, to count what a check of them catches.

`corrupt` takes a reply that is right and returns copies of it, each with one thing in it made wrong
in the way agents and language models get it wrong: another number, another unit, a turned bound, a
lost condition, a borrowed promise … It knows nothing of the checker, uses only the standard library,
and guards with simple rules of its own against changes that would still be true.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Any

PER_KIND = 4  # corruptions of one kind taken from one reply, so that no reply outweighs the others


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of the manual, a FAQ answer or a ticket, as it can be cited."""

    chunk_id: str
    document_id: str
    title: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Corruption:
    """A reply with one thing made wrong; `text[start:end]` is what changed or the sentence concerned."""

    kind: str
    text: str
    citations: Mapping[int, str]
    start: int
    end: int
    note: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a reply with the numbers it cites."""

    start: int
    end: int
    text: str
    markers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit; equal `key`s mean the same: 一天 and 24小时, 两块 and 2元."""

    start: int
    end: int
    number: str
    number_start: int
    unit: str
    value: float
    key: tuple[str, float]
    low: tuple[str, float] | None  # the first number of a range, 1 of 1至3个工作日


@dataclass(frozen=True, slots=True)
class _Reply:
    question: str
    text: str
    citations: Mapping[int, str]
    clauses: Mapping[int, str]
    sentences: tuple[Sentence, ...]
    siblings: Sequence[Clause]
    rng: Random

    def cited(self, sentence: Sentence) -> str:
        return "\n".join(self.clauses[n] for n in sentence.markers if n in self.clauses)

    def factual(self) -> list[Sentence]:
        return [sentence for sentence in self.sentences if self.cited(sentence)]

    def all_clauses(self) -> str:
        return "\n".join(self.clauses[n] for n in sorted(self.clauses))


def corrupt(
    reply: Mapping[str, Any], clauses: Mapping[int, str], siblings: Sequence[Clause], rng: Random
) -> list[Corruption]:
    """Return corruptions of `reply`, at most `PER_KIND` of each kind, in the order of `KINDS`.

    Args:
        reply: A row with `text` (`[n]` before the closing mark of a sentence), `citations` (rows of
            `n` and `chunk_id`) and `question`.
        clauses: Text of the clause behind each `n`; a sentence without one is left alone.
        siblings: Clauses that may be cited or quoted instead, those of `reply` among them.
        rng: The only source of chance; one seed gives one list.

    Returns:
        Texts that differ from the reply in one place, or cite otherwise.
    """
    context = _Reply(
        question=str(reply.get("question", "")),
        text=reply["text"],
        citations={int(row["n"]): row["chunk_id"] for row in reply["citations"]},
        clauses=clauses,
        sentences=tuple(split_sentences(reply["text"])),
        siblings=siblings,
        rng=rng,
    )
    corruptions: list[Corruption] = []
    for kind, make in KINDS.items():
        made: dict[tuple[str, tuple[tuple[int, str], ...]], Corruption] = {}
        for text, citations, start, end, note in make(context):
            if text != context.text or citations != context.citations:
                made.setdefault(
                    (text, tuple(sorted(citations.items()))),
                    Corruption(kind, text, citations, start, end, note),
                )
        corruptions += _spread(list(made.values()), rng)
    return corruptions


def _spread(made: list[Corruption], rng: Random) -> list[Corruption]:
    """Return up to PER_KIND of `made`, of different places before several of one place."""
    rng.shuffle(made)
    seen: dict[int, int] = {}
    ranked = []
    for corruption in made:
        seen[corruption.start] = seen.get(corruption.start, -1) + 1
        ranked.append((seen[corruption.start], corruption))
    ranked.sort(key=lambda pair: pair[0])
    return [corruption for _, corruption in ranked[:PER_KIND]]


# --- sentences and words -------------------------------------------------------------------------

_SENTENCE = re.compile(r"[^。！？!?\n]*(?:[。！？!?]+[”’\"」』）)]*(?:\[\d+\])*|\n|$)")
_MARKER = re.compile(r"\[(\d+)\]")
_CLOSING = '。！？!?”’"」』）) \n'


def split_sentences(text: str) -> list[Sentence]:
    """Return the sentences of `text`, blank ones left out; lines end sentences too."""
    sentences = []
    for match in _SENTENCE.finditer(text):
        whole = match.group()
        start = match.start() + len(whole) - len(whole.lstrip())
        body = whole.strip()
        if body:
            markers = tuple(dict.fromkeys(int(n) for n in _MARKER.findall(body)))
            sentences.append(Sentence(start, start + len(body), body, markers))
    return sentences


@lru_cache(maxsize=20_000)
def bigrams(text: str) -> frozenset[str]:
    """Return the pairs of neighbouring letters, markers, marks and spaces left out."""
    plain = re.sub(r"\W|_", "", unicodedata.normalize("NFKC", _MARKER.sub("", text))).lower()
    return frozenset(a + b for a, b in pairwise(plain))


def shared(part: str, whole: str) -> float:
    """Return the share of the bigrams of `part` that are in `whole`, 0 for a `part` without any."""
    pairs = bigrams(part)
    return len(pairs & bigrams(whole)) / len(pairs) if pairs else 0.0


# --- figures -------------------------------------------------------------------------------------

_SECONDS = {"秒": 1, "分钟": 60, "小时": 3600, "天": 86400, "日": 86400, "周": 604800}
_MONTHS = {"个月": 1, "年": 12}
_SAME_UNIT = {"个小时": "小时", "秒钟": "秒", "个自然日": "天", "自然日": "天", "星期": "周", "个星期": "周"}
_SAME_UNIT |= {"个工作日": "工作日", "块钱": "元", "块": "元", "％": "%"}
_UNITS = (
    "个工作日|工作日|个自然日|自然日|个小时|小时|分钟|秒钟|秒|个星期|星期|个月|天|日(?=内|以内|之内|后)|周|"
    "年(?![级前卡度会])|元|块钱|块|%|％|折|张|次|笔|台|条|位|倍|单(?!笔|日|次|号|个|独)"
)
_DIGITS = "0-9０-９"
_HAN = "零〇一二两三四五六七八九十百千万"
_NUMBER = rf"(?:[{_DIGITS}]{{1,3}}(?:,[{_DIGITS}]{{3}})+|[{_DIGITS}]+(?:[.．][{_DIGITS}]+)?|[{_HAN}]+|半)"
_FIGURE = re.compile(
    rf"(?<![A-Za-z\-.．第/:：{_DIGITS}{_HAN}])(?:(?P<low>{_NUMBER})\s?(?:至|到|~|～|-|–|—)\s?)?"
    rf"(?P<number>{_NUMBER})\s?(?P<unit>{_UNITS})"
    rf"|百分之(?P<percent>{_NUMBER})"
)


def find_figures(text: str) -> list[Figure]:
    """Return the figures of `text` in order; codes, dates, ordinals and idioms (一下) are none."""
    figures = []
    for match in _FIGURE.finditer(text):
        name = "percent" if match["percent"] else "number"
        number, unit = match[name], match["unit"] or "%"
        value = _value(number, unit)
        if value is None or (unit == "年" and value > 1000) or (number, unit) == ("二", "次"):
            continue  # 2026年; 二次验证
        low = _value(match["low"], unit) if match["low"] else None
        figures.append(
            Figure(
                start=match.start(),
                end=match.end(),
                number=number,
                number_start=match.start(name),
                unit=unit,
                value=value,
                key=_key(value, unit),
                low=None if low is None else _key(low, unit),
            )
        )
    return figures


def figure_keys(text: str) -> set[tuple[str, float]]:
    """Return what the figures of `text` mean, both ends of ranges."""
    figures = find_figures(text)
    return {figure.key for figure in figures} | {figure.low for figure in figures if figure.low}


def _key(value: float, unit: str) -> tuple[str, float]:
    unit = _SAME_UNIT.get(unit, unit)
    if unit in _SECONDS:
        return "time", round(value * _SECONDS[unit], 3)
    if unit in _MONTHS:
        return "months", round(value * _MONTHS[unit], 3)
    return unit, round(value, 4)


def _value(number: str, unit: str) -> float | None:
    plain = unicodedata.normalize("NFKC", number).replace(",", "")
    value = float(plain) if re.fullmatch(r"\d+(\.\d+)?", plain) else _chinese_value(plain)
    if value is not None and unit == "折" and value > 10:
        value /= 10  # 95折 and 九五折 are 9.5
    return value


def _chinese_value(number: str) -> float | None:
    if number == "半":
        return 0.5
    digits = {han: value for value, han in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
    if len(number) > 1 and all(han in digits for han in number):
        return float("".join(str(digits[han]) for han in number))
    total = section = digit = 0
    for han in number:
        if han in digits:
            digit = digits[han]
        elif han == "万":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        else:
            section, digit = section + (digit or 1) * {"十": 10, "百": 100, "千": 1000}[han], 0
    return float(total + section + digit)


def _chinese(value: int) -> str:
    names, text = "零一二三四五六七八九", ""
    for size, name in ((10_000, "万"), (1000, "千"), (100, "百"), (10, "十")):
        digit, value = divmod(value, size)
        if digit:
            text += (_chinese(digit) if digit > 9 else names[digit]) + name
        elif text and value and not text.endswith("零"):
            text += "零"
    text = (text + (names[value] if value else "")) or "零"
    return text[1:] if text.startswith("一十") else text


def _written(value: float, like: Figure, style: str) -> str | None:
    """Return `value` in digits, Chinese numerals or full-width digits; None where it cannot be."""
    plain = f"{value:g}" if value < 1_000_000 else str(int(value))
    if style == "chinese":
        if like.unit == "折" and value != int(value):
            return "".join(_chinese(int(digit)) for digit in plain if digit != ".")
        if value != int(value) or value > 99_999:
            return None
        return "两" if value == 2 and like.unit not in ("%", "％", "折", "位") else _chinese(int(value))
    if "," in like.number and value >= 1000:
        plain = f"{int(value):,}"
    return (
        plain.translate({ord("0") + n: chr(ord("０") + n) for n in range(10)}) if style == "full" else plain
    )


def _style(number: str) -> str:
    if re.search("[０-９]", number):
        return "full"
    return "digits" if re.match(r"\d", number) else "chinese"


def _misquoted(reply: _Reply, sentence: Sentence) -> list[Figure]:
    """Return the figures of `sentence` that its clauses carry, so that another would be wrong."""
    known = figure_keys(reply.cited(sentence))
    asked = figure_keys(reply.question)
    return [
        figure
        for figure in find_figures(sentence.text)
        if figure.key in known
        and not (figure.key in asked and figure.key[0] in ("元", "张", "笔", "单"))  # the customer's own
        and not _idiom(sentence.text, figure)
    ]


def _idiom(text: str, figure: Figure) -> bool:
    """Tell whether the number only says 'a' or 'the last': 核对一次, 再发一张, 上一年."""
    before = text[max(0, figure.start - 6) : figure.start]
    if figure.number not in ("一", "1"):
        return False
    if before.endswith(tuple("上这那前头近统每")):
        return True
    if figure.unit in ("张", "笔", "台", "条", "位", "单", "天"):
        return not re.search("[只仅限]", before)
    return figure.unit == "次" and not re.search("[只仅限多满可同]", before)


Made = tuple[str, Mapping[int, str], int, int, str]


def _replaced(reply: _Reply, start: int, end: int, new: str, note: str) -> Made:
    return reply.text[:start] + new + reply.text[end:], reply.citations, start, start + len(new), note


# --- 1 and 2: another number, another unit -------------------------------------------------------

_LADDERS: Mapping[str, tuple[float, ...]] = {
    "秒": (10, 15, 30, 60, 90, 120),
    "分钟": (2, 3, 5, 10, 15, 20, 30, 45, 60, 90),
    "小时": (1, 2, 3, 4, 6, 8, 12, 24, 36, 48, 72),
    "天": (1, 2, 3, 5, 7, 10, 14, 15, 20, 30, 45, 60, 90, 120, 180, 365),
    "工作日": (1, 2, 3, 5, 7, 10, 15),
    "%": (0.5, 1, 2, 3, 5, 8, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90),
    "折": (7, 7.5, 8, 8.5, 8.8, 9, 9.2, 9.3, 9.5, 9.7, 9.8),
    "元": tuple(step * 10**zeros for zeros in range(5) for step in (1, 1.5, 2, 3, 5, 8)),
}
_COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 300, 500, 800, 1000)


def _figure_changed(reply: _Reply) -> Iterator[Made]:
    everything, said = figure_keys(reply.all_clauses()), figure_keys(reply.text)
    for sentence in reply.factual():
        for figure in _misquoted(reply, sentence):
            value, label = _borrowed(reply, sentence, figure, said), "swap: elsewhere in the clause"
            if value is None or reply.rng.random() < 0.15:
                value, label = _neighbour(figure, everything, reply.rng), "another number"
            if value is None:
                continue
            style = reply.rng.choice([_style(figure.number)] * 7 + ["chinese", "chinese", "full"])
            new = _written(value, figure, style) or _written(value, figure, "digits")
            start = sentence.start + figure.number_start
            end = start + len(figure.number)
            was, now = reply.text[start:end] + figure.unit, f"{new}{figure.unit}"
            yield _replaced(reply, start, end, str(new), f"{label}: {was}→{now}")


def _neighbour(figure: Figure, everything: set[tuple[str, float]], rng: Random) -> float | None:
    """Return a number near `figure`'s on the scale of its unit that no cited clause carries."""
    ladder = _LADDERS.get(_SAME_UNIT.get(figure.unit, figure.unit), _COUNTS)
    floor = figure.low[1] if figure.low else float("-inf")
    open_to = [
        value
        for value in ladder
        if _key(value, figure.unit) not in everything and _key(value, figure.unit)[1] > floor
    ]
    near = sorted(open_to, key=lambda value: abs(_log_ratio(value, figure.value)))[:3]
    return rng.choice(near) if near else None


def _log_ratio(value: float, other: float) -> float:
    return max(value, other) / max(min(value, other), 0.01)


def _borrowed(
    reply: _Reply, sentence: Sentence, figure: Figure, said: set[tuple[str, float]]
) -> float | None:
    """Return another subject's number of the same clause and unit: the hardest to notice.

    Not one that stands beside the right one in a list (30元、50元), in a line that fits the sentence
    better than the right line does, or anywhere else in the reply.
    """
    clause = reply.cited(sentence)
    lines = [line for line in re.split(r"[\n。；;]", clause) if line.strip()]
    bare = _without_figures(sentence.text)

    def fit(key: tuple[str, float]) -> float:
        return max(shared(bare, _without_figures(line)) for line in lines if key in figure_keys(line))

    others = {}
    for other in find_figures(clause):
        same_unit = _SAME_UNIT.get(other.unit, other.unit) == _SAME_UNIT.get(figure.unit, figure.unit)
        if same_unit and other.key != figure.key and other.key not in said and figure.low is None:
            others[other.key] = other.value
    own = fit(figure.key)
    right = [
        value
        for key, value in others.items()
        if not _listed_together(clause, figure.key, key) and fit(key) <= own
    ]
    return reply.rng.choice(right) if right else None


def _without_figures(text: str) -> str:
    for figure in reversed(find_figures(text)):
        text = text[: figure.start] + text[figure.end :]
    return text


def _listed_together(clause: str, key: tuple[str, float], other: tuple[str, float]) -> bool:
    for left, right in pairwise(find_figures(clause)):
        beside = re.fullmatch(r"[、/或和及至到~\-—\s]{0,3}", clause[left.end : right.start])
        if {left.key, right.key} == {key, other} and beside:
            return True
        if other == right.low and key == right.key:
            return True
    return False


_MOST = {"秒": 120, "分钟": 120, "小时": 72, "天": 90, "个工作日": 15, "周": 8, "个月": 24, "年": 5, "%": 100}
_OTHER_UNITS: Mapping[str, tuple[str, ...]] = {
    "秒": ("分钟", "小时"),
    "分钟": ("小时", "秒", "天"),
    "小时": ("天", "分钟", "个工作日"),
    "天": ("个工作日", "小时", "周", "个月"),
    "工作日": ("小时", "天", "周"),
    "周": ("天", "个月"),
    "个月": ("天", "年", "周"),
    "年": ("个月", "天"),
    "元": ("%",),
    "%": ("元",),
    "张": ("元",),
    "笔": ("元",),
}


def _unit_changed(reply: _Reply) -> Iterator[Made]:
    everything = figure_keys(reply.all_clauses())
    for sentence in reply.factual():
        for figure in _misquoted(reply, sentence):
            if not sentence.text[figure.start : figure.end].endswith(figure.unit):
                continue  # 百分之三
            for unit in _OTHER_UNITS.get(_SAME_UNIT.get(figure.unit, figure.unit), ()):
                too_much = figure.value > _MOST.get(unit, 10_000) or (unit == "%" and figure.value < 2)
                half = figure.number == "半" and unit in ("分钟", "秒", "个工作日", "个月", "周")
                if too_much or half or _key(figure.value, unit) in everything:
                    continue
                start, end = sentence.start + figure.number_start, sentence.start + figure.end
                tail = reply.text[end : end + 3]
                if unit in ("天", "周", "个月") and re.match(r"[仅可只]|不够", tail):
                    continue
                yield _replaced(
                    reply, start, end, figure.number + unit, f"{reply.text[start:end]}→{figure.number}{unit}"
                )


def _table(rows: str) -> dict[str, tuple[str, ...]]:
    """Read "word→other|another word→other" into a mapping."""
    return {word: tuple(others.split("|")) for word, others in (row.split("→") for row in rows.split())}


# --- 3: bounds -----------------------------------------------------------------------------------

_BEFORE = _table(
    """
    不超过→至少|超过 不超→至少 不多于→不少于 不高于→不低于 不少于→不超过 不低于→不超过
    最多可以→最少要 最多→最少|至少 至多→至少 最高→最低 最低→最高 最少→最多 至少→最多|不超过
    最长→最短|至少 最晚→最早 上限是→下限是 上限为→下限为 没超过→超过 未超过→超过 超过→不超过|未满
    未满→已满|超过 不满→超过|满 不到→超过 不足→超过 低于→高于 小于→大于 高于→低于 大于→小于
    已满→未满 达到→不到 满→不满
    """
)
_AFTER = _table(
    """
    及以上→以下 以上→以下|以内 及以下→以上 以下→以上 以内→以上|之后 之内→之后|以上 内→后|之后
    之后→之内 以后→以内 后→内 之前→之后 前→后
    """
)


def _bound_turned(reply: _Reply) -> Iterator[Made]:
    for sentence in reply.factual():
        known = figure_keys(reply.cited(sentence))
        for figure in find_figures(sentence.text):
            if figure.key not in known or _idiom(sentence.text, figure):
                continue
            head, tail = sentence.text[: figure.start], sentence.text[figure.end :]
            for word, turned in _bounds(head, tail):
                before = word in _BEFORE and head.endswith(word)
                start = sentence.start + (figure.start - len(word) if before else figure.end)
                whole = sentence.text[figure.start : figure.end]
                for new in turned:
                    if new in ("超过F", "至少F"):  # 24小时内 → 超过24小时
                        made = new.replace("F", whole)
                        yield _replaced(
                            reply,
                            sentence.start + figure.start,
                            sentence.start + figure.end + len(word),
                            made,
                            f"{whole}{word}→{made}",
                        )
                    else:
                        yield _replaced(reply, start, start + len(word), new, f"{word}→{new} at {whole}")


def _bounds(head: str, tail: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the bound word before the figure and the one after it, each with what turns it."""
    for word in sorted(_BEFORE, key=len, reverse=True):
        if head.endswith(word) and not tail.startswith("及以"):
            earlier = head[: -len(word)]
            if not (word in ("满", "超过", "达到") and earlier.endswith(tuple("没未不已排还各充等测绑"))):
                yield word, _BEFORE[word]
            break
    for word in sorted(_AFTER, key=len, reverse=True):
        if tail.startswith(word):
            after = tail[len(word) :]
            unclear = word == "后" and after.startswith(("台", "续", "才"))
            unclear |= word == "前" and after.startswith(("后", "提"))
            unclear |= word in ("后", "之后", "以后", "前", "之前") and head.endswith(
                ("满", "过", "足", "提前")
            )
            if not unclear:
                inside = word in ("内", "以内", "之内") and not head.endswith(("于", "前", "在"))
                extra = ("超过F", "至少F") if inside and not _takes_state(after) else ()
                yield word, _AFTER[word] + extra
            break


def _takes_state(after: str) -> bool:
    return after.startswith(("的", "都", "也"))


# --- 4: negation ---------------------------------------------------------------------------------

_FLIPS = _table(
    """
    不可以→可以 不可追回→可以追回 不可撤销→可以撤销 不能→可以 没办法→有办法 没法→可以 无法→可以
    不得→可以 不支持→支持 不收取→要收取 不收手续费→要收手续费 不收费→要收费 不收→要收 不另收→另收
    免收→要收 免手续费→收手续费 不会→会 不需要→需要 不必→必须 无需→需要 无须→必须 不退款→可退款
    不退→可退 不予→可以 不计入→计入 不占用→占用 不属于→属于 不算→算 不适用→适用 不影响→影响
    不互通→互通 不通用→通用 不结转→可结转 不找零→可找零 不兑现→可兑现 不叠加→可叠加 不补发→补发
    不补偿→会补偿 不承诺→承诺 不受→会受 未提取→已提取 没提取→已经提取 没有提取→已经提取
    还没提取→已经提取 已提取→未提取 已经提取→还没提取 提取过→没提取过 未激活→已激活
    没激活→已经激活 没有激活→已经激活 还没激活→已经激活 已激活→未激活 已经激活→还没激活
    未使用→已使用 没使用→已经使用 没用过→用过 已使用→未使用 未生效→已生效 没生效→已经生效
    已生效→未生效 已经生效→还没生效 未到账→已到账 没到账→已经到账 未消费→已消费 没消费→已经消费
    已消费→未消费 未圈存→已圈存 已圈存→未圈存 未受理→已受理 已受理→未受理 只能→不能 可以→不可以
    支持→不支持 必须→不必 需要→不需要 需由→无需由 须由→无须由 会自动→不会自动 会收→不会收
    要收→不收 收取→不收取 收手续费→不收手续费 全额退→不予退 即时→不能即时 能退→不能退 能换→不能换
    能用→不能用 能提现→不能提现 能合并→不能合并 能补发→不能补发 能申请→不能申请 能查→不能查 退不了→能退
    关不掉→能关掉 恢复不了→能恢复 用不了→能用 换不了→能换 改不了→能改 追不回来→追得回来
    除外→也一样 不返还→会返还 不延长→会延长 不参加→会参加 不配→会配 不扣→会扣 不发→会发
    不补→会补 不换→可换 不给→会给 不赔→会赔 不打折→也打折 不转→会转 不接受→接受 不包括→包括
    不含→含 不限→有限 用不着→要 自动→不会自动
    """
)
_FLIP = re.compile("|".join(sorted(map(re.escape, _FLIPS), key=len, reverse=True)))
_NOT_BEFORE = _table(
    """
    可以→不是否才还 全额退→以能 不能→能才 无法→算 需要→不无如有若 支持→不谢的术 必须→不 能退→不可才只否
    能用→不可才只否功样
    能换→不可才只否 能查→不可才只否 收取→不免 会自动→不 自动→的不开会闭费关 会收→不 要收→不需
    收手续费→不要免会需
    即时→能以 能提现→不可才只否 能申请→不可才只否 提取过→没未已有
    """
)
_NOT_AFTER = _table(
    """
    可以→放吗么先联随翻看试 需要→吗么您我的 支持→您我与和后 能用→吗的 能退→吗不 能查→吗不 不能→放
    不会→的 自动→续 不用→担急着 不受→理
    """
)
_CONDITIONAL = ("如果", "如", "若", "要是", "假如", "万一", "只要", "是否", "能不能", "可不可以")


def _negation_turned(reply: _Reply) -> Iterator[Made]:
    for sentence in reply.factual():
        clause = reply.cited(sentence)
        for start, end, segment in _segments(sentence):
            if shared(segment, clause) < 0.35 or "吗" in segment:
                continue
            supposed = segment.lstrip().startswith(_CONDITIONAL)
            for match in _FLIP.finditer(segment):
                word, new = match.group(), _FLIPS[match.group()][0]
                state = word[0] in "未已没还提"
                if (supposed and not state) or not _flips_cleanly(segment, match):
                    continue
                after = re.split(r"[\W]", segment[match.end() :])[0][:4]
                if len(after) > 1 and re.sub(r"\s", "", new + after) in re.sub(r"\s|\*", "", clause):
                    continue  # the clause says that as well, of another case
                at = start + match.start()
                if reply.text[at : at + len(word)] == word and end <= len(reply.text):
                    yield _replaced(
                        reply, at, at + len(word), new, f"{word}→{new} in “{segment.strip('，、；')}”"
                    )


def _flips_cleanly(segment: str, match: re.Match[str]) -> bool:
    """Tell whether the sentence stays grammatical and the word is one of rules, not of courtesy."""
    word = match.group()
    before, after = segment[: match.start()], segment[match.end() :]
    asked = word[0] == "不" and before.endswith(word[1])  # 收不收费
    if asked or (word[0] == "没" and before.endswith("有")) or (word == "除外" and "只有" in before):
        return False
    if before.endswith(tuple("".join(_NOT_BEFORE.get(word, ("\0",))))) or after.startswith(
        tuple("".join(_NOT_AFTER.get(word, ("\0",))))
    ):
        return False
    return not (
        word == "可以" and re.search(r"[您我](?:这边)?(?:也|就|先|都)?$", before) and "帮" in after[:2]
    )


def _segments(sentence: Sentence) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, text) of the parts between commas, markers and the closing mark left out."""
    for match in re.finditer(r"[^，,；;：:。！？!?\n]+", sentence.text):
        text = _MARKER.split(match.group())[0]
        if text.strip():
            start = sentence.start + match.start()
            yield start, start + len(text), text


# --- 5: conditions -------------------------------------------------------------------------------

_CONDITIONS = tuple(  # words that set a condition, those that say the same in one row
    re.compile(row)
    for row in (
        "须|需|必须|才|方可",
        "仅|只限|限于|只能|只有|只",
        "除外|不参加|不含|不包括|不适用|不算|不计|例外",
        "未|没",
        "批|同意|核定",
        "前提|通过后|核验",
        "满|达到|超过|逾期",
        "本人",
        "登记|主管|组长",
    )
)
_LEADING = re.compile(
    r"^(?:但|不过|另外|同时|.{2,4}(?=要是|如果|若))?(?:如果|如|若|只要|只有|凡|除了?|在.+前提|要是|前提).*|"
    r".*(?:的|的话|(?<!小)时|之?前|之?后|以内|之内|内|情况下|前提下|且.*未.*|并且.+|(?<!发)起)$"
)
_TRAILING = re.compile(
    r"^(?:但|且|并且|而且|不过|同时|也?须|也?需|必须|仅限|只限|仅|只能|前提|同一|限|以.+为准|除|另需|并须|还要|还需)|(?!.*(?:可以|能|才|[批意准]后.)).*(?:须|仅限|只限|除外|为准|前提|不适用|审批|同意|不算|不计|不参加|不包括|只能|要由|得由)"
)
_DEPENDENT = re.compile(r"^(?P<who>我|系统|我们|平台)?(?:才|就|则|即|那么|都|便)+(?=[\u4e00-\u9fff])")
_EVENT = (
    "付款|支付|购买|下单|充值|激活|提取|签收|收到|发货|到账|过期|发现|提交|开通|完成|领取|通知|认证|入驻|补发"
)
_APPROVED = re.compile(
    r"(?:(?:须|需|要|得|必须)?先?(?:经|由|报|请|等)过?[\u4e00-\u9fff]{0,6}?(?:组长|主管|店长|经理|财务)|(?<=[，、；])[\u4e00-\u9fff]{0,6}?(?:组长|主管))"
    r"(?:审批|批准|同意|核定|审核|确认|特批)(?:通过)?(?:了|之?后|以后)?(?=就?才?可|才?能|方可|，(?!通过|批)|还能|就能)"
)
_PREDICATE = re.compile("[可能会要须由是退换充补办申到计收提保审批限有冻发看查给请让填缴关开走转]")
_PARENTHESIS = re.compile(r"[（(][^（）()]{2,40}[）)]")
_STATE = re.compile(
    r"(?:还)?(?:未|没有?|已经?(?:完成)?)(?:提取|激活|使用过?|用过|生效|到账|圈存|受理|开通|实名|报备|提交|发货|支付)"
    r"(?:过)?的(?=[\u4e00-\u9fff]{2})"
)
_ITEM = re.compile(
    r"(?<=[\u4e00-\u9fff])、(?:并且|而且|且|又)?(?:没有|未|不|已|须|本人|账户|商品[没未]|在|满|保证金)[^，、。；：\[（]{2,16}(?=[，、。；\[])"
)
_LIMIT = re.compile(
    r"(?<![，；])(?:而且|并且|且|但)?(?:每[人单户个张]+|同一[\u4e00-\u9fff]{2,4})?(?:仅限|只限|(?<![上不有期时权额无])限(?=本人|一次|每))"
    r"[^，。；、\[]{1,14}"
)
_STRONG = re.compile("须|必须|仅限|只限|除外|前提|不适用|(?<!用)审批|批准|只能|不得|不包括|不含")


def _condition_dropped(reply: _Reply) -> Iterator[Made]:
    for sentence in reply.factual():
        clause = reply.cited(sentence)
        for start, end in _droppable(sentence):
            piece = sentence.text[start:end]
            rest = sentence.text[:start] + sentence.text[end:]
            if not _carried(piece, clause) or _repeated(reply, sentence, start, end):
                continue
            body, lead = _tidied(rest, start, piece)
            left = re.findall(r"[^；;]+", rest[:start])[-1:] or [""]
            if piece.startswith(("，", ",")) and len(re.findall(r"[\u4e00-\u9fff]", left[0])) < 6:
                continue  # 换谁来跟，要先征得您同意: only a topic would be left
            if (
                re.match(r"[\[，；,;]", body)
                or len(re.findall(r"[\u4e00-\u9fff]", body)) < 8
                or not shared(body, clause)
            ):
                continue
            yield _replaced(
                reply, sentence.start, sentence.end, body, f"dropped “{piece.strip('，、； ')}”{lead}"
            )
    yield from _sentence_dropped(reply)


def _droppable(sentence: Sentence) -> Iterator[tuple[int, int]]:
    """Yield spans (in the sentence) of parts that can go and leave a whole sentence."""
    parts = [(a - sentence.start, b - sentence.start, text) for a, b, text in _segments(sentence)]
    commas = [(a, b, text) for a, b, text in parts if a == 0 or sentence.text[a - 1] in "，,；;"]
    for place, (start, end, text) in enumerate(commas):
        last, first = place == len(commas) - 1, place == 0
        leads, trails = bool(_LEADING.match(text)), bool(_TRAILING.match(text))
        before_leads = not first and bool(_LEADING.match(commas[place - 1][2]))
        if len(commas) < 2:
            break
        if leads and not last and not _goes_on(commas, place):
            follow = sentence.text[end : end + 1]
            yield start, end + (follow in "，,")
        elif trails and not (first or before_leads or "才" in text or _goes_on(commas, place)):
            if place == 1 and (text.startswith("不") or not _PREDICATE.search(commas[0][2])):
                continue  # only its subject would be left
            yield start - 1, end
    for pattern in (_PARENTHESIS, _LIMIT, _APPROVED, _STATE, _ITEM):
        for match in pattern.finditer(sentence.text):
            before = re.split(r"[，、；：]", sentence.text[: match.start()])[-1]
            listed = re.search("前提|条件|须|同时|都|并且|要", sentence.text)
            if (pattern is not _LIMIT or len(before) >= 6) and (pattern is not _ITEM or listed):
                yield match.span()
    window = re.compile(
        rf"(?:在|于)?(?:订单|工单)?(?:{_EVENT})?(?:成功|卡密|订单)?(?:之?后|起|当)?的?\s?{_NUMBER}\s?"
        rf"(?:{_UNITS})(?:以内|之内|内)[，、]?(?=(?!的)[^，。；]{{0,8}}(?:可|能))"
    )
    for match in window.finditer(sentence.text):
        before = sentence.text[max(0, match.start() - 6) : match.start()]
        after = sentence.text[match.end() : match.end() + 8]
        odd = re.search("[从自起过满]|[须要用未没]$", before) or re.search("的[，、]", after)
        if find_figures(match.group()) and not odd:
            yield match.span()


def _goes_on(commas: list[tuple[int, int, str]], place: int) -> bool:
    """Tell whether the next part needs this one: 须先提取，再激活."""
    if place + 1 == len(commas):
        return False
    follow = commas[place + 1][2]
    if _LEADING.match(commas[place][2]):
        return bool(re.match(r"同样|也|反而|这|那", follow))
    return bool(re.match(r"再|然后|并|否则|不然|就|才|则|超过|之后|逾期|这样|包括|包含|通过", follow))


def _carried(piece: str, clause: str) -> bool:
    """Tell whether the clause itself sets this condition: its word or figure, and much of its words."""
    if re.search(
        "不用|不须|不需|无需|不必|无须|是指|属于|(?<!要)(?<!凡)(?<!但)(?<!只)是(?!否|因为|未|本人)", piece
    ):
        return False  # a statement, not a condition
    figures = figure_keys(piece)
    bound = figures <= figure_keys(clause) and re.search("[内前后起满超未没达到上下限]", piece)
    words = [group for group in _CONDITIONS if group.search(piece) and group.search(clause)]
    return bool((figures and bound) or words) and shared(piece, clause) >= (0.4 if len(piece) > 6 else 0.3)


def _repeated(reply: _Reply, sentence: Sentence, start: int, end: int) -> bool:
    """Tell whether the reply says the dropped words once more."""
    piece = sentence.text[start:end]
    elsewhere = (
        reply.text[: sentence.start]
        + sentence.text[:start]
        + "\n"
        + sentence.text[end:]
        + reply.text[sentence.end :]
    )
    figures = figure_keys(piece)
    if figures and figures <= figure_keys(elsewhere):
        return True
    if "批" in piece and "批" in sentence.text[:start] + sentence.text[end:]:
        return True  # 我提交主管审批，所有退款都须主管批
    return shared(piece, elsewhere) > 0.5


def _tidied(rest: str, start: int, piece: str) -> tuple[str, str]:
    """Return the rest made grammatical: markers of the piece kept, no doubled or leading commas."""
    head, tail = rest[:start], rest[start:]
    if not head.strip():
        tail = _DEPENDENT.sub(r"\g<who>", tail.lstrip("，,；; "))
    elif _DEPENDENT.match(tail) and head.endswith(("，", ",")):
        tail = _DEPENDENT.sub(r"\g<who>", tail)
    body = head + tail
    lost = "".join(f"[{n}]" for n in _MARKER.findall(piece) if f"[{n}]" not in body)
    if lost:
        stem = body.rstrip(_CLOSING)
        body = stem + lost + body[len(stem) :]
    body = re.sub(r"[，,；;、]+(?=(?:\[\d+\])*[。！？!?])", "", body)
    body = re.sub(r"[，,；;、]+([，,；;])", r"\1", body)
    return re.sub(r"^(?:但|不过|而且|并且|且|而)", "", body), " (marker kept)" if lost else ""


def _sentence_dropped(reply: _Reply) -> Iterator[Made]:
    """Drop a sentence that only adds a condition; a neighbour still cites the same clause."""
    for place, sentence in enumerate(reply.sentences):
        clause = reply.cited(sentence)
        others = [
            other
            for other in reply.sentences[max(0, place - 1) : place + 2]
            if other is not sentence and set(other.markers) & set(sentence.markers)
        ]
        strong = [word for word in _STRONG.findall(sentence.text) if word in clause]
        if not clause or not others or not strong or shared(sentence.text, clause) < 0.4:
            continue
        near = min(others, key=lambda other: abs(other.start - sentence.start))
        goes_with = re.match(r"它|这|同一|每|但|不过|前提|条件|须|需|仅|只|超过", sentence.text)
        if not goes_with and shared(sentence.text, near.text) < 0.12:
            continue  # a subject of its own
        if len(sentence.text) > 50 or _repeated(reply, sentence, 0, len(sentence.text)):
            continue
        following = reply.sentences[place + 1].text if place + 1 < len(reply.sentences) else ""
        if re.match(r"这|那|其|否则|不然|超过|满足|符合|只要|以上|之后|另外一", following):
            continue
        text = reply.text[: sentence.start] + reply.text[sentence.end :]
        shift = len(sentence.text) if near.start > sentence.start else 0
        yield (
            text,
            reply.citations,
            near.start - shift,
            near.end - shift,
            f"dropped “{sentence.text}” (a sentence)",
        )


# --- 6: citations --------------------------------------------------------------------------------


def _says_it(sentence: Sentence, clause: str, own: str) -> bool:
    """Tell whether `clause` might be cited for `sentence` as well, by the words and figures they share."""
    figures = figure_keys(sentence.text) & figure_keys(own)
    grounded = bigrams(sentence.text) & bigrams(own)
    overlap = len(grounded & bigrams(clause)) / max(1, len(grounded))
    return overlap > (0.15 if figures & figure_keys(clause) else 0.35)


def _citation_swapped(reply: _Reply) -> Iterator[Made]:
    single = [
        sentence
        for sentence in reply.factual()
        if len(sentence.markers) == 1
        and len(bigrams(sentence.text)) >= 9  # of a few words, any clause may say as much
        and shared(sentence.text, reply.cited(sentence)) >= 0.3
    ]
    yield from _exchanged(reply, single)
    for n, chunk_id in reply.citations.items():
        users = [sentence for sentence in single if sentence.markers == (n,)]
        if not users or any(n in s.markers and s not in users for s in reply.sentences):
            continue
        document_id = chunk_id.rsplit("#", 1)[0]
        own = reply.clauses[n]
        wrong = [
            clause
            for clause in reply.siblings
            if clause.chunk_id not in reply.citations.values()
            and len(bigrams(clause.text)) >= 20
            and not any(_says_it(sentence, clause.text, own) for sentence in users)
        ]
        wrong.sort(key=lambda clause: (-shared(users[0].text, clause.text), clause.chunk_id))
        same = [clause for clause in wrong if clause.document_id == document_id][:3]
        other = [clause for clause in wrong if clause.document_id != document_id][:6]
        for pool, label in (
            (same, "another clause of the document"),
            (other, "a clause of another document"),
        ):
            if pool:
                clause = reply.rng.choice(pool)
                yield (
                    reply.text,
                    {**reply.citations, n: clause.chunk_id},
                    users[0].start,
                    users[0].end,
                    f"[{n}] → {label}: {clause.chunk_id} ({clause.title} / {clause.heading})",
                )


def _exchanged(reply: _Reply, single: list[Sentence]) -> Iterator[Made]:
    for place, left in enumerate(single):
        for right in single[place + 1 :]:
            a, b = left.markers[0], right.markers[0]
            own_a, own_b = reply.cited(left), reply.cited(right)
            if a == b or reply.citations[a] == reply.citations[b]:
                continue
            if _says_it(left, own_b, own_a) or _says_it(right, own_a, own_b):
                continue
            middle = reply.text[left.end : right.start]
            turned = left.text.replace(f"[{a}]", f"[{b}]") + middle + right.text.replace(f"[{b}]", f"[{a}]")
            text = reply.text[: left.start] + turned + reply.text[right.end :]
            start, size = left.start, len(left.text) - len(str(a)) + len(str(b))
            yield text, reply.citations, start, start + size, f"[{a}] and [{b}] exchanged"


# --- 7: promises ---------------------------------------------------------------------------------

# sentence, word: not inserted where a cited clause or the reply itself has the word
_PROMISES: tuple[tuple[str, str], ...] = (
    ("您放心，这笔钱我保证今天之内全额退到您账上。", "全额退"),
    ("我们会在1小时内把钱原路退回给您。", "1小时内"),
    ("这种情况平台会额外赔您50元。", "赔"),
    ("另外再给您补偿一张20元的优惠券。", "优惠券"),
    ("我这边一定给您追回来。", "追回"),
    ("最晚今晚12点前必定到账。", "必定"),
    ("不管什么原因，我们都会全额退款给您。", "全额退款"),
    ("您提交之后10分钟内就能审核通过。", "审核通过"),
    ("我向您保证，这种问题以后不会再出现。", "保证"),
    ("超时一分钟赔您10元。", "赔"),
    ("手续费我直接帮您免了。", "免手续费"),
    ("明天上午九点之前肯定给您处理好。", "九点"),
    ("如果到时候还没有，我们双倍赔付。", "双倍"),
    ("退款今天下午五点前一定到您微信。", "下午五点"),
    ("我已经帮您申请了100元现金补偿，明天到账。", "现金"),
    ("这张卡百分之百可以换新，您不用担心。", "换新"),
    ("平台承诺七天无理由退款，您随时可以退。", "无理由"),
    ("最多半小时，钱一定回到您的余额里。", "半小时"),
    ("延误的这段时间，我们按每天5元补给您。", "每天5元"),
    ("您的会员我们会多送您一个月。", "送"),
    ("我给您打包票，绝对不会有任何损失。", "打包票"),
    ("所有损失由平台全部承担。", "全部承担"),
    ("稍后会有专人给您赔付差价。", "差价"),
    ("我们承诺30分钟内给您解决，解决不了全额退。", "30分钟内"),
    ("您这单我特批免收手续费，直接退全款。", "全款"),
    ("成功率是百分之百的，您尽管提交。", "成功率"),
    ("这边给您优先处理，5分钟必到账。", "5分钟"),
    ("没用完的部分我们也会折成余额退给您。", "没用完"),
    ("退不了的话我个人给您垫付。", "垫付"),
    ("平台会再送您200积分作为补偿。", "积分"),
    ("您升级成黄金会员之后，这些费用全部返还。", "返还"),
    ("三天之内如果没有结果，我们赔您订单金额的50%。", "订单金额"),
    ("保证您今天就能用上。", "保证"),
    ("我确定这个审批一定会通过。", "一定会通过"),
    ("无论有没有提取，都可以给您退。", "无论"),
    ("后面如果再出问题，终身免费补发。", "终身"),
    ("下次充值直接给您打八折。", "八折"),
    ("这笔款项将于24小时内赔付到您的银行卡。", "银行卡"),
    ("我们将为您补发一张同面值的新卡，两小时内到。", "同面值"),
    ("您的等待时间平台会按小时折算成现金返给您。", "折算"),
    ("因为给您带来不便，全单免费。", "免费"),
    ("我现在就给您退80元，马上到账。", "80元"),
    ("提现是秒到的，一定不会超过1分钟。", "秒到"),
    ("您的账号今天内保证解冻。", "解冻"),
    ("我们会在2个工作日内额外返您10%。", "返您"),
    ("厂商那边肯定会同意，您等着收钱就好。", "厂商"),
)


def _promise_added(reply: _Reply) -> Iterator[Made]:
    known = reply.all_clauses() + reply.text
    promises = [
        sentence
        for sentence, word in _PROMISES
        if word not in known and shared(sentence, reply.all_clauses()) < 0.5
    ]
    places = [sentence for sentence in reply.sentences if sentence.end < len(reply.text)]
    if not promises or not places or not reply.clauses:
        return
    numbers = sorted(reply.clauses)
    for turn, promise in enumerate(reply.rng.sample(promises, min(PER_KIND, len(promises)))):
        marked = (turn + len(reply.text)) % 2 == 0
        if marked:
            promise = f"{promise[:-1]}[{reply.rng.choice(numbers)}]{promise[-1]}"
        at = reply.rng.choice(places).end
        yield _replaced(reply, at, at, promise, f"promise {'with' if marked else 'without'} a marker")


# --- 8: another product, another audience --------------------------------------------------------

_PRODUCTS: tuple[tuple[str, ...], ...] = (
    ("快充", "慢充"),
    ("点卡卡密", "点卡直充"),
    ("点卡", "话费", "视频会员", "礼品卡", "流量包", "加油卡", "软件授权"),
    ("话费", "点卡", "流量包", "视频会员"),
    ("流量包", "加油卡", "话费"),
    ("加油卡", "流量包", "礼品卡"),
    ("视频会员", "点卡", "软件授权", "话费"),
    ("会员直充", "会员兑换码"),
    ("授权码", "点卡卡密", "礼品卡卡密"),
    ("优购礼品卡", "咖味礼品卡"),
    ("优购卡", "咖味卡"),
    ("优购", "咖味"),
    ("礼品卡", "点卡", "加油卡", "流量包"),
    ("个人客户", "商家客户"),
    ("个人账户", "商家账户"),
    ("个人", "商家"),
    ("商家", "个人客户"),
    ("月卡", "年卡", "季卡"),
    ("年卡", "月卡"),
    ("白银", "黄金", "铂金"),
    ("黄金", "白银", "铂金"),
    ("铂金", "黄金", "白银"),
    ("普通工单", "加急工单"),
    ("加急工单", "普通工单"),
    ("赠送余额", "充值余额"),
    ("原路退回", "退回余额"),
    ("手机端", "电视端"),
)
_NOT_THE_NAME = {
    "商家": "商家(?![组中余号端级订])",
    "个人": "(?<!一)个人(?![信中组])",
    "话费": "话费(?![快慢]充)",
}
_PRODUCT_WORDS = sorted({word for group in _PRODUCTS[:14] for word in group}, key=len, reverse=True)
_FOR_AGENTS = re.compile(
    r"例如|比如|您这单|我看到|查到|系统校验|坐席|客服|组长|主管|SOP|转|工单|客户|本规范|本文件|请客户|第\d|[|*「“→#]|示例|如下|填写|登记|告知|核对"
)


def _other_product(reply: _Reply) -> Iterator[Made]:
    yield from _product_renamed(reply)
    yield from _sibling_quoted(reply)
    yield from _sibling_cited(reply)


def _product_renamed(reply: _Reply) -> Iterator[Made]:
    for sentence in reply.factual():
        clause = reply.cited(sentence)
        if shared(sentence.text, clause) < 0.3:
            continue
        pairs = [(group[0], other) for group in _PRODUCTS for other in group[1:]]
        pairs += [
            (group[1], group[0])
            for group in _PRODUCTS
            if len(group) == 2 and group != ("个人", "商家") and group != ("商家", "个人客户")
        ]
        for word, other in pairs:
            name = re.compile(_NOT_THE_NAME.get(word, word))
            found = name.search(sentence.text)
            if found is None or word not in clause or other in sentence.text:
                continue
            if re.search("|".join(_inside(word)), sentence.text):
                continue  # a longer name that has its own pairs
            if other in clause and not _theirs(sentence, clause, word, other):
                continue
            new = name.sub(other, sentence.text)
            text = reply.text[: sentence.start] + new + reply.text[sentence.end :]
            start = sentence.start + found.start()
            yield text, reply.citations, start, start + len(other), f"renamed: {word}→{other}"


def _inside(word: str) -> list[str]:
    longer = [re.escape(name) for group in _PRODUCTS for name in group if word in name and name != word]
    return longer or ["\0"]


def _theirs(sentence: Sentence, clause: str, word: str, other: str) -> bool:
    """Tell whether the clause gives both and the figures of `sentence` are those of `word` alone."""
    lines = re.split(r"[\n。；;，]", clause)
    figures = figure_keys(sentence.text) & figure_keys(clause)
    mine = {key for line in lines if word in line and other not in line for key in figure_keys(line)}
    others = {key for line in lines if other in line for key in figure_keys(line)}
    return bool(figures & mine) and not figures & others


def _products(text: str) -> set[str]:
    return {word for word in _PRODUCT_WORDS if word in text}


@lru_cache(maxsize=5_000)
def _quotable(text: str) -> tuple[str, ...]:
    """Return the sentences of a clause that an agent could send: whole, short, with a figure."""
    found = []
    for line in text.split("\n"):
        line = re.sub(r"^\s*(?:答：|[-•]|\d+[.、)]|（\d+）)\s*", "", line)
        for part in re.findall(r"[^。！？；]+[。！？；]", line):
            sentence = part.strip()[:-1] + "。"
            whole = not re.match(r"[，、的]|.*[：:（]", sentence) and 12 <= len(sentence) <= 50
            if whole and find_figures(sentence) and not _FOR_AGENTS.search(sentence):
                found.append(sentence)
    return tuple(found)


def _alike(reply: _Reply, sentence: Sentence) -> list[Clause]:
    """Return clauses of other documents about other products, those most like the sentence first."""
    cited = reply.cited(sentence)
    documents = {reply.citations[n].rsplit("#", 1)[0] for n in sentence.markers if n in reply.citations}
    here = _products(sentence.text) or _products(cited)
    found = [
        clause
        for clause in reply.siblings
        if clause.document_id not in documents
        and clause.chunk_id not in reply.citations.values()
        and _products(clause.text)
        and not _products(clause.text + clause.title) & here
    ]
    found.sort(key=lambda clause: (-shared(sentence.text, clause.text), clause.chunk_id))
    return found[:40]


def _sibling_quoted(reply: _Reply) -> Iterator[Made]:
    for sentence in reply.factual():
        clause = reply.cited(sentence)
        if not find_figures(sentence.text):
            continue
        quotes = [
            (quote, other)
            for other in _alike(reply, sentence)
            for quote in _quotable(other.text)
            if _products(quote) and shared(quote, clause) < 0.5 and shared(quote, sentence.text) >= 0.2
            if not figure_keys(quote) & figure_keys(clause) and quote[:-1] not in reply.text
        ]
        if not quotes:
            continue
        quotes.sort(key=lambda pair: (-shared(pair[0], sentence.text), pair[0]))
        quote, other = reply.rng.choice(quotes[:4])
        markers = "".join(f"[{n}]" for n in sentence.markers)
        new = f"{quote[:-1]}{markers}。"
        yield _replaced(
            reply, sentence.start, sentence.end, new, f"quoted from {other.chunk_id} ({other.title})"
        )


def _sibling_cited(reply: _Reply) -> Iterator[Made]:
    for sentence in reply.factual():
        if len(sentence.markers) != 1 or not _products(sentence.text):
            continue
        n = sentence.markers[0]
        own = reply.cited(sentence)
        if shared(sentence.text, own) < 0.3 or sum(n in s.markers for s in reply.sentences) != 1:
            continue
        wrong = [other for other in _alike(reply, sentence) if not _says_it(sentence, other.text, own)][:3]
        if wrong:
            other = reply.rng.choice(wrong)
            yield (
                reply.text,
                {**reply.citations, n: other.chunk_id},
                sentence.start,
                sentence.end,
                f"cited instead: {other.chunk_id} ({other.title} / {other.heading})",
            )


KINDS: Mapping[str, Callable[[_Reply], Iterator[Made]]] = {
    "figure_changed": _figure_changed,
    "unit_changed": _unit_changed,
    "bound_turned": _bound_turned,
    "negation_turned": _negation_turned,
    "condition_dropped": _condition_dropped,
    "citation_swapped": _citation_swapped,
    "promise_added": _promise_added,
    "other_product": _other_product,
}
