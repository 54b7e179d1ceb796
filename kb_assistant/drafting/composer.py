"""The draft without a language model: what the sources say, in the order a person would say it.

Empathy → the rules that answer, each cited → what to ask the customer for → closing. A sentence
with a claim is a statement of the source. It is said as it stands but for two persons, where they
open a clause: the customer (客户) becomes 您, whoever works on it inside the company becomes 我们.
A table row is read out with the headers of its columns. A citation's quote is untouched.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kb_assistant.drafting.facts import find_quantities
from kb_assistant.drafting.text import Statement, split_sentences, statements
from kb_assistant.index.tokens import tokenize
from kb_assistant.types import Approval, Chunk, Customer, Hit, MissingFact

Similarity = Callable[[list[str]], list[float]]
"""Cosine of the question with each text."""

MAX_STATEMENTS = 3  # more is a manual, not a reply
_COMPARED = 8  # statements that are embedded, some 6 ms each; with all of them drafts were no better
_QUOTED = 200  # code points from the first to the last statement that share one citation
_SOURCES_READ = 4  # hits whose statements compete
_CLOSE = 0.05  # how far behind the best statement another may score and still be said
_CLOSE_ELSEWHERE = 0.02  # the same for one of another document, which more often is beside the point
_SIBLING = 0.8  # weight of a rule section that is no hit itself, the first hit being 1
# what is said to the agent, not to a customer: console paths, bookkeeping, dispatch, instructions
_FOR_AGENTS = re.compile(
    r"工单|坐席|客服|当班|组长|后台|工作台|「|→|备注|质检|话术|规范|本规则|本流程|适用|SOP|截图打码|口径"
    r"|(?:向|让|给|告诉|告知|请|陪|问|对|协助|帮|跟|替|提醒|引导|与|和|联系|安抚|征得|提示|要求)(?:清)?客户"
    r"|转.{1,5}组|转主管|走第|通报|上报|登记|归类|问清|作废原|按第.步"
    r"|^(?:作废|按|查|核对|核实|打开|点(?!卡)|确认|进入|记录|催|反查|标记|锁定|勾选|提交|先|再|不得|不要|不可|不准|严禁|禁止|如实|逐)"
)
_CASE_WORDS = re.compile(
    r"我看到|我查到|查到|已经核实|已经?给您|刚才|最晚(?:明|今|周)|[您这][这那单]?[单张笔次]"
)
# who does it inside the company becomes "we"; the rest of the sentence stays as it is written
_WE = re.compile(
    r"(?:当班)?(?:客服|坐席|[\u4e00-\u9fff]{2,4}组|技术组)(?:须|应|会|需)?(?=在?\s*[\d一二三四五六七八九十半]+\s*(?:个?工作日|个?小时|分钟|秒|天))"
)
# the customer, where the word opens a clause; 客户经理 or 客户原因 are words of their own
_CUSTOMER = re.compile(
    r"(?P<before>^|[，,。；;：:、（(“]|(?:如果|若|当|由|不用|无须|无需|不须))\s*客户"
    r"(?!经理|端|类|状态|资料|等级|侧|信息|服务|原因|责任|档案|画像|背景|问题|满意|体验|群|标签)"
)
_CUSTOMER_COMPOUND = re.compile(
    r"(?:个人|商家|企业|终端|铂金|黄金|白银|普通|新|老|好|大|全部|同一|所有|每位|两位|非)客户"
    r"|客户(?:经理|端|类|状态|资料|等级|侧|信息|服务|原因|责任|档案)"
)
# a statement about the customer with one of these tells the agent what to do
_INSTRUCTS = re.compile(
    r"不得|不要|不必|不允许|不准|不可以?凭|不能凭|不争辩|不催|禁止|严禁|再[答说发推看]|先[看查听帮做]|[核查]对|核实|核验|登记"
    r"|答复|回复|提醒|解释|说明|说清|讲清|简单说|就说|安抚|耐心|劝|引导|建议|口头|主动联系|同步|反查|派|移交|转交|标[加“]|停岗"
    r"|归原|示例|写法|摘要|会话|填写|遮盖|排查|结束前|避免|发券|暗示|推送|留痕|拨打|回访|找到客户|看到?客户"
    r"|客户(?:说|称|问|来|看完|最烦|情绪|嫌|报不出|不回|发来|明确|坚持|自述|进线|以为)"
)
_NOT_FOR_REPLIES = (
    "升级与审批",
    "质检",
    "统计",
    "培训",
    "修订",
    "编写",
    "适用",
    "话术",
    "常见原因",
    "示例",
    "名词",
)
_RULES = ("时效", "时限", "规则", "例外", "前提", "多久", "限额", "费", "条件", "权益", "标准", "对照")
_FACTS: tuple[tuple[str, str, str], ...] = (
    # name, how a source asks for it, how a message already gives it
    ("订单号", r"订单号", r"DD\d{8,}|KM\d{6,}|订单号?[:：是]?\s*[A-Za-z0-9]{6,}"),
    ("充值账号", r"充值账号|充值号码|手机号(?:码)?|会员账号", r"\[手机号\d+\]|账号[:：是]?\s*\S{4,}"),
    ("付款时间", r"付款时间|支付时间|下单时间", r"\d{1,2}[点:：]\d{0,2}|刚才|刚刚|昨天|今天|前天|\d{1,2}号"),
    ("报错截图", r"截图", r"截图|图片|如图|\[图"),
    ("支付流水号", r"支付流水号|流水号", r"流水号?[:：是]?\s*\d{8,}"),
)


@dataclass(frozen=True, slots=True)
class Composed:
    """A composed reply: text with markers, and the chunk and the quoted words behind each number."""

    text: str
    cited: dict[int, Chunk]
    quotes: dict[int, str]
    missing_facts: tuple[MissingFact, ...]
    approval: Approval | None


@dataclass(frozen=True, slots=True)
class _Candidate:
    statement: Statement
    chunk: Chunk
    order: int
    score: float


def compose(
    question: str,
    hits: Sequence[Hit],
    *,
    similarity: Similarity,
    document_chunks: Callable[[str], list[Chunk]],
    customer: Customer | None = None,
) -> Composed | None:
    """Compose a reply to `question` from `hits`, best first; None if no source holds one.

    SOP and FAQ outrank tickets: a ticket speaks only where neither is among the hits, and then
    as how it was handled before, not as a rule.

    Args:
        question: The masked message.
        hits: Evidence that passed the bar.
        similarity: Cosine of the question with texts.
        document_chunks: All chunks of a document, to see what its steps ask for.
        customer: Steers the tone.

    Returns:
        The reply, or None if no statement of the hits can be said to a customer.
    """
    rules = [hit for hit in hits if hit.chunk.kind != "ticket"]
    chosen = _choose(question, rules or list(hits), similarity, document_chunks)
    if not chosen:
        return None
    cited: dict[int, Chunk] = {}
    spans: dict[int, tuple[int, int]] = {}  # source order: the first statement begins the quote
    lines = [_opening(question, customer)]
    if not rules:
        lines.append("这类情况之前是这样处理的：")
    for number, candidate in zip(_numbers(chosen), chosen, strict=True):
        said = candidate.statement
        cited[number] = candidate.chunk
        first, _ = spans.get(number, (said.start, 0))
        spans[number] = (first, said.end)
        lines.append(_with_marker(said.text, number))
    quotes = {number: cited[number].text[start:end] for number, (start, end) in spans.items()}
    primary = chosen[0].chunk
    whole = [primary, *document_chunks(primary.document_id)] if primary.kind == "sop" else [primary]
    missing = _missing_facts(question, whole)
    if missing:
        lines.append(f"麻烦您提供一下{'、'.join(fact.name for fact in missing)}，我马上帮您核对。")
    lines.append("有任何问题随时找我，我会一直跟进到解决。")
    return Composed("\n".join(lines), cited, quotes, missing, _approval(chosen))


def sources_of(hits: Sequence[Hit], document_chunks: Callable[[str], list[Chunk]]) -> list[Chunk]:
    """Return what a reply composed from `hits` may quote: their chunks and the rules beside the first."""
    chunks = {hit.chunk.id: hit.chunk for hit in hits}
    first = next((hit.chunk for hit in hits if hit.chunk.kind != "ticket"), None)
    if first is not None:
        chunks |= {c.id: c for c in _rule_sections(first, document_chunks) if c.id not in chunks}
    return list(chunks.values())


def _rule_sections(chunk: Chunk, document_chunks: Callable[[str], list[Chunk]]) -> list[Chunk]:
    if chunk.kind != "sop":
        return []
    return [c for c in document_chunks(chunk.document_id) if any(word in c.heading for word in _RULES)]


def _numbers(chosen: Sequence[_Candidate]) -> list[int]:
    """Return the citation number of each statement, from 1 in order of use.

    Neighbours in one chunk share a number, and the stretch of the source from the first to the last
    of them is its quote; statements further apart get one each, so that a quote stays to the point.
    """
    numbers: list[int] = []
    opened: list[_Candidate] = []  # the first statement under each number
    for candidate in chosen:
        number = next(
            (
                n
                for n, first in enumerate(opened, start=1)
                if first.chunk.id == candidate.chunk.id
                and candidate.statement.end - first.statement.start <= _QUOTED
            ),
            None,
        )
        if number is None:
            opened.append(candidate)
        numbers.append(number or len(opened))
    return numbers


def _choose(
    question: str,
    hits: Sequence[Hit],
    similarity: Similarity,
    document_chunks: Callable[[str], list[Chunk]],
) -> list[_Candidate]:
    """Return the statements that answer best, in source order, the best-scored document first.

    The rule sections of the first hit's document compete too: the clause a message resembles is
    often the one beside the clause that answers it.
    """
    first = hits[0].chunk
    chunks = {hit.chunk.id: (hit.chunk, hit.score / hits[0].score) for hit in hits[:_SOURCES_READ]}
    for chunk in _rule_sections(first, document_chunks):
        chunks.setdefault(chunk.id, (chunk, _SIBLING))
    pool = [
        (statement, chunk, weight)
        for chunk, weight in chunks.values()
        if not any(word in chunk.heading for word in _NOT_FOR_REPLIES)
        for statement in _speakable(chunk)
    ]
    if not pool:
        return []
    asked = set(tokenize(question))
    scored = []
    for order, (statement, chunk, weight) in enumerate(pool):
        tokens = set(tokenize(statement.text))
        overlap = len(tokens & asked) / (len(tokens) ** 0.5 or 1.0)
        figures = 0.015 if find_quantities(statement.text) else 0.0
        # cosines of e5 lie within 0.1 of each other, so overlap and rank must be kept as small
        score = 0.02 * overlap + figures + 0.05 * (weight - 1)
        scored.append(_Candidate(statement, chunk, order, score))
    scored = sorted(scored, key=lambda c: (-c.score, c.order))[:_COMPARED]
    cosines = similarity([candidate.statement.text for candidate in scored])
    scored = [replace(c, score=c.score + cosine) for c, cosine in zip(scored, cosines, strict=True)]
    scored.sort(key=lambda c: (-c.score, c.order))
    best: list[_Candidate] = []
    for candidate in scored:
        behind = scored[0].score - candidate.score
        if len(best) == MAX_STATEMENTS or behind > _CLOSE:
            break
        elsewhere = candidate.chunk.document_id != scored[0].chunk.document_id
        if elsewhere and behind > _CLOSE_ELSEWHERE:
            continue
        if all(_differ(candidate.statement.text, other.statement.text) for other in best):
            best.append(candidate)
    leading = best[0].chunk.document_id
    return sorted(best, key=lambda c: (c.chunk.document_id != leading, c.chunk.source.start, c.order))


def _speakable(chunk: Chunk) -> list[Statement]:
    """Return the statements of a chunk that may be said to a customer as they stand."""
    found = []
    # a ticket's question may run over several lines; only what follows is practice
    answered = max(chunk.text.find("处理："), chunk.text.find("处理:")) if chunk.kind == "ticket" else 0
    for statement in statements(chunk.text):
        text = statement.text
        if statement.start < answered:
            continue
        if chunk.kind == "faq":
            if text.startswith(("问：", "问:")):
                continue
            text = re.sub(r"^答[:：]\s*", "", text)
        elif chunk.kind == "ticket":
            if text.startswith("问题"):
                continue
            text = re.sub(r"^处理[:：]\s*", "", text)
        else:
            text = _WE.sub("我们会", text)
            if _FOR_AGENTS.search(text) or _CASE_WORDS.search(text):
                continue
            addressed = _addressed(text)
            if addressed is None:
                continue
            text = addressed
        if text.endswith(("：", ":", "？", "?")) or not 6 <= len(text) <= 160:
            continue
        found.append(replace(statement, text=text))
    return found


def _addressed(text: str) -> str | None:
    """Return a statement as it is said to the customer; None if it tells the agent what to do with them."""
    plain = _CUSTOMER_COMPOUND.sub("", text)
    if "客户" in plain and _INSTRUCTS.search(plain):
        return None
    return _CUSTOMER.sub(lambda match: f"{match['before']}您", text)


def _differ(a: str, b: str) -> bool:
    left, right = set(tokenize(a)), set(tokenize(b))
    return len(left & right) / (min(len(left), len(right)) or 1) < 0.7


def _with_marker(text: str, number: int) -> str:
    """Put `[n]` before the closing mark of each sentence, so that it belongs to it; add a missing mark."""
    marked = []
    for sentence in split_sentences(text):
        closing = re.search(r"[。！？!?；;]+[”’」』）)】]*$", sentence.text)
        end = closing.start() if closing else len(sentence.text)
        marked.append(f"{sentence.text[:end]}[{number}]{closing.group() if closing else '。'}")
    joined = "".join(marked)
    return joined[:-1] + "。" if joined.endswith(("；", ";")) else joined


def _opening(question: str, customer: Customer | None) -> str:
    if re.search(r"骗|垃圾|投诉|气死|什么玩意|坑|退钱|急死|急急|搞什么|怎么回事|无语", question):
        return "非常抱歉给您添麻烦了，您先别着急，我来帮您把这件事处理好。"
    if customer is not None and customer.type in ("merchant", "商家"):
        return "您好，我来帮您处理，要点如下："
    return "您好，别着急，我来帮您看看。"


def _missing_facts(question: str, chunks: Sequence[Chunk]) -> tuple[MissingFact, ...]:
    """Return what the document's steps need and the message does not give."""
    needs = "\n".join(c.text for c in chunks if re.search(r"提供|步骤|前提|核实|信息", c.heading))
    return tuple(
        MissingFact(name, f"麻烦您提供一下{name}")
        for name, asked, given in _FACTS
        if re.search(asked, needs) and not re.search(given, question)
    )[:3]


def _approval(chosen: Sequence[_Candidate]) -> Approval | None:
    for candidate in chosen:
        match = re.search(r"(主管|组长|运营经理|财务)(?:审批|复核|批准|同意|核准)", candidate.chunk.text)
        if match and match.group(1) in candidate.statement.text:
            return Approval(role=match.group(1), reason=candidate.statement.text)
    return None
