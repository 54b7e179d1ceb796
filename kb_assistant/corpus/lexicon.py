"""`lexicon.yaml`: what customers say for the manual's words, what makes a message urgent, what excludes what.

    aliases:
      未到账: [没到账, 没到, 不到账]
      充值: [冲值]
    urgent: [12315, 律师函]
    siblings:
      - [快充, 慢充]

A manager edits it beside the documents; `kb index` reads it, `kb lexicon` shows what it does.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from kb_assistant.corpus.parsed import Problem
from kb_assistant.corpus.script import simplify
from kb_assistant.corpus.text import quote
from kb_assistant.types import AliasUse, Lexicon

LEXICON_FILE = "lexicon.yaml"
_EXPECTED = (
    "expected `aliases:` with lists of words under each of the manual's terms, `urgent:` with a list, and "
    "`siblings:` with a list of lists"
)


@dataclass(frozen=True, slots=True)
class AliasCount:
    """How many texts an alias fires in, and the first of them."""

    alias: str
    term: str
    count: int
    example: str


def read_lexicon(root: Path) -> tuple[Lexicon, list[Problem]]:
    """Read the lexicon of a corpus folder.

    Args:
        root: The corpus; a single file has no lexicon.

    Returns:
        The lexicon, empty where there is none, and what is wrong with it; entries that are not
        wrong count.
    """
    path = root / LEXICON_FILE
    if not root.is_dir() or not path.is_file():
        return Lexicon(), []
    try:
        # everything is text: 012 is no number and no is no truth value
        content = yaml.BaseLoader(path.read_text(encoding="utf-8-sig")).get_single_data()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        line = None if where is None else where.line + 1
        return Lexicon(), [Problem(LEXICON_FILE, line, f"not YAML in UTF-8: {_reason(error)}; {_EXPECTED}")]
    problems: list[Problem] = []
    if not isinstance(content, dict):
        return Lexicon(), [Problem(LEXICON_FILE, None, _EXPECTED)] if content else []
    for name in [name for name in content if name not in ("aliases", "urgent", "siblings")]:
        problems.append(Problem(LEXICON_FILE, None, f"unknown entry {quote(str(name))} ignored; {_EXPECTED}"))
    aliases = _aliases(content.get("aliases") or {}, problems)
    urgent = tuple(dict.fromkeys(_words(content.get("urgent") or [], "urgent", problems)))
    return Lexicon(aliases, urgent, _siblings(content.get("siblings") or [], problems)), problems


def find_aliases(lexicon: Lexicon, text: str) -> list[AliasUse]:
    """Return the aliases that occur in `text`, left to right; where several begin, the longest.

    Script, width and case do not matter; Latin letters and digits do not match inside a longer word or
    number. An alias does not fire inside its own term: 到账 for 到账时间 in a text that says 到账时间.
    """
    if not lexicon.aliases:
        return []
    simple = simplify(text)
    inside: dict[str, set[int]] = {}
    uses = []
    for match in _pattern(tuple(lexicon.aliases)).finditer(simple):
        term = lexicon.aliases[match.group()]
        if term not in inside:
            spans = re.finditer(re.escape(simplify(term)), simple)
            inside[term] = {at for span in spans for at in range(*span.span())}
        if not {match.start(), match.end() - 1} <= inside[term]:
            uses.append(AliasUse(match.group(), term))
    return uses


def contains_word(text: str, word: str) -> bool:
    """Tell whether `word` stands in `text`, by the rules of `find_aliases`."""
    return _pattern((simplify(word),)).search(simplify(text)) is not None


def count_aliases(lexicon: Lexicon, texts: Iterable[str]) -> list[AliasCount]:
    """Return how many of `texts` each alias fires in, the commonest first."""
    counts = dict.fromkeys(lexicon.aliases, 0)
    examples = dict.fromkeys(lexicon.aliases, "")
    for text in texts:
        for use in {use.alias: use for use in find_aliases(lexicon, text)}.values():
            counts[use.alias] += 1
            examples[use.alias] = examples[use.alias] or text
    return [
        AliasCount(alias, lexicon.aliases[alias], counts[alias], examples[alias])
        for alias in sorted(counts, key=lambda alias: -counts[alias])
    ]


@lru_cache(maxsize=64)
def _pattern(aliases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(aliases, key=len, reverse=True)
    return re.compile("|".join(_bounded(alias) for alias in longest_first))


def _bounded(alias: str) -> str:
    """Return a pattern that does not cut a Latin word or a number in two."""
    left = r"(?<![a-z0-9])" if alias[0].isascii() and alias[0].isalnum() else ""
    right = r"(?![a-z0-9])" if alias[-1].isascii() and alias[-1].isalnum() else ""
    return left + re.escape(alias) + right


def _aliases(entries: object, problems: list[Problem]) -> dict[str, str]:
    if not entries:
        return {}
    if not isinstance(entries, dict):
        problems.append(Problem(LEXICON_FILE, None, f"`aliases` is no mapping; {_EXPECTED}"))
        return {}
    aliases: dict[str, str] = {}
    for term, words in entries.items():
        if not str(term).strip():
            problems.append(
                Problem(LEXICON_FILE, None, "a term is blank; write the manual's word before the colon")
            )
            continue
        for word in _words(words, str(term), problems):
            alias = simplify(word)
            if alias == simplify(str(term)):
                continue
            if aliases.setdefault(alias, str(term)) != str(term):
                both = f"{quote(aliases[alias])} and {quote(str(term))}"
                what = f"{quote(word)} stands under {both}; the first counts"
                problems.append(Problem(LEXICON_FILE, None, what))
    return aliases


def _siblings(entries: object, problems: list[Problem]) -> tuple[tuple[str, ...], ...]:
    if not isinstance(entries, list):
        problems.append(Problem(LEXICON_FILE, None, f"`siblings` is no list of lists; {_EXPECTED}"))
        return ()
    groups = []
    for entry in entries:
        group = tuple(dict.fromkeys(simplify(word) for word in _words(entry, "siblings", problems)))
        if len(group) > 1:
            groups.append(group)
        elif isinstance(entry, list) and all(isinstance(word, str) for word in entry):
            what = (
                f"siblings {quote(', '.join(entry))} need at least two names that exclude each other; ignored"
            )
            problems.append(Problem(LEXICON_FILE, None, what))
    return tuple(groups)


def _words(words: object, name: str, problems: list[Problem]) -> Iterable[str]:
    if not isinstance(words, list):
        problems.append(
            Problem(LEXICON_FILE, None, f"{quote(name)} needs a list, as [没到账, 没到]; ignored")
        )
        return
    for word in words:
        if isinstance(word, str) and word.strip():
            yield word.strip()
        else:
            problems.append(
                Problem(LEXICON_FILE, None, f"{quote(name)} lists {quote(str(word))}, expected a word")
            )


def _reason(error: Exception) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
