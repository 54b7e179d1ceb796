"""Count what the check catches of replies made wrong on purpose, and what it says of right ones.

    python benchmarks/checking.py benchmarks/replies --index indexes/default --golden tests/golden

Originals are hand-written replies (JSONL) and, with --golden, the composer's own drafts. Each is
checked as it stands (what is flagged is a false alarm) and once for every corruption of it that
`corruption.py` makes (what is not flagged is a miss). --misses writes both as text to read.
"""

import argparse
import hashlib
import json
import math
import re
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from corruption import KINDS, Clause, Corruption, corrupt, split_sentences

from kb_assistant.assistant import Assistant
from kb_assistant.drafting.check import Case, check_text
from kb_assistant.errors import NotFound
from kb_assistant.index.embedding import open_embedder
from kb_assistant.index.knowledge import KnowledgeIndex
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Check, Chunk, DraftWarning

CAP = 200  # corruptions of one kind from one origin, so that no kind outweighs the others
Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class Original:
    """A reply that is right, with the clauses it cites."""

    id: str
    origin: str
    question: str
    text: str
    citations: Mapping[int, str]
    quotes: Mapping[int, str]
    clauses: Mapping[int, str]
    as_of: date | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the check made of one corruption."""

    original: Original
    corruption: Corruption
    check: Check
    caught: bool
    fresh: bool  # caught, and more is flagged than in the untouched reply: no lucky false alarm


def main() -> None:
    arguments = _arguments()
    results, report = measure(
        arguments.index, arguments.replies, arguments.golden, split=arguments.split, seed=arguments.seed
    )
    _print(results)
    if arguments.misses:
        arguments.misses.write_text("\n".join(text for text in report if text), encoding="utf-8")
    if arguments.json:
        facts = {"split": arguments.split, "seed": arguments.seed, "origins": results}
        arguments.json.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def measure(
    index: Path, replies: Sequence[Path], golden: Path | None, *, split: str, seed: int = 0
) -> tuple[dict[str, Any], list[str]]:
    """Return what was caught of each kind and what was flagged wrongly, by origin, and both as text."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(index_dir=index, records_url=f"sqlite:///{Path(folder) / 'records.sqlite3'}")
        chunks = _chunks(settings)
        assistant = Assistant.open(settings)
        originals = _hand_written(assistant, replies, chunks)
        originals += _composed(assistant, golden, chunks) if golden else []
        originals = [one for one in originals if split in ("all", split_of(one.id))]
        siblings = [_clause(chunk) for chunk in chunks.values() if chunk.kind != "ticket"]
        results: dict[str, Any] = {}
        report: list[str] = []
        for origin in dict.fromkeys(one.origin for one in originals):
            own = [one for one in originals if one.origin == origin]
            checks = {one.id: _check(assistant, one, one.text, one.citations) for one in own}
            outcomes = [
                _judge(assistant, one, corruption, checks[one.id])
                for one, corruption in _corruptions(own, siblings, seed)
            ]
            results[origin] = {
                "originals": len(own),
                "kinds": _by_kind(outcomes),
                "notes": _by_note(outcomes),
                "false_alarms": _false_alarms(list(checks.values())),
            }
            report += [_false_alarm_text(one, checks[one.id]) for one in own]
            report += [_miss_text(outcome) for outcome in outcomes if not outcome.caught]
        assistant.close()
    return results, report


def check_speed(index: Path, replies: Sequence[Path], rounds: int = 5) -> dict[str, float]:
    """Time the check of 600-character replies with five citations, and embedding one query, in turn.

    The replies are hand-written ones with five citations or more, repeated up to 600 characters. "cold"
    reads every clause anew, as right after a start; "known" is another reply, every sentence of it new, on
    clauses that were cited before; "edited" is that reply with one sentence changed.
    """
    settings = Settings(index_dir=index)
    embedder, chunks = open_embedder(settings), _chunks(settings)
    rows = [row for row in _rows(replies) if len(row["citations"]) >= 5]
    times: dict[str, list[float]] = {"cold": [], "known": [], "edited": [], "embedding": []}
    for row in rows * rounds:
        text = (row["text"] * 3)[:600]
        cited = {int(c["n"]): chunks[c["chunk_id"]] for c in row["citations"][:5]}
        _forget()
        other = re.sub(r"(^|(?<=。))(?=.)", "那", text)
        edited = other[:-1] + "呀。"
        for name, reply in (("cold", text), ("known", other), ("edited", edited)):
            started = time.perf_counter()
            check_text(reply, cited, Case(as_of=date(2026, 11, 1), question=row["question"]))
            times[name].append(time.perf_counter() - started)
        started = time.perf_counter()
        embedder.embed_queries([row["question"]])
        times["embedding"].append(time.perf_counter() - started)
    return {name: round(statistics.median(values) * 1000, 2) for name, values in times.items()}


def _forget() -> None:
    """Empty every cache of the drafting room."""
    for name, module in list(sys.modules.items()):
        if name.startswith("kb_assistant.drafting"):
            for cached in vars(module).values():
                if hasattr(cached, "cache_clear"):
                    cached.cache_clear()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("replies", nargs="*", type=Path, help="JSONL files, or folders of them")
    parser.add_argument("--index", type=Path, default=Path("indexes/default"))
    parser.add_argument("--golden", type=Path, help="folder of golden questions to draft replies to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=("dev", "test", "all"), default="dev")
    parser.add_argument("--misses", type=Path, help="write every miss and false alarm here, as text")
    parser.add_argument("--json", type=Path, help="write the results here")
    arguments = parser.parse_args()
    if not arguments.replies and not arguments.golden:
        parser.error("nothing to check; give files or folders of replies, or --golden tests/golden")
    return arguments


def split_of(identifier: str) -> str:
    """Return "dev" or "test", the same for one id for ever."""
    return "test" if hashlib.sha256(identifier.encode()).digest()[0] % 2 else "dev"


# --- originals -----------------------------------------------------------------------------------


def _chunks(settings: Settings) -> dict[str, Chunk]:
    index = KnowledgeIndex.open(settings.index_dir, open_embedder(settings))
    chunks = index.catalog.chunks(range(len(index.catalog)))
    index.catalog.close()
    return {chunk.id: chunk for chunk in chunks}


def _clause(chunk: Chunk) -> Clause:
    return Clause(chunk.id, chunk.document_id, chunk.title, chunk.heading, chunk.text)


def _rows(paths: Iterable[Path]) -> list[dict[str, Any]]:
    files = [file for path in paths for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line) for line in lines if line.strip()]


def _hand_written(assistant: Assistant, paths: Iterable[Path], chunks: Mapping[str, Chunk]) -> list[Original]:
    originals = []
    for row in _rows(paths):
        cited = {int(citation["n"]): citation for citation in row["citations"]}
        lost = [citation["chunk_id"] for citation in cited.values() if citation["chunk_id"] not in chunks]
        if lost:
            raise NotFound(f"{row['_id']}: {lost[0]!r} is not in the index; rebuild it or mend the reply")
        originals.append(
            Original(
                id=row["_id"],
                origin="hand",
                question=row["question"],
                text=assistant.masked(row["text"]),  # spans of the check refer to the masked text
                citations={n: citation["chunk_id"] for n, citation in cited.items()},
                quotes={n: citation.get("quote", "") for n, citation in cited.items()},
                clauses={n: chunks[citation["chunk_id"]].text for n, citation in cited.items()},
                as_of=date.fromisoformat(row["as_of"]) if row.get("as_of") else None,
            )
        )
    return originals


def _composed(assistant: Assistant, golden: Path, chunks: Mapping[str, Chunk]) -> list[Original]:
    originals = []
    for row in _rows([golden]):
        if row["status"] != "answered":
            continue
        as_of = date.fromisoformat(row["as_of"]) if row.get("as_of") else None
        draft = assistant.draft(row["text"], caller=LOCAL_CALLER, as_of=as_of, keep=False)
        if draft.status != "answered" or not draft.citations:
            continue
        originals.append(
            Original(
                id=row["_id"],
                origin="composer",
                question=draft.question,
                text=draft.text,
                citations={citation.n: citation.chunk_id for citation in draft.citations},
                quotes={citation.n: citation.quote for citation in draft.citations},
                clauses={citation.n: chunks[citation.chunk_id].text for citation in draft.citations},
                as_of=as_of,
            )
        )
    return originals


def _corruptions(
    originals: Sequence[Original], siblings: Sequence[Clause], seed: int
) -> list[tuple[Original, Corruption]]:
    """Return up to CAP corruptions of each kind: the first of every reply, then the second, and so on."""
    by_kind: dict[str, list[tuple[int, Original, Corruption]]] = defaultdict(list)
    for original in originals:
        row = {
            "question": original.question,
            "text": original.text,
            "citations": [{"n": n, "chunk_id": chunk_id} for n, chunk_id in original.citations.items()],
        }
        turns: Counter[str] = Counter()
        for corruption in corrupt(row, original.clauses, siblings, Random(f"{seed} {original.id}")):
            by_kind[corruption.kind].append((turns[corruption.kind], original, corruption))
            turns[corruption.kind] += 1
    taken = []
    for kind in KINDS:
        found = by_kind[kind]
        Random(f"{seed} {kind}").shuffle(found)
        found.sort(key=lambda row: row[0])
        taken += [(original, corruption) for _, original, corruption in found[:CAP]]
    return taken


# --- what the check says -------------------------------------------------------------------------


def _check(assistant: Assistant, original: Original, text: str, citations: Mapping[int, str]) -> Check:
    return assistant.check(
        original.question, text, caller=LOCAL_CALLER, citations=citations, as_of=original.as_of
    )


def _judge(assistant: Assistant, original: Original, corruption: Corruption, before: Check) -> Outcome:
    check = _check(assistant, original, corruption.text, corruption.citations)
    caught = _caught(original, corruption, check, before)
    return Outcome(original, corruption, check, caught, caught and _flags(check) > _flags(before))


def _flags(check: Check) -> int:
    """Return how much a check finds fault with."""
    figures = sum(figure.verdict != "supported" for figure in check.figures)
    sentences = sum(sentence.support == "unsupported" for sentence in check.sentences)
    citations = sum(citation.verdict != "supports" for citation in check.citations)
    return figures + sentences + citations + len(check.warnings)


def _caught(original: Original, corruption: Corruption, check: Check, before: Check) -> bool:
    start, end = corruption.start, corruption.end
    figure = _flagged_figure(check, start, end)
    if corruption.kind in ("figure_changed", "unit_changed"):
        return figure
    if corruption.kind == "promise_added":
        return figure or _unsupported(check, start, end) or bool(_warned(check, start, end, "promise"))
    if corruption.kind == "condition_dropped":
        dropped = corruption.note.partition("“")[2].partition("”")[0]
        told = {warning.message for warning in before.warnings}
        warned = [w for w in check.warnings if w.kind == "omission" and w.message not in told]
        named = any(_quotes(warning.message, dropped) for warning in warned)
        inside = any(warning in warned for warning in _warned(check, start, end))
        return named or inside or _unsupported(check, start, end)
    if corruption.kind == "citation_swapped":
        return _swap_caught(original, corruption, check)
    start, end = _sentence_around(corruption.text, start, end)
    return (
        _flagged_figure(check, start, end)
        or _unsupported(check, start, end)
        or bool(_warned(check, start, end))
        or _doubted(check, start, end)
    )


def _swap_caught(original: Original, corruption: Corruption, check: Check) -> bool:
    """Tell whether a touched citation, or a sentence or figure that rests on it, is flagged."""
    touched = {n for n, chunk_id in corruption.citations.items() if original.citations[n] != chunk_id}
    if touched:
        spans = [(one.start, one.end) for one in check.sentences if touched & set(one.citations)]
    else:  # two markers exchanged: the sentences that now read otherwise
        before = {sentence.text for sentence in split_sentences(original.text)}
        changed = [one for one in split_sentences(corruption.text) if one.text not in before]
        touched = {n for one in changed for n in one.markers}
        spans = [(one.start, one.end) for one in changed]
    return any(
        citation.n in touched and citation.verdict != "supports" for citation in check.citations
    ) or any(_unsupported(check, *span) or _flagged_figure(check, *span) for span in spans)


def _sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    around = [one for one in split_sentences(text) if one.start < max(end, start + 1) and one.end > start]
    if not around:
        return start, end
    return min(start, around[0].start), max(end, around[-1].end)


def _flagged_figure(check: Check, start: int, end: int) -> bool:
    return any(
        figure.verdict != "supported" and figure.start < end and figure.end > start
        for figure in check.figures
    )


def _unsupported(check: Check, start: int, end: int) -> bool:
    return any(
        sentence.support == "unsupported" and sentence.start < end and sentence.end > start
        for sentence in check.sentences
    )


def _doubted(check: Check, start: int, end: int) -> bool:
    """Tell whether a citation of a sentence in the span does not support it."""
    numbers = {
        n
        for sentence in check.sentences
        if sentence.start < end and sentence.end > start
        for n in sentence.citations
    }
    return any(citation.n in numbers and citation.verdict != "supports" for citation in check.citations)


def _warned(check: Check, start: int | None, end: int | None, kind: str | None = None) -> list[DraftWarning]:
    """Return the warnings of `kind` with a span in the given one; without one, those without one."""
    found = [warning for warning in check.warnings if kind in (None, warning.kind)]
    if start is None or end is None:
        return [warning for warning in found if warning.start is None]
    return [
        warning
        for warning in found
        if warning.start is not None and warning.start < end and (warning.end or warning.start + 1) > start
    ]


def _quotes(message: str, dropped: str) -> bool:
    """Tell whether a message names what was dropped: it shares a third of the pairs of letters, or four."""
    pairs = {a + b for a, b in pairwise(dropped)}
    common = {a + b for a, b in pairwise(message)} & pairs
    return bool(pairs) and (len(common) >= 4 or len(common) / len(pairs) >= 1 / 3)


# --- counting ------------------------------------------------------------------------------------


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), (0, 1) for no trials."""
    if not count:
        return 0.0, 1.0
    share, square = hits / count, Z * Z
    middle = share + square / (2 * count)
    reach = Z * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    low, high = (middle - reach) / (1 + square / count), (middle + reach) / (1 + square / count)
    return max(0.0, low), min(1.0, high)


def _share(hits: int, count: int) -> dict[str, Any]:
    low, high = wilson(hits, count)
    share = hits / count if count else None
    return {"n": count, "hits": hits, "share": share, "low": low, "high": high}


def _by_kind(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    table = {}
    for kind in KINDS:
        table[kind] = _counted([outcome for outcome in outcomes if outcome.corruption.kind == kind])
    return table | {"all": _counted(outcomes)}


def _counted(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    caught = _share(sum(outcome.caught for outcome in outcomes), len(outcomes))
    return caught | {"fresh": sum(outcome.fresh for outcome in outcomes)}


def _by_note(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the shares of the hard and easy sorts within a kind, by the head of the note."""
    sorts = ("swap:", "another number:", "renamed:", "quoted", "cited instead:", "promise without")
    sorts += ("promise with ", "exchanged", "another clause of the document", "a clause of another document")
    table = {}
    for sort in sorts:
        own = [outcome for outcome in outcomes if sort in outcome.corruption.note]
        if own:
            table[sort.strip(" :")] = _counted(own)
    return table


def _false_alarms(checks: Sequence[Check]) -> dict[str, Any]:
    figures = [figure.verdict != "supported" for check in checks for figure in check.figures]
    factual = [
        sentence.support == "unsupported"
        for check in checks
        for sentence in check.sentences
        if sentence.citations
    ]
    citations = [citation.verdict != "supports" for check in checks for citation in check.citations]
    kinds = Counter(warning.kind for check in checks for warning in check.warnings)
    return {
        "figures not supported": _share(sum(figures), len(figures)),
        "factual sentences unsupported": _share(sum(factual), len(factual)),
        "citations not supporting": _share(sum(citations), len(citations)),
        "warnings per reply": {kind: kinds[kind] / max(1, len(checks)) for kind in sorted(kinds)},
        "omission warnings per reply": kinds["omission"] / max(1, len(checks)),
        "promise warnings per reply": kinds["promise"] / max(1, len(checks)),
    }


# --- reports -------------------------------------------------------------------------------------


def _print(results: Mapping[str, Any]) -> None:
    for origin, facts in results.items():
        print(f"\n{origin}: {facts['originals']} replies\n")
        print(f"{'corruption':32}{'n':>6}{'caught':>8}{'%':>8}   95 % interval   (more flagged than before)")
        for name, row in facts["kinds"].items():
            _print_row(name, row)
        print("\nwithin the kinds")
        for name, row in facts["notes"].items():
            _print_row("  " + name, row)
        print("\nfalse alarms on the untouched replies")
        for name, row in facts["false_alarms"].items():
            if isinstance(row, float):
                print(f"  {name:30}{row:>22.2f}")
            elif "n" in row:
                _print_row("  " + name, row)
            else:
                print("  all warnings per reply: " + ", ".join(f"{k} {v:.2f}" for k, v in row.items()))


def _print_row(name: str, row: Mapping[str, Any]) -> None:
    share = "–" if row["share"] is None else f"{100 * row['share']:.1f}"
    low, high = 100 * row["low"], 100 * row["high"]
    fresh = f"   ({row['fresh']})" if "fresh" in row else ""
    print(f"{name:32}{row['n']:>6}{row['hits']:>8}{share:>8}   {low:.1f} to {high:.1f}{fresh}")


def _miss_text(outcome: Outcome) -> str:
    original, corruption = outcome.original, outcome.corruption
    start, end = corruption.start, corruption.end
    marked = f"{corruption.text[:start]}⟦{corruption.text[start:end]}⟧{corruption.text[end:]}"
    around = _sentence_around(corruption.text, start, end)
    head = f"=== MISS {corruption.kind} · {original.origin} {original.id} · {corruption.note}"
    return _told(head, original, marked, _said(outcome.check, *around), _numbers(corruption.text, *around))


def _false_alarm_text(original: Original, check: Check) -> str:
    said = [
        f"figure {one.text!r}: {one.verdict} (source: {one.source_text!r})"
        for one in check.figures
        if one.verdict != "supported"
    ]
    said += [
        f"sentence unsupported: {one.text}"
        for one in check.sentences
        if one.citations and one.support == "unsupported"
    ]
    said += [f"citation [{one.n}]: {one.verdict}" for one in check.citations if one.verdict != "supports"]
    said += [f"warning {one.kind}: {one.message}" for one in check.warnings]
    if not said:
        return ""
    head = f"=== FALSE ALARM · {original.origin} {original.id}"
    return _told(head, original, original.text, said, tuple(original.citations))


def _numbers(text: str, start: int, end: int) -> tuple[int, ...]:
    inside = [one for one in split_sentences(text) if one.start < end and one.end > start]
    return tuple(dict.fromkeys(n for one in inside for n in one.markers))


def _said(check: Check, start: int, end: int) -> list[str]:
    said = [
        f"sentence {one.support} {list(one.citations)}: {one.text}"
        for one in check.sentences
        if one.start < end and one.end > start
    ]
    said += [
        f"figure {one.text!r}: {one.verdict} [{one.citation}] (source: {one.source_text!r})"
        for one in check.figures
        if one.start < end and one.end > start
    ]
    said += [f"citation [{one.n}]: {one.verdict} {one.chunk_id}" for one in check.citations]
    return said + [f"warning {one.kind} {one.start}-{one.end}: {one.message}" for one in check.warnings]


def _told(head: str, original: Original, text: str, said: Sequence[str], numbers: Sequence[int]) -> str:
    lines = [head, f"question: {original.question}", f"text: {text}"]
    for n in numbers:
        if n in original.clauses:
            clause = " ".join(original.clauses[n].split())
            lines.append(f"[{n}] {original.citations[n]} “{original.quotes.get(n, '')}” | {clause[:600]}")
    return "\n".join([*lines, *(f"  {line}" for line in said), ""])


if __name__ == "__main__":
    main()
