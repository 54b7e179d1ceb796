"""A burst that asks several things, cut into what each of them says."""

import re

MAX_PARTS = 3
_SHORTEST = 10  # code points; what is shorter belongs to what is asked around it
_PAUSE = re.compile(r"(?:[\s。！!？?；;]|(?=另外|还有|再问|顺便|对了))+")
_ASKS = re.compile(
    r"[吗呢哪几咋啥][^，,]{0,12}$|多久|多少|几|能不|能[^，。]{0,8}[吗不]|怎么|咋|啥|什么|哪|行不|不$|赶得上|算谁|为什么|凭什么"
    r"|有没有|是不是|要不要|会不会|可不可以|认不认"
)


def split_questions(message: str) -> list[str]:
    """Return the parts of `message`, each of which asks something, at most three; itself where it asks once.

    A part runs from what leads to a question to the pause after it: 会员断了十来天,现在交钱黄金还认不认 ·
    账上800积分能当几块钱花.
    """
    parts: list[str] = []
    collected: list[str] = []
    for piece in filter(str.strip, _PAUSE.split(message)):
        collected.append(piece.strip())
        if _ASKS.search(piece) and len("".join(collected)) >= _SHORTEST and len(parts) < MAX_PARTS:
            parts.append(" ".join(collected))
            collected = []
    if collected and parts:
        parts[-1] = " ".join((parts[-1], *collected))
    return parts if len(parts) > 1 else [message]
