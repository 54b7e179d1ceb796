"""The draft without a language model: what the sources say, in the order a person would say it.

Empathy → the rules that answer, each cited → what to ask the customer for → closing. A sentence
with a claim is a statement of the source. It is said as it stands but for two persons, where they
open a clause: the customer (客户) becomes 您, whoever works on it inside the company becomes 我们.
A table row is read out with the headers of its columns. A citation's quote is untouched.
A colleague who asks how to handle a case hears the rule as the manual puts it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kb_assistant.drafting.clauses import read_clause
from kb_assistant.drafting.conflicts import Conflict, conflicts
from kb_assistant.drafting.lint import forbidden_phrases
from kb_assistant.drafting.needs import approval_for, missing_facts
from kb_assistant.drafting.selection import Candidate, Inquiry, candidates, source_chunks
from kb_assistant.drafting.text import Statement, split_sentences
from kb_assistant.drafting.wording import covered, wording
from kb_assistant.types import Approval, Chunk, Customer, Hit, MissingFact

MAX_STATEMENTS = 5  # more is a manual, not a reply
_FLOOR = 0.08  # probability below which only the best statement is said
_PER_PART = 3  # of one among several questions
_LENGTH = 260  # code points of statements after which no further one is added
_QUOTED = 200  # code points from the first to the last statement that share one citation
# how likely another statement must be to be said too, as a share of the best one's probability
_AS_LIKELY = 0.15
_AS_LIKELY_ELSEWHERE = 0.4  # the same in another document, which more often is beside the point
_SAME = 0.7  # share of a statement that others say already
_LENGTHS = (9, 170)

# what is said to the agent, not to a customer: console paths, bookkeeping, dispatch, instructions
_FOR_AGENTS = re.compile(
    r"工单|坐席|客服|当班|交接单|合格写法|汇总|给商家|写进|复述|推销|不讲|多聊|进入第|代为沟通|组长|后台|工作台|「|→|备注|质检|话术|规范|本规则|本流程|适用|SOP|截图打码|口径"
    r"|(?:向|让|给|告诉|告知|请|陪|问|对|协助|帮|跟|替|提醒|引导|与|和|联系|安抚|征得|提示|要求)(?:清)?客户"
    r"|转.{1,5}组|转主管|走第|通报|上报|登记|归类|问清|作废原|按第.步"
    r"|^(?:作废|按|查|核对|核实|打开|点(?!卡)|确认|进入|记录|催|反查|标记|锁定|勾选|提交|先|再|不得|不要|不可|不准|严禁|禁止|如实|逐)"
)
# what a script or a ticket says of one case, which is not the case at hand
_CASE_WORDS = re.compile(
    r"我看到|我查到|查到|查清|查了|已经?(?:核实|给您|为您|帮您|提交|重新|开)|我已|给您(?:补|申请|登记)了|刚才|最晚(?:明|今|周)|您[这那](?:单|单子|张|笔|次|通)"
    r"|[您这][这那单]?[单张笔次](?!笔)|主管(?:已|批了|同意了)|实退|只剩|今天下午|明天[上下]午|\[(?:手机号|卡密|身份证|银行卡)\d+\]|尾号|DD20\d{6}"
)
# a script speaks of its own example: what has been looked up, done or agreed there, when, and how much
_SCRIPT_CASE = re.compile(
    r"已|批下来|看好了|查|目前|现在(?!就|请|可以|先|去)|今[天晚]|昨[天晚]|明[天早晚]|后天|刚|核了|变成|到您|收到了|您(?:是|有|今年|这|那|原来|现在)|我(?:已|刚|把|现在|马上|这就|帮)"
    r"|还没|没满|没通过|正好|系统把|\d+\s?[月号]|[上下]午|给您(?:补|发|退|换|登记|申请)|让您|久等|辛苦您|抱歉|不好意思|剩|还差|还好"
)
# a line that tells of an example, of which a sentence alone would read as the rule
_EXAMPLE = re.compile(r"示例|举例|算例|例如|某(?:商家|客户|用户|订单|单)")
# “充错都可以换账号”：只有… names what people believe; what holds stands behind it
_MISCONCEPTION = re.compile(r"^[“\"][^”\"]{2,30}[”\"][：:](?=.)")
_META = re.compile(r"本办法|本表|本节|本文|见下|如下|下表|上表|以上|本章|前述|该表")
# who does it inside the company becomes "we"; the rest of the sentence stays as it is written
_WE = re.compile(
    r"由?(?:当班)?(?:客服|坐席|[\u4e00-\u9fff]{2,4}组|技术组)(?:须|应|会|需)?(?=在?\s*[\d一二三四五六七八九十半]+\s*(?:个?工作日|个?小时|分钟|秒|天))"
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
    "常见原因",
    "示例",
    "名词",
)
# the label and the quotes around a line of a script: 缓存延迟：“…”
_SCRIPT_LABEL = re.compile(r"^[^：:“”「」]{1,14}[：:](?=\s*[“「\"])")
_QUOTES = '“”「」"『』 '
_PRACTICE = "这类情况之前是这样处理的："
_UNSETTLED = "我先请负责的同事确认以哪一条为准，确认之前不跟您说死，有结果我第一时间回复您。"
_UNSETTLED_INSIDE = "请先找负责的同事确认以哪一条为准，确认之前不要对外说死。"
# a colleague asks about a customer, or about the rules of the house
_COLLEAGUE = re.compile(
    r"客户(?!经理|都?在?等|端)|顾客|买家(?!秀)|(?:有个|个|这个|那个|位)商家(?!号)|商家(?:说|问|昨|今|要|那边|的)|这人|那人|组长|主管刚|质检|坐席|工单能|咱(?:这边|们这|要|得|该)"
    r"|跟(?:他|她|人)说|让(?:他|她)|给(?:他|她)(?!们充)|回(?:他|她)|(?:他|她)(?:要|还要|非要|说|问)|扣我几分|新人(?:求问|请教)|同事问|看他|教教我|自己点|找谁(?:点头|批|审)"
)
_UPSET = re.compile(
    r"骗|垃圾|投诉|气死|什么玩意|坑|退钱|急死|急急|搞什么|怎么回事|无语|[!！]{2}|凭什么|举报|12315|到底|管不管|差评|忽悠|疯了|服了|要告"
)
_TROUBLE = re.compile(
    r"没(?:到|收|进|有|反应|开|充|给|发)|还没|未|不到|失败|报错|错|超时|卡住|不对|无效|用不了|不了|登不|打不开|被(?:盗|扣|冻|锁|拒|人)|扣了|重复|过期|没了|丢|坏|急|咋办|怎么办|一直|少了|多扣|锁"
)
_CASE = re.compile(
    r"(?:买|充|冲|付|扣|下|退|提|收|绑|输|兑|开|换|点|发|刷|存|填|拍|转)[^，。,\n]{0,6}(?:了|过|的)|没(?:到|收|进|反应|开|充)|还没|不到账|失败|报错|超时|卡住|不对|无效|用不了|被(?:盗|扣|冻|锁)|错误|异常|怎么(?:办|补|弄)|咋办"
)


@dataclass(frozen=True, slots=True)
class Composed:
    """A composed reply: text with markers, and the chunk and the quoted words behind each number."""

    text: str
    cited: dict[int, Chunk]
    quotes: dict[int, str]
    missing_facts: tuple[MissingFact, ...]
    approval: Approval | None
    conflict: Conflict | None = None
    practice: tuple[Conflict, ...] = ()  # solved tickets that differ from what is said


def compose(
    asked: Sequence[tuple[Inquiry, Sequence[Hit]]],
    *,
    document_chunks: Callable[[str], list[Chunk]],
    customer: Customer | None = None,
) -> Composed | None:
    """Compose a reply to a message from its hits; None if no source holds one.

    SOP and FAQ outrank tickets: a ticket speaks only where neither is among the hits, and then
    as how it was handled before, not as a rule.

    Args:
        asked: The masked message with its hits, best first; behind it, where it asks several things,
            each of them with its own.
        document_chunks: All chunks of a document, to see what its steps ask for.
        customer: Steers the tone.

    Returns:
        The reply, or None if no statement of the hits can be said to whoever asks.
    """
    question = asked[0][0].text
    to_colleague = _COLLEAGUE.search(question) is not None
    phrase = _for_colleagues if to_colleague else _for_customers
    chosen: list[Candidate] = []
    for message, hits in asked[1:] or asked:
        ranked = candidates(message, hits, document_chunks, phrase)
        rules = [candidate for candidate in ranked if candidate.chunk.kind != "ticket"]
        chosen = choose(rules or ranked, chosen, limit=MAX_STATEMENTS if len(asked) == 1 else _PER_PART)
    if not chosen:
        return None
    rules = [candidate for candidate in chosen if candidate.chunk.kind != "ticket"]
    found = _conflicts(rules, asked, document_chunks)
    conflict = next((one for one in found if one.other.chunk.kind != "ticket"), None)
    if conflict is not None:
        return _both(conflict, question, customer, phrase, to_colleague=to_colleague)
    lines = [_colleague_opening() if to_colleague else opening(question, customer)]
    chosen.sort(key=lambda candidate: candidate.chunk.kind == "ticket")  # practice after the rules
    numbers = _numbers(chosen)
    cited: dict[int, Chunk] = {}
    spans: dict[int, tuple[int, int]] = {}  # source order: the first statement begins the quote
    for number, candidate in zip(numbers, chosen, strict=True):
        if candidate.chunk.kind == "ticket" and _PRACTICE not in lines:
            lines.append(_PRACTICE)
        said = candidate.statement
        cited[number] = candidate.chunk
        first, last = spans.get(number, (said.start, said.end))
        spans[number] = (min(first, said.start), max(last, said.end))
        lines.append(_with_marker(said.text, number))
    missing: tuple[MissingFact, ...] = ()
    if not to_colleague:
        missing = _missing(question, chosen[0].chunk, document_chunks)
        if missing:
            lines.append(f"麻烦您提供一下{'、'.join(fact.name for fact in missing)}，我马上帮您核对。")
        lines.append(_closing(question))
    return Composed(
        text="\n".join(lines),
        cited=cited,
        quotes={number: cited[number].text[start:end] for number, (start, end) in spans.items()},
        missing_facts=missing,
        approval=approval_for([candidate.statement.text for candidate in chosen]),
        practice=tuple(found),
    )


def sources_of(hits: Sequence[Hit], document_chunks: Callable[[str], list[Chunk]]) -> list[Chunk]:
    """Return what a reply composed from `hits` may quote: their chunks and the rules beside the first."""
    chunks = {hit.chunk.id: hit.chunk for hit in hits}
    return list((chunks | {c.id: c for c in source_chunks(hits, document_chunks)}).values())


def _conflicts(
    chosen: Sequence[Candidate],
    asked: Sequence[tuple[Inquiry, Sequence[Hit]]],
    document_chunks: Callable[[str], list[Chunk]],
) -> list[Conflict]:
    """Return what was found that gives other figures than the statements that are said."""
    chunks = [chunk for _, hits in asked for chunk in source_chunks(hits, document_chunks)]
    said = [
        (clause, unit)
        for candidate in chosen
        for clause in [read_clause(candidate.chunk)]
        for unit in clause.units
        if unit.quote == candidate.statement.quote
    ]
    return list(conflicts(said, [read_clause(chunk) for chunk in chunks], asked[0][0].siblings))


def _both(
    conflict: Conflict,
    question: str,
    customer: Customer | None,
    phrase: Callable[[Statement, Chunk], Statement | None],
    *,
    to_colleague: bool,
) -> Composed:
    """Return a reply that shows what both rules say and promises neither."""
    sides = ((conflict.one, conflict.said), (conflict.other, conflict.but))
    lines = [_colleague_opening() if to_colleague else opening(question, customer)]
    lines.append("这一点目前有两种写法，数字不一样：")
    for number, ((clause, unit), figure) in enumerate(zip(sides, conflict.figures, strict=True), start=1):
        said = phrase(Statement(unit.text, unit.quote, 0), clause.chunk)
        # the other side was not chosen to be said: of what is not for the customer only the figure is told
        text = f"《{clause.chunk.title}》里写的是{figure}。" if said is None else said.text
        lines.append(_with_marker(text, number))
    lines.append(_UNSETTLED_INSIDE if to_colleague else _UNSETTLED)
    return Composed(
        text="\n".join(lines),
        cited={number: clause.chunk for number, (clause, _) in enumerate(sides, start=1)},
        quotes={number: unit.quote for number, (_, unit) in enumerate(sides, start=1)},
        missing_facts=(),
        approval=None,
        conflict=conflict,
    )


def choose(ranked: Sequence[Candidate], before: Sequence[Candidate], *, limit: int) -> list[Candidate]:
    """Add to `before` the statements that are said: the best first, the rest in source order."""
    new = [c for c in ranked if all(_differ(c.statement.text, other.statement.text) for other in before)]
    if not new:
        return list(before)
    best = new[0]
    chosen = [best]
    length = len(best.statement.text)
    for candidate in new[1:]:
        if len(chosen) == limit or length > _LENGTH:
            break
        elsewhere = candidate.chunk.document_id != best.chunk.document_id
        needed = _AS_LIKELY_ELSEWHERE if elsewhere else _AS_LIKELY
        if candidate.probability < max(_FLOOR, needed * best.probability):
            continue
        if all(_differ(candidate.statement.text, other.statement.text) for other in chosen):
            chosen.append(candidate)
            length += len(candidate.statement.text)

    def place(candidate: Candidate) -> tuple[bool, int, int]:
        chunk = candidate.chunk
        return chunk.document_id != best.chunk.document_id, chunk.source.start, candidate.statement.start

    return [*before, best, *sorted(chosen[1:], key=place)]


def _numbers(chosen: Sequence[Candidate]) -> list[int]:
    """Return the citation number of each statement, from 1 in order of use.

    Neighbours in one chunk share a number, and the stretch of the source from the first to the last
    of them is its quote; statements further apart get one each, so that a quote stays to the point.
    """
    numbers: list[int] = []
    opened: list[Candidate] = []  # the first statement under each number
    for candidate in chosen:
        number = next(
            (
                n
                for n, first in enumerate(opened, start=1)
                if first.chunk.id == candidate.chunk.id
                and max(candidate.statement.end, first.statement.end)
                - min(candidate.statement.start, first.statement.start)
                <= _QUOTED
            ),
            None,
        )
        if number is None:
            opened.append(candidate)
        numbers.append(number or len(opened))
    return numbers


def _for_colleagues(statement: Statement, chunk: Chunk) -> Statement | None:
    """Return a statement as the manual puts it, unless it says nothing by itself."""
    text = _bare(statement, chunk)
    if text is None or text.endswith(("：", ":", "？", "?")) or not _LENGTHS[0] <= len(text) <= _LENGTHS[1]:
        return None
    return replace(statement, text=text)


def _for_customers(statement: Statement, chunk: Chunk) -> Statement | None:
    """Return a statement as it is said to a customer; None if it is not for them, or of another case."""
    if any(word in chunk.heading for word in _NOT_FOR_REPLIES) or _EXAMPLE.search(_line_of(statement, chunk)):
        return None
    plain = _for_colleagues(statement, chunk)
    if plain is None:
        return None
    text = _MISCONCEPTION.sub("", plain.text)
    if next(forbidden_phrases(text), None) is not None:
        return None
    if chunk.kind == "sop":
        if _CASE_WORDS.search(text) or _META.search(text):
            return None
        if _is_script(statement, chunk):
            if _SCRIPT_CASE.search(text):
                return None
        else:
            text = _WE.sub("我们会", text)
            if _FOR_AGENTS.search(text):
                return None
        addressed = _addressed(text)
        if addressed is None:
            return None
        text = addressed
    return replace(plain, text=text)


def _bare(statement: Statement, chunk: Chunk) -> str | None:
    """Return a statement without the label of its format: 问, 处理, the name and quotes of a script."""
    text = statement.text
    if chunk.kind == "faq":
        return None if text.startswith(("问：", "问:")) else re.sub(r"^答[:：]\s*", "", text)
    if chunk.kind == "ticket":
        # a ticket's question may run over several lines; only what follows is practice
        answered = max(chunk.text.find("处理："), chunk.text.find("处理:"))
        if statement.start < answered or text.startswith("问题"):
            return None
        return re.sub(r"^处理[:：]\s*", "", text)
    if _is_script(statement, chunk):
        return _SCRIPT_LABEL.sub("", text).strip(_QUOTES)
    return text


def _line_of(statement: Statement, chunk: Chunk) -> str:
    start = chunk.text.rfind("\n", 0, statement.start) + 1
    return chunk.text[start : statement.end]


def _is_script(statement: Statement, chunk: Chunk) -> bool:
    return "话术" in chunk.heading or _SCRIPT_LABEL.match(statement.text) is not None


def _addressed(text: str) -> str | None:
    """Return a statement as it is said to the customer; None if it tells the agent what to do with them."""
    plain = _CUSTOMER_COMPOUND.sub("", text)
    if "客户" in plain and _INSTRUCTS.search(plain):
        return None
    return _CUSTOMER.sub(lambda match: f"{match['before']}您", text)


def _differ(a: str, b: str) -> bool:
    one, other = wording(a), wording(b)
    return max(covered(one, other), covered(other, one)) < _SAME


def _with_marker(text: str, number: int) -> str:
    """Put `[n]` before the closing mark of each sentence, so that it belongs to it; add a missing mark."""
    marked = []
    for sentence in split_sentences(text):
        closing = re.search(r"[。！？!?；;]+[”’」』）)】]*$", sentence.text)
        end = closing.start() if closing else len(sentence.text)
        marked.append(f"{sentence.text[:end]}[{number}]{closing.group() if closing else '。'}")
    joined = "".join(marked)
    return joined[:-1] + "。" if joined.endswith(("；", ";")) else joined


def opening(question: str, customer: Customer | None) -> str:
    """Return the first line: calm first for an upset customer, brief for a merchant, plain otherwise."""
    kind = (customer.type or "") if customer is not None else ""
    tier = (customer.tier or "") if customer is not None else ""
    if _UPSET.search(question):
        return "非常抱歉给您添麻烦了，您先别着急，我来帮您把这件事处理好。"
    if kind in ("merchant", "商家"):
        return "您好，我来帮您处理，要点如下："
    if kind in ("beginner", "new", "新手", "新买家"):
        return "您好，别担心，我一步一步陪您弄好。"
    if re.search(r"vip|铂金|黑金", tier, re.IGNORECASE):
        return "您好，感谢您一直以来的支持，我马上帮您看。"
    if _TROUBLE.search(question):
        return "您好，别着急，我来帮您看看。"
    return "您好，您问的情况我给您说明一下。"


def _colleague_opening() -> str:
    return "处理办法如下："


def _closing(question: str) -> str:
    if _CASE.search(question) or _TROUBLE.search(question):
        return "有任何问题随时找我，我会一直跟进到解决。"
    return "还有不清楚的地方随时问我。"


def _missing(
    question: str, chunk: Chunk, document_chunks: Callable[[str], list[Chunk]]
) -> tuple[MissingFact, ...]:
    """Return what must be asked for: only where the message is about a case, not about a rule."""
    if not _CASE.search(question):
        return ()
    sections = document_chunks(chunk.document_id) if chunk.kind == "sop" else []
    return missing_facts(question, [chunk, *sections])
