"""The `kb` commands: thin, over the façade. Heavy imports wait until a command needs them."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from enum import StrEnum
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from kb_assistant import __version__
from kb_assistant.errors import InvalidInput, KbError
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Check, Customer, Draft, DraftGenerator

if TYPE_CHECKING:
    from kb_assistant.assistant import Assistant
    from kb_assistant.insight.evaluation import Outcome, Score

_SEARCH_BATCH = 64  # questions embedded together; answers appear as each batch is done

app = typer.Typer(
    name="kb",
    help="Knowledge-base assistant for customer-service agents: index, search, draft, serve.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class SplitOption(StrEnum):
    """The splits of the golden questions."""

    DEV = "dev"
    TEST = "test"


class KindOption(StrEnum):
    """The kinds of document a search can be limited to."""

    SOP = "sop"
    TICKET = "ticket"
    FAQ = "faq"
    DOCUMENT = "document"


IndexOption = Annotated[
    Path | None, typer.Option("--index", help="Index directory [default: indexes/default].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Date whose rules apply, YYYY-MM-DD [default: today].")
]
QueriesOption = Annotated[
    Path | None, typer.Option("--queries", help='JSONL, a line per {"_id","text","as_of"?}.')
]


def main(arguments: list[str] | None = None) -> None:
    """Run the CLI on `arguments` (the process's own by default).

    Exits with 0 on success, 1 for what the user can fix, 2 for wrong usage.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app(arguments, prog_name="kb")
    except KbError as error:
        print(f"kb: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Knowledge-base assistant for customer-service agents: index, search, draft, serve."""
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def index(
    corpus: Annotated[Path | None, typer.Argument(help="Folder or file to index [default: corpus].")] = None,
    index_dir: IndexOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if any file could not be read.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build or update an index and publish it; only what changed is embedded."""
    from kb_assistant.index.building import build_index
    from kb_assistant.index.embedding import open_embedder

    settings = _settings(index_dir)
    with _progress() as progress:
        report = build_index(
            corpus or settings.corpus_dir,
            settings.index_dir,
            open_embedder(settings),
            card_key_patterns=settings.card_key_patterns,
            progress=progress,
        )
    for problem in report.problems:
        print(f"not indexed: {problem}", file=sys.stderr)
    if as_json:
        from kb_assistant.wire import to_json

        _print_json(to_json(report))
    else:
        what = "published" if report.published else "unchanged, still live"
        print(
            f"{report.generation} {what}: {report.documents:,} documents, {report.chunks:,} chunks "
            f"({report.embedded:,} embedded, {report.reused:,} reused) in {report.took_s:.1f} s"
        )
    if strict and report.problems:
        raise typer.Exit(1)


@app.command()
def search(
    query: Annotated[str | None, typer.Argument(help="Message or keywords.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", help="Number of hits, 1 to 100.")] = 5,
    kind: Annotated[KindOption | None, typer.Option("--kind", help="Only this kind of document.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Only this topic.")] = None,
    skill_group: Annotated[str | None, typer.Option("--skill-group", help="Only this skill group.")] = None,
    as_of: AsOfOption = None,
    queries: QueriesOption = None,
    index_dir: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the clauses and tickets that fit a message."""
    from kb_assistant.wire import hit_json, to_json

    day, rows = _date(as_of), _rows(query, queries)
    with _assistant(index_dir) as assistant:

        def hits_of(some: list[dict[str, Any]]) -> Iterator[list[Any]]:
            asks = [queries is None or bool(row["text"].strip()) for row in some]
            results = iter(
                assistant.search_many(
                    [(row["text"], _date(row.get("as_of")) or day) for row in compress(some, asks)],
                    caller=LOCAL_CALLER,
                    top_k=top_k,
                    kind=kind.value if kind else None,
                    topic=topic,
                    skill_group=skill_group,
                )
            )
            for asked in asks:  # in a batch a blank text matches nothing
                yield [to_json(hit_json(hit)) for hit in next(results).hits] if asked else []

        if queries is not None:
            failed = False
            for start in range(0, len(rows), _SEARCH_BATCH):
                some = rows[start : start + _SEARCH_BATCH]
                try:
                    answers = list(hits_of(some))
                except InvalidInput:  # one of them: each for itself, so that the others are answered
                    failed |= _print_rows(some, lambda row: {"hits": next(hits_of([row]))})
                    continue
                for row, found in zip(some, answers, strict=True):
                    _print_json({"_id": row["_id"], "hits": found})
            if failed:
                raise typer.Exit(1)
            return
        (hits,) = hits_of(rows)
        if as_json:
            _print_json(hits)
            return
        for hit in hits:
            same = f" (+{hit['duplicates']} same)" if hit["duplicates"] else ""
            print(
                f"{hit['rank']}. [{hit['kind']}] {hit['title']} > {hit['heading']}  {hit['chunk_id']}{same}"
            )
            print(f"   {hit['text'][:200]}\n")
        if not hits:
            print("nothing found")


@app.command()
def draft(
    question: Annotated[str | None, typer.Argument(help="The customer's message.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help='JSON {"tier","type","notes"}.')] = None,
    facts: Annotated[str | None, typer.Option("--facts", help="What the agent knows of the case.")] = None,
    as_of: AsOfOption = None,
    generator: Annotated[
        str | None,
        typer.Option("--generator", help="composer or model; the configured language model by default."),
    ] = None,
    queries: QueriesOption = None,
    index_dir: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draft a reply with citations, or refuse with a hand-off brief. Nothing is stored."""
    from kb_assistant.wire import to_json

    day, context, rows = _date(as_of), _customer(customer), _rows(question, queries)
    worded_by = _generator(generator)
    with _assistant(index_dir) as assistant:

        def made_for(row: dict[str, Any]) -> Draft:
            return assistant.draft(
                row["text"],
                caller=LOCAL_CALLER,
                customer=context,
                facts=facts,
                as_of=_date(row.get("as_of")) or day,
                generator=worded_by,
                keep=False,
            )

        if queries is not None:
            _print_batch(rows, lambda row: to_json(made_for(row)))
            return
        made = made_for(rows[0])
        if as_json:
            _print_json(to_json(made))
            return
        print(f"[{made.status}] confidence {made.confidence:.2f}, {made.topic or '-'}, {made.grade}\n")
        print(made.text, end="\n\n")
        for citation in made.citations:
            print(f"[{citation.n}] {citation.title} > {citation.heading}: {citation.quote}")


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Option("--input", help='JSONL, a line per {"_id","question","text","citations"?,"as_of"?}.'),
    ],
    index_dir: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check texts against the clauses they cite: a line per row with sentences, figures, warnings."""
    from kb_assistant.insight.evaluation import read_jsonl
    from kb_assistant.wire import to_json

    rows = read_jsonl(file)
    # what cites its clauses needs no retrieval, and so no embedding model
    with _assistant(index_dir, ready_to_embed=not all(row.get("citations") for row in rows)) as assistant:

        def checked(row: dict[str, Any]) -> Check:
            return assistant.check(
                str(row.get("question") or ""),
                str(row.get("text") or ""),
                caller=LOCAL_CALLER,
                citations=_citations(row.get("citations")),
                as_of=_date(row.get("as_of")),
            )

        if as_json:
            _print_batch(rows, lambda row: to_json(checked(row)))
            return
        for row in rows:
            verdict = checked(row)
            wrong = [f.text for f in verdict.figures if f.verdict != "supported"]
            print(f"{row.get('_id')}: {len(verdict.sentences)} sentences, wrong figures: {wrong or 'none'}")


@app.command("eval")
def evaluate(
    queries: Annotated[Path | None, typer.Option("--queries", help="BEIR queries.jsonl.")] = None,
    qrels: Annotated[Path | None, typer.Option("--qrels", help="BEIR qrels.tsv.")] = None,
    golden: Annotated[Path | None, typer.Option("--golden", help="Golden rows, a file or a folder.")] = None,
    split: Annotated[
        SplitOption | None, typer.Option("--split", help="Only this split of the golden rows.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Keep this run in a file, to compare later runs with.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="A kept run: show what got better and worse since.")
    ] = None,
    index_dir: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the production pipeline on judged questions: retrieval, and drafts on golden rows."""
    from kb_assistant.insight.comparison import load_run, save_run
    from kb_assistant.insight.evaluation import (
        evaluate_beir,
        evaluate_golden,
        read_golden,
        read_jsonl,
        read_qrels,
        scores,
    )

    if (golden is None) == (queries is None or qrels is None):
        raise typer.BadParameter("give either --queries with --qrels, or --golden")
    earlier = None if against is None else load_run(against)
    with _assistant(index_dir) as assistant:

        def rank(questions: Sequence[tuple[str, date | None]]) -> list[list[str]]:
            return assistant.search_documents(questions, caller=LOCAL_CALLER)

        if golden is not None:
            outcomes = evaluate_golden(
                read_golden(golden, split=split.value if split else None),
                rank,
                lambda text, on: assistant.draft(text, caller=LOCAL_CALLER, as_of=on, keep=False),
            )
        else:
            assert queries is not None
            assert qrels is not None
            outcomes = evaluate_beir(read_jsonl(queries), read_qrels(qrels), rank)
        outcomes = [replace(outcome, text=assistant.masked(outcome.text)) for outcome in outcomes]
    if earlier is not None:
        _print_comparison(earlier, outcomes, as_json=as_json)
    else:
        _print_scores(scores(outcomes), as_json=as_json)
    if save is not None:
        save_run(outcomes, save)


@app.command()
def lexicon(
    text: Annotated[
        str | None, typer.Argument(help="A message; without one, the live index is read.")
    ] = None,
    queries: QueriesOption = None,
    index_dir: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which aliases of lexicon.yaml fire: in a message, in a file, or in the indexed questions."""
    from kb_assistant.wire import to_json

    texts = None if text is None and queries is None else [row["text"] for row in _rows(text, queries)]
    with _assistant(index_dir) as assistant:
        uses = assistant.alias_counts(texts, caller=LOCAL_CALLER)
    if as_json:
        _print_json([to_json(use) for use in uses])
        return
    for use in uses:
        if use.count or texts is None:
            print(f"{use.count:6,}  {use.alias} -> {use.term}  {use.example[:60]!r}")
    silent = sum(not use.count for use in uses)
    print(f"{len(uses)} aliases, {silent} of them did not fire")


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on [default: 127.0.0.1].")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port to listen on [default: 7860].")
    ] = None,
    index_dir: IndexOption = None,
) -> None:
    """Serve the page at /, the API at /v1 and its documentation at /docs."""
    from kb_assistant.web.server import serve as run

    settings = _settings(index_dir)
    changes = {k: v for k, v in (("host", host), ("port", port)) if v is not None}
    run(settings.model_copy(update=changes))


@app.command()
def status(index_dir: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show what is published: generation, model, counts, files that could not be read."""
    from kb_assistant.index.generations import generation_path, live_generation, read_manifest, verify

    folder = _settings(index_dir).index_dir
    directory = generation_path(folder, live_generation(folder))
    manifest = read_manifest(directory)
    verify(directory, manifest)
    if as_json:
        from kb_assistant.wire import to_json

        _print_json(to_json(manifest))
        return
    print(f"index       {folder}")
    print(f"generation  {manifest.generation}  (published {manifest.created_at}, files verified)")
    print(f"model       {manifest.model_id}, {manifest.dim} dims")
    print(f"content     {manifest.documents:,} documents, {manifest.chunks:,} chunks")
    for problem in manifest.problems:
        print(f"not indexed {problem}")


def _settings(index_dir: Path | None) -> Settings:
    try:
        settings = Settings()
    except ValueError as error:  # pydantic names the variable, the value and what was expected
        raise InvalidInput(f"wrong setting in the environment or .env: {error}") from error
    return settings if index_dir is None else settings.model_copy(update={"index_dir": index_dir})


@contextmanager
def _assistant(index_dir: Path | None, *, ready_to_embed: bool = True) -> "Iterator[Assistant]":
    from kb_assistant.assistant import Assistant

    assistant = Assistant.open(_settings(index_dir), ready_to_embed=ready_to_embed)
    try:
        yield assistant
    finally:
        assistant.close()


def _generator(name: str | None) -> DraftGenerator | None:
    if name is None or name in get_args(DraftGenerator):
        return cast("DraftGenerator | None", name)
    raise InvalidInput(f"--generator {name!r} is unknown; expected {' or '.join(get_args(DraftGenerator))}")


@contextmanager
def _progress() -> Iterator[Any]:
    """Show the stages of a build on stderr; a bar on a terminal, nothing when it is piped."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:>6}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            task = tasks.setdefault(stage, None)
            if task is None:
                task = tasks[stage] = bar.add_task(stage, total=total)
            bar.update(task, completed=done, total=total)

        yield report


def _rows(question: str | None, queries: Path | None) -> list[dict[str, Any]]:
    if (question is None) == (queries is None):
        raise typer.BadParameter("give a question, or --queries FILE")
    if queries is None:
        return [{"text": question}]
    from kb_assistant.insight.evaluation import read_jsonl

    rows = read_jsonl(queries)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row.get("text"), str) or "_id" not in row:
            raise InvalidInput(f"{queries}: row {number} needs _id and text, got {sorted(row)}")
    return rows


def _print_batch(rows: list[dict[str, Any]], answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Print a line per row; a row that cannot be answered says why, the others go on, and exit is 1."""
    if _print_rows(rows, answer):
        raise typer.Exit(1)


def _print_rows(rows: list[dict[str, Any]], answer: Callable[[dict[str, Any]], dict[str, Any]]) -> bool:
    """Print a line per row, with the error where a row cannot be answered; tell whether any could not."""
    failed = False
    for row in rows:
        try:
            _print_json({"_id": row.get("_id"), **answer(row)})
        except InvalidInput as error:
            failed = True
            _print_json({"_id": row.get("_id"), "error": {"code": error.code, "message": str(error)}})
    return failed


def _citations(refs: Any) -> dict[int, str] | None:
    """Return number → chunk or document id; None where the row gives no citations."""
    if refs is None:
        return None
    try:
        return {int(ref["n"]): str(ref.get("chunk_id") or ref.get("document_id") or "") for ref in refs}
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f'citations must be a list of {{"n", "chunk_id" or "document_id"}}, got {refs!r}'
        ) from error


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"as_of must be a date as 2026-03-01, got {text!r}") from error


def _customer(text: str | None) -> Customer | None:
    if text is None:
        return None
    try:
        return Customer(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise InvalidInput(f'--customer must be JSON with "tier", "type", "notes", got {text!r}') from error


def _print_scores(scores: "dict[str, Score]", *, as_json: bool) -> None:
    if as_json:
        _print_json(
            {
                name: {"mean": s.mean, "low": s.low, "high": s.high, "n": s.n}
                for name, s in scores.items()
                if s.n
            }
        )
        return
    for name, s in scores.items():
        if s.n:
            print(f"{name:12} {100 * s.mean:5.1f}  [{100 * s.low:5.1f}, {100 * s.high:5.1f}]  n={s.n}")


def _print_comparison(before: "Sequence[Outcome]", after: "Sequence[Outcome]", *, as_json: bool) -> None:
    from kb_assistant.insight.comparison import compare, moved
    from kb_assistant.wire import to_json

    differences = compare(before, after)
    questions = {metric: moved(before, after, metric) for metric in differences}
    if as_json:
        _print_json(
            {
                "metrics": {name: to_json(d) for name, d in differences.items()},
                "questions": {name: [to_json(q) for q in changed] for name, changed in questions.items()},
            }
        )
        return
    for name, d in differences.items():
        low, high = 100 * d.difference.low, 100 * d.difference.high
        print(
            f"{name:12} {100 * d.before:5.1f} -> {100 * d.after:5.1f}  {100 * d.difference.mean:+5.1f} "
            f"[{low:+5.1f}, {high:+5.1f}]  {d.better} better, {d.worse} worse, n={d.difference.n}"
        )
    for name in [name for name in ("ndcg@10", "answered", "refused") if questions.get(name)]:
        print(f"\n{name}")
        for q in questions[name]:
            ranks = f"first relevant {q.rank_before or '-'} -> {q.rank_after or '-'}"
            tops = f"top {q.first_before or '-'} -> {q.first_after or '-'}"
            print(f"  {q.after - q.before:+.2f}  {q.id}  {q.text[:40]!r}  {ranks}, {tops}")


def _print_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    # a lone surrogate of the input can be printed only as an escape
    print(text.encode("utf-8", "backslashreplace").decode("utf-8"), flush=True)
