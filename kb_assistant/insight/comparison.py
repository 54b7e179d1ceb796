"""Two evaluations of the same questions: is the difference real, and which questions moved."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kb_assistant.errors import InvalidInput
from kb_assistant.insight.evaluation import Outcome, Score, score


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two runs over the questions both have; `difference` is after minus before.

    Its interval is a paired bootstrap: questions are resampled, each with both its values, so what
    is hard for both runs cancels out. An interval that holds 0 shows no difference.
    """

    before: float
    after: float
    difference: Score
    better: int
    worse: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A question whose value changed, with what stood first and where the first relevant one stood."""

    id: str
    text: str
    before: float
    after: float
    first_before: str | None
    first_after: str | None
    rank_before: int | None
    rank_after: int | None


def save_run(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write a run, so that a later one can be compared with it; raises InvalidInput if it cannot."""
    try:
        path.write_text(json.dumps([asdict(o) for o in outcomes]), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} cannot be written: {error}; choose another --save FILE") from error


def load_run(path: Path) -> list[Outcome]:
    """Return what `save_run` wrote; raises InvalidInput if it is something else."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [
            Outcome(
                id=row["id"],
                text=row["text"],
                values={name: float(value) for name, value in row["values"].items()},
                ranked=tuple(row["ranked"]),
                relevant=tuple(row["relevant"]),
            )
            for row in rows
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(
            f"{str(path)!r} is not a run that can be compared ({error!r}); "
            "write one with: kb eval … --save FILE"
        ) from error


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> dict[str, Difference]:
    """Return the difference of every metric that both runs have.

    Args:
        before: The run to beat.
        after: The run of now.

    Returns:
        Metric → difference over the questions that have it in both runs.

    Raises:
        InvalidInput: If the runs share no question.
    """
    pairs = _pairs(before, after)
    if not pairs:
        raise InvalidInput("the two runs share no question; compare runs over the same --queries or --golden")
    names = dict.fromkeys(name for old, new in pairs for name in new.values if name in old.values)
    return {name: _difference(name, pairs) for name in names}


def moved(before: Sequence[Outcome], after: Sequence[Outcome], metric: str) -> list[Moved]:
    """Return the questions whose `metric` changed, what lost most first."""
    changed = [
        Moved(
            id=new.id,
            text=new.text,
            before=old.values[metric],
            after=new.values[metric],
            first_before=next(iter(old.ranked), None),
            first_after=next(iter(new.ranked), None),
            rank_before=_first_relevant(old),
            rank_after=_first_relevant(new),
        )
        for old, new in _pairs(before, after)
        if metric in old.values and metric in new.values and old.values[metric] != new.values[metric]
    ]
    return sorted(changed, key=lambda question: question.after - question.before)


def _pairs(before: Sequence[Outcome], after: Sequence[Outcome]) -> list[tuple[Outcome, Outcome]]:
    earlier = {outcome.id: outcome for outcome in before}
    return [(earlier[outcome.id], outcome) for outcome in after if outcome.id in earlier]


def _difference(name: str, pairs: Sequence[tuple[Outcome, Outcome]]) -> Difference:
    both = [(o.values[name], n.values[name]) for o, n in pairs if name in o.values and name in n.values]
    changes = [new - old for old, new in both]
    return Difference(
        before=math.fsum(old for old, _ in both) / len(both),
        after=math.fsum(new for _, new in both) / len(both),
        difference=score(changes),
        better=sum(change > 0 for change in changes),
        worse=sum(change < 0 for change in changes),
    )


def _first_relevant(outcome: Outcome) -> int | None:
    relevant = set(outcome.relevant)
    return next((rank for rank, d in enumerate(outcome.ranked, start=1) if d in relevant), None)
