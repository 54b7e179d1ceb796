"""Does a sentence deny what its source affirms, or affirm what it denies? By negated words, no model."""

import re
from dataclasses import dataclass

from kb_assistant.drafting.text import split_sentences, statements, without_markers
from kb_assistant.index.tokens import tokenize

# words that hold a negator and deny nothing, and the question form 能不能
_NO_NEGATION = re.compile(
    r"不过|不仅|不但|不论|不管|不断|不久|不同|不便|不好意思|不着急|不客气|不要紧|差不多|对不起|要不|得不|不得不|不能不"
    r"|未来|未成年|无论|没关系|没事|非常|除非|别的|别人|别担心|别着急|特别|类别|级别|区别|分别|性别|识别|免得|免打扰|免费|避免"
    r"|(?P<verb>[\u4e00-\u9fff])不(?P=verb)|是否|能否|可否"
)
_NEGATOR = re.compile(r"不|未|无|没|非|勿|免|禁止|严禁|拒绝|谢绝")
# between a negator and what it denies: 不可以退款 and 无法退款 both deny 退款
_AUXILIARY = re.compile(
    r"(?:可以|可|能够|能|会|支持|予以|予|得|需要|需|须|用|应当|应|再|受理|允许|准|给|要|收取|收|法|有|被|曾|进行)*"
)
_VERBS = ("支持", "可以", "允许", "受理", "需要")
# the denial reaches the end of its clause where nothing but a short object stands there
_REACH = re.compile(r"[\u4e00-\u9fff]{0,8}")
_BREAKS = re.compile(r"[且并或而但的后前时内起者]")
# 手续费全免, 退不了: what follows a word may deny it, too
_DENIED_AFTER = re.compile(
    r"[\u4e00-\u9fff]?(?:(?:全|均|都|一律|可)?(?:免(?!费)|除外)|[为是](?:0|零)|不了|不到)"
)
_CLAUSE = re.compile(r"[^，,：:、。！？!?；;\n]+")
# share of a clause's words that must stand around the same predicate in the source to compare the two
_COMPARABLE_FROM = 0.5


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    words: frozenset[str]  # of the clause and the one before it, negators left out
    denied: tuple[tuple[str, int], ...]  # what is denied here, with its offset

    def denies(self, start: int, word: str) -> bool:
        """Tell whether the occurrence of `word` at `start` stands in the reach of a negator."""
        return any(at <= start < at + len(denied) for denied, at in self.denied) or bool(
            _DENIED_AFTER.match(self.text, start + len(word))
        )


def contradicts(sentence: str, source: str) -> bool:
    """Tell whether `sentence` and the clause of `source` it resembles most differ in a negation.

    Each word that either denies is looked up where both use it; a word that the other does not use
    says nothing, and neither does one whose surroundings differ or fit clauses of both kinds.

    Args:
        sentence: One sentence, with or without markers.
        source: The text it rests on.

    Returns:
        True for 24小时内不可以退款 beside 24小时内可以退款, in either direction.
    """
    said = _clauses(without_markers(sentence))
    units = [s.text for statement in statements(source) for s in split_sentences(statement.text)]
    stated = [clause for unit in units for clause in _clauses(unit)]
    denied = {word for clause in (*said, *stated) for word, _ in clause.denied}
    return any(
        _differs(clause, match.start(), word, stated)
        for clause in said
        for word in denied
        for match in re.finditer(re.escape(word), clause.text)
    )


def _differs(clause: _Clause, start: int, word: str, stated: list[_Clause]) -> bool:
    best: dict[bool, tuple[float, float]] = {}
    for other in stated:
        shared = len(clause.words & other.words)
        score = (
            shared / (len(clause.words) or 1),
            shared / (len(clause.words | other.words) or 1),
        )
        for match in re.finditer(re.escape(word), other.text):
            denies = other.denies(match.start(), word)
            best[denies] = max(best.get(denies, (0.0, 0.0)), score)
    denied = clause.denies(start, word)
    against, agreeing = best.get(not denied, (0.0, 0.0)), best.get(denied, (0.0, 0.0))
    return against[0] >= _COMPARABLE_FROM and against > agreeing


def _clauses(text: str) -> list[_Clause]:
    clauses = []
    before: frozenset[str] = frozenset()
    for match in _CLAUSE.finditer(text):
        words = frozenset(tokenize(_NEGATOR.sub("", match.group())))
        clauses.append(_Clause(match.group(), words | before, tuple(_denied(match.group()))))
        before = words
    return clauses


def _denied(clause: str) -> list[tuple[str, int]]:
    """Return the words a clause denies: the two characters after each negator, and the last two."""
    masked = _NO_NEGATION.sub(lambda match: "＿" * len(match.group()), clause)
    found: list[tuple[str, int]] = []
    for match in _NEGATOR.finditer(masked):
        start = _AUXILIARY.match(masked, match.end()).end()  # type: ignore[union-attr]  # matches ""
        reach = _REACH.match(masked, start)
        denied = _BREAKS.split(reach.group())[0] if reach else ""
        if not denied and masked[start - 2 : start] in _VERBS:  # 不支持的: nothing but the auxiliary
            found.append((masked[start - 2 : start], start - 2))
        if not denied or _NEGATOR.search(denied):  # a double negation is left alone
            continue
        found.append((denied[:2], start))
        if len(denied) > 2 and start + len(denied) == len(masked.rstrip()):
            found.append((denied[-2:], start + len(denied) - 2))
    return found
