"""Fit the weights of kb_assistant/drafting/selection.py on the statements that supervisors chose.

`benchmarks/selection/labels.jsonl` holds, for every answerable development question, the statements a
supervisor would answer with (`say`), those that may be said too (`also`) and the ones that mislead (`bad`),
chosen by reading from what retrieval brought. Prints cross-validated figures and the lines to paste.
"""

import argparse
import json
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb_assistant.assistant import Assistant, today
from kb_assistant.corpus.lexicon import find_aliases
from kb_assistant.drafting.selection import FEATURES, Inquiry, add_cosines, features
from kb_assistant.drafting.text import statements
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Filters

_LABELS = Path(__file__).parent / "selection" / "labels.jsonl"
_ALSO = 0.3  # weight of a statement that may be said but need not
_RIDGE = 1.0
_FOLDS = 5

Matrix = NDArray[np.float64]


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, default=Path("indexes/default"))
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in _LABELS.read_text(encoding="utf-8").splitlines()]
    tables, chosen, weights, groups = [], [], [], []
    with_assistant = Assistant.open(Settings(index_dir=arguments.index))
    for group, row in enumerate(row for row in rows if row["say"]):
        table, labels, weight = _labelled(with_assistant, row)
        tables.append(table)
        chosen.append(labels)
        weights.append(weight)
        groups.append(np.full(len(labels), group))
    x, y, w, g = map(np.concatenate, (tables, chosen, weights, groups))
    held_out = np.zeros(len(y))
    for fold in range(_FOLDS):
        test = g % _FOLDS == fold
        held_out[test] = _with_one(x[test]) @ _fit(x[~test], y[~test], w[~test])
    first = any_of_four = share = 0.0
    for group in range(int(g.max()) + 1):
        order = y[g == group][np.argsort(-held_out[g == group], kind="stable")]
        first += order[0]
        any_of_four += order[:4].any()
        share += order[:4].sum() / min(4, order.sum())
    n = g.max() + 1
    print(f"{n} questions, {len(y)} statements, held out: first {first / n:.3f}, ", end="")
    print(f"one among four {any_of_four / n:.3f}, share of four {share / n:.3f}")
    fitted = _fit(x, y, w)
    for name, weight in zip(FEATURES, fitted, strict=False):
        print(f"  {name:12} {weight:7.3f}")
    print(f"WEIGHTS = ({', '.join(f'{weight:.3f}' for weight in fitted[:-1])})")
    print(f"INTERCEPT = {fitted[-1]:.3f}")


def _labelled(assistant: Assistant, row: dict) -> tuple[Matrix, Matrix, Matrix]:
    """Return features, labels and weights of the statements that the supervisor saw."""
    index = assistant._index.current()
    day = date.fromisoformat(row["as_of"]) if row.get("as_of") else today()
    hits, _ = index.retrieve(row["text"], filters=Filters(scopes=LOCAL_CALLER.scopes, as_of=day), top_k=20)
    pool = [
        (statement, chunk)
        for chunk in map(index.catalog.chunk, row["shown"])
        for statement in statements(chunk.text)
        if not statement.text.endswith(("？", "?", "：", ":"))
    ]
    embedder = assistant._embedder
    message = Inquiry(
        row["text"],
        embedder.embed_queries([row["text"]])[0],
        embedder.embed_passages,
        terms=tuple(use.term for use in find_aliases(index.lexicon, row["text"])),
        siblings=tuple(map(frozenset, index.lexicon.siblings)),
    )
    table = features(message, hits, pool)
    add_cosines(table, message, hits, pool, range(len(pool)))
    keys = [[chunk.id, statement.text] for statement, chunk in pool]
    labels = np.array([float(key in row["say"]) for key in keys])
    return table, labels, np.array([_ALSO if key in row["also"] else 1.0 for key in keys])


def _fit(x: Matrix, y: Matrix, w: Matrix) -> Matrix:
    """Return ridge-penalised logistic weights in the units of the features, the intercept last."""
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = _with_one((x - mean) / spread)
    theta = np.zeros(z.shape[1])
    penalty = np.eye(len(theta)) * _RIDGE
    penalty[-1, -1] = 1e-9
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ theta))
        gradient = z.T @ (w * (p - y)) + penalty @ theta
        hessian = (z * (w * p * (1 - p))[:, None]).T @ z + penalty
        theta -= np.linalg.solve(hessian, gradient)
    plain = theta[:-1] / spread
    return np.append(plain, theta[-1] - (plain * mean).sum())


def _with_one(x: Matrix) -> Matrix:
    return np.column_stack([x, np.ones(len(x))])


if __name__ == "__main__":
    main()
