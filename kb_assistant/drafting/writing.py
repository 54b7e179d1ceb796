"""A reply written by a language model, shown sentence by sentence and each only after its check.

A sentence that does not stand ends the attempt; the next one is told why. After the last one the
composer's draft is taken, so whatever a model does, what remains on the screen is true.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from kb_assistant.corpus.masking import mask
from kb_assistant.drafting.composer import Composed
from kb_assistant.drafting.model import ModelFailed, ReplyWriter
from kb_assistant.drafting.prompts import Failure, WritingRequest, build_messages, citable
from kb_assistant.drafting.text import MARKER, Span, split_sentences
from kb_assistant.types import Check, Chunk, Figure, Sentence

MAX_REPLY = 900  # code points; a reply in a chat has a few hundred
MAX_SENTENCES = 24  # each is checked with all before it
_MAX_SENTENCE = 240  # an open sentence longer than this is a loop or a manual
_MAX_RAW = 30_000  # with the reasoning that is not shown
_JUDGED_FROM = 8  # letters from which the share of Chinese says something
_CHINESE_SHARE = 0.3  # of a reply's letters; one that names a product with every rule stays above 0.5
# a warning of these kinds makes the sentence untrue; the others are for the agent to weigh
_UNTRUE = ("promise", "conflict", "contradicts_sop")

_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_CONTROL_TOKEN = re.compile(r"<[|｜][^<>\n]{0,40}[|｜]>|</s>|<(?:end|start)_of_turn>")  # a turn ends here
_MARKER_FORMS = re.compile(
    r"[\[［【]\s*((?:(?:条款|来源)?\s*[0-9０-９]{1,3})(?:\s*[,，、;；]\s*(?:条款|来源)?\s*[0-9０-９]{1,3})*)\s*[\]］】]"
)
# "…。[1]" → "…[1]。": behind the closing mark it would count for the sentence after it
_MARKER_BEHIND = re.compile(r"([。！？!?；;]+[”’」』）)\"']*)[ \t]*((?:\[[0-9]{1,3}\][ \t]*)+)")
_HEADING = re.compile(r"^[ \t]*(?:#{1,6}[ \t].*|[-*_=]{3,}[ \t]*|`{3}.*)(?:\n|\Z)", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*(?:[-*•·][ \t]+|>[ \t]?)", re.MULTILINE)
_EMPHASIS = re.compile(r"\*{1,3}|`|__|~~")
# what may still turn into a marker of the sentence before it
_OPEN_MARKER = re.compile(r"(?:\s|\[[0-9]{1,3}\])*(?:[\[［【][\s0-9０-９,，、;；条款来源]*)?\Z")
_UNFINISHED = "，、：,:（(《“‘「"
_LINK = re.compile(r"(?:https?://|www\.)[\w./?=&%#:~-]*|!?\[[^\]\n]*\]\(|</?[a-z!]", re.ASCII | re.IGNORECASE)
_SECRET_PLACE = re.compile(r"\[(?:卡密|手机号|身份证|银行卡)[0-9]{1,9}\]")


@dataclass(frozen=True, slots=True)
class SentenceReady:
    """One more sentence that passed its check; offsets are those in the attempt's text so far."""

    sentence: Sentence
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """What was shown so far is withdrawn and `text` stands in its place: "" before another attempt."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply to keep: always the last event, `cited` has the chunk behind each marker of `text`.

    `attempts` counts what the model was asked for; `failures` says why each failed one did not stand.
    """

    text: str
    cited: Mapping[int, Chunk]
    generator: Literal["model", "composer"]
    attempts: int
    failures: tuple[Failure, ...]


Event = SentenceReady | Replaced | Finished


class _Rejected(Exception):
    def __init__(self, *failures: Failure) -> None:
        super().__init__(failures)
        self.failures = failures


def write(
    request: WritingRequest,
    writer: ReplyWriter,
    *,
    check: Callable[[str], Check],
    fallback: Composed,
    attempts: int = 2,
    card_key_patterns: Sequence[str] = (),
) -> Generator[Event, None, None]:
    """Have `writer` write a reply, and yield it sentence by sentence as each passes its check.

    Closing the iterator closes the model's stream. A model that does not answer is not asked again,
    because the agent waits.

    Args:
        request: What to write from.
        writer: The model.
        check: Checks a text against the numbered clauses of the request.
        fallback: The composed draft that is taken when no attempt stands.
        attempts: How often the model may try.
        card_key_patterns: See `kb_assistant.corpus.masking.mask`.

    Yields:
        Event: Sentences, withdrawals, and `Finished` at the end.
    """
    failures: list[Failure] = []
    allowed = citable(request)
    tried, shown, again = 0, False, bool(allowed)
    while again and tried < attempts:
        if shown:
            yield Replaced("", failures[-1].problem)
        tried, shown = tried + 1, False
        draft = _Examined(tried, request, allowed, check, card_key_patterns)
        messages = build_messages(request, [f for f in failures if f.attempt == tried - 1])
        try:
            with closing(writer.stream(messages)) as pieces:
                for sentence in draft.read(pieces):
                    shown = True
                    yield sentence
        except _Rejected as rejected:
            failures += rejected.failures
        except ModelFailed as failed:
            failures.append(Failure(tried, failed.reason))
            again = failed.again
        else:
            yield Finished(draft.text, draft.cited, "model", tried, tuple(failures))
            return
    yield Replaced(fallback.text, failures[-1].problem if failures else "没有可供模型引用的条款")
    yield Finished(fallback.text, fallback.cited, "composer", tried, tuple(failures))


class _Examined:
    """One attempt: what the model wrote so far, and how much of it has passed."""

    def __init__(
        self,
        attempt: int,
        request: WritingRequest,
        allowed: Mapping[int, Chunk],
        check: Callable[[str], Check],
        card_key_patterns: Sequence[str],
    ) -> None:
        self._attempt = attempt
        self._allowed = allowed
        self._check = check
        self._patterns = card_key_patterns
        self._known = "\n".join([request.question, request.agent_facts, *(c.text for c in allowed.values())])
        self.text = ""  # up to the last sentence that passed
        self._sentences: tuple[Sentence, ...] = ()

    @property
    def cited(self) -> dict[int, Chunk]:
        """The clauses that the sentences cite."""
        return {n: self._allowed[n] for n in sorted({n for s in self._sentences for n in s.citations})}

    def read(self, pieces: Iterable[str]) -> Iterator[SentenceReady]:
        """Yield each sentence once it is whole and has passed; raise _Rejected at the first that does not."""
        raw = ""
        for piece in pieces:
            raw += piece
            if len(raw) > _MAX_RAW:
                raise self._rejected("写个不停")
            if raw.lower().rfind("<think") > raw.lower().rfind("</think"):
                continue
            written = clean(raw)
            spans = split_sentences(written)
            # a marker of the sentence may still follow it
            whole = [span for span in spans if not _OPEN_MARKER.fullmatch(written, span.end)]
            yield from self._pass(written, whole)
            if spans and len(spans[-1].text) > _MAX_SENTENCE:
                raise self._rejected("一句话太长", spans[-1].text)
        written = clean(raw).rstrip()
        if not written:
            raise self._rejected("没有写出回复")
        spans = split_sentences(written)
        if written[-1].isalnum() or written[-1] in _UNFINISHED:
            raise self._rejected("最后一句没有写完", spans[-1].text)
        yield from self._pass(written, spans)
        if not self.cited:
            raise self._rejected("整篇没有依据任何条款")

    def _pass(self, written: str, whole: Sequence[Span]) -> Iterator[SentenceReady]:
        for span in whole[len(self._sentences) :]:
            text = written[: span.end]
            self._refuse_what_no_check_sees(text, span.text)
            checked = self._check(text)
            if faults := list(self._faults(checked)):
                raise _Rejected(*faults)
            self.text, self._sentences = text, checked.sentences
            yield SentenceReady(checked.sentences[-1], _figures_of(checked.sentences[-1], checked))

    def _refuse_what_no_check_sees(self, text: str, sentence: str) -> None:
        if len(text) > MAX_REPLY or len(self._sentences) == MAX_SENTENCES:
            raise self._rejected("回复太长")
        if mask(text, card_key_patterns=self._patterns).text != text:
            raise self._rejected("写出了卡密、手机号、证件号或卡号", sentence)
        for place in _SECRET_PLACE.findall(sentence):
            if place.startswith("[卡密") or place not in self._known:
                raise self._rejected(f"写出了占位符{place}", sentence)
        if (link := _LINK.search(sentence)) and link.group() not in self._known:
            raise self._rejected("写了链接或标记", sentence)
        if "\ufffd" in sentence or not _is_chinese(text, _CHINESE_SHARE) or not _is_chinese(sentence):
            raise self._rejected("不是通顺的中文", sentence)
        if _bare(sentence) in {_bare(said.text) for said in self._sentences} - {""}:
            raise self._rejected("重复同一句话", sentence)

    def _faults(self, checked: Check) -> Iterator[Failure]:
        for sentence in checked.sentences:
            yield from self._faults_of(sentence, checked)
        last = checked.sentences[-1]  # those before it passed, so what has no place is about this one
        verdicts = {citation.n: citation.verdict for citation in checked.citations}
        for n in last.citations:
            if n in self._allowed and last.support != "unsupported" and verdicts.get(n) != "supports":
                yield self._fault(last, f"[{n}]不支持这句话", self._allowed[n].text)
        for warning in checked.warnings:
            if warning.kind in _UNTRUE:
                yield self._fault(last, warning.message, self._quoted(last))

    def _faults_of(self, sentence: Sentence, checked: Check) -> Iterator[Failure]:
        invented = [n for n in sentence.citations if n not in self._allowed]
        if invented:
            yield self._fault(sentence, f"没有编号为{''.join(f'[{n}]' for n in invented)}的条款")
            return
        wrong = [one for one in _figures_of(sentence, checked) if one.verdict != "supported"]
        for figure in wrong:
            found = figure.source_text or self._quoted(sentence)
            yield self._fault(sentence, f"“{figure.text}”与所标条款不符", found)
        if sentence.support == "unsupported" and not wrong:
            problem = "所标条款里没有这句话的依据" if sentence.citations else "没有标注所依据的条款"
            yield self._fault(sentence, problem, self._quoted(sentence))

    def _quoted(self, sentence: Sentence) -> str:
        return "；".join(self._allowed[n].text for n in sentence.citations if n in self._allowed)

    def _fault(self, sentence: Sentence, problem: str, source: str = "") -> Failure:
        return Failure(self._attempt, problem, sentence.text, source[:_MAX_SENTENCE])

    def _rejected(self, problem: str, sentence: str = "") -> _Rejected:
        masked = mask(sentence, card_key_patterns=self._patterns).text
        return _Rejected(Failure(self._attempt, problem, masked[:_MAX_SENTENCE]))


def clean(raw: str) -> str:
    """Return what a model wrote as reply text: no reasoning, no Markdown, every marker as `[n]`.

    Cleaning a longer output leaves finished sentences as they were.
    """
    text = _REASONING.sub("", raw)
    if turn_end := _CONTROL_TOKEN.search(text):
        text = text[: turn_end.start()]
    text = _HEADING.sub("", text)
    text = _EMPHASIS.sub("", _BULLET.sub("", text))
    text = _MARKER_FORMS.sub(_plain_markers, text)
    text = _MARKER_BEHIND.sub(lambda m: f"{m[2].strip()}{m[1]}", text)
    return text.lstrip()


def _plain_markers(match: re.Match[str]) -> str:
    return "".join(f"[{int(number)}]" for number in re.findall(r"[0-9０-９]+", match[1]))


def _figures_of(sentence: Sentence, checked: Check) -> tuple[Figure, ...]:
    return tuple(figure for figure in checked.figures if sentence.start <= figure.start < sentence.end)


def _bare(sentence: str) -> str:
    return re.sub(r"[\W_]+", "", MARKER.sub("", sentence))


def _is_chinese(text: str, share: float = 0.01) -> bool:
    letters = [c for c in MARKER.sub("", text) if c.isalpha()]
    chinese = sum("\u3400" <= c <= "\u9fff" or "\uf900" <= c <= "\ufaff" for c in letters)
    return len(letters) < _JUDGED_FROM or chinese >= share * len(letters)
