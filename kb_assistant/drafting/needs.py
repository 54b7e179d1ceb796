"""What the steps of a rule need before anything can be done: facts from the customer, somebody's approval."""

import re
from collections.abc import Iterable, Sequence

from kb_assistant.types import Approval, Chunk, MissingFact

MAX_ASKED = 3  # more questions at once are not answered
_FACTS: tuple[tuple[str, str, str], ...] = (
    # name, how a source asks for it, how a message already gives it
    ("订单号", r"订单号", r"DD\d{8,}|KM\d{6,}|订单号?[:：是]?\s*[A-Za-z0-9]{6,}"),
    ("充值账号", r"充值账号|充值号码|手机号(?:码)?|会员账号", r"\[手机号\d+\]|账号[:：是]?\s*\S{4,}"),
    ("付款时间", r"付款时间|支付时间|下单时间", r"\d{1,2}[点:：]\d{0,2}|刚才|刚刚|昨天|今天|前天|\d{1,2}号"),
    ("报错截图", r"截图", r"截图|图片|如图|\[图"),
    ("支付流水号", r"支付流水号|流水号", r"流水号?[:：是]?\s*\d{8,}"),
)
_ASKING_SECTION = re.compile(r"提供|步骤|前提|核实|信息")
_APPROVERS = (
    r"(?:[\u4e00-\u9fff]{1,3}组)?(?:主管|组长|运营经理|运营总监|总监|财务|风控组|商家组|客户经理|经理)"
)
_APPROVED = re.compile(
    rf"(?P<role>{_APPROVERS})(?:[^，,。；;\n]{{0,4}})(?:审批|复核|批准|同意|核准|会签|签字|确认后)"
    rf"|(?:经|由|报|须|需|找)(?P<by>{_APPROVERS})(?:审批|批|复核|签|同意|核准|批准)"
)


def missing_facts(question: str, sections: Iterable[Chunk]) -> tuple[MissingFact, ...]:
    """Return what the steps in `sections` ask for and `question` does not give, at most three."""
    needs = "\n".join(c.text for c in sections if _ASKING_SECTION.search(c.heading))
    return tuple(
        MissingFact(name, f"麻烦您提供一下{name}")
        for name, asked, given in _FACTS
        if re.search(asked, needs) and not re.search(given, question)
    )[:MAX_ASKED]


def approval_for(statements: Sequence[str]) -> Approval | None:
    """Return who must approve what the statements offer, and the one that says so; None if nobody."""
    for statement in statements:
        match = _APPROVED.search(statement)
        if match:
            return Approval(role=match["role"] or match["by"], reason=statement)
    return None
