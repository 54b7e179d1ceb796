"""Fit the confidence of `drafting/evidence.py` on the development split and draw how reliable it is.

python benchmarks/fit_confidence.py [INDEX_DIR]        default indexes/default

Prints the constants to paste, what bars would answer and refuse, and writes
`benchmarks/reliability.svg`: the development split by ten-fold cross-validation, so that no question
is judged by a fit that has seen it, and the test split by the fit of the whole development split.
"""

import sys
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb_assistant.drafting.evidence import features
from kb_assistant.index.embedding import open_embedder
from kb_assistant.index.knowledge import KnowledgeIndex
from kb_assistant.insight.evaluation import read_golden
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Filters

ROOT = Path(__file__).parent.parent
RIDGE = 0.3  # on standardised features: two hundred questions do not carry more certainty
FOLDS = 10
BINS = 5
Floats = NDArray[np.float64]


def main() -> None:
    settings = Settings(index_dir=Path(sys.argv[1])) if len(sys.argv) > 1 else Settings()
    index = KnowledgeIndex.open(settings.index_dir, open_embedder(settings))
    x, answerable = _measure(index, "dev")
    intercept, *weights = fit(x, answerable)
    # cosines lie within 0.1 of each other, so the digits of their weight matter
    print(f"INTERCEPT = {intercept:.3f}\nWEIGHTS = ({', '.join(f'{w:.3f}' for w in weights)})")
    held_out = np.empty(len(x))
    for fold in range(FOLDS):
        rows = np.arange(len(x)) % FOLDS == fold
        held_out[rows] = _probability(fit(x[~rows], answerable[~rows]), x[rows])
    x_test, test_answerable = _measure(index, "test")
    test = _probability(np.array([intercept, *weights]), x_test)
    for name, p, y in (("dev, held out", held_out, answerable), ("test", test, test_answerable)):
        print(
            f"\n{name}: Brier {np.mean((p - y) ** 2):.3f}, base rate {y.mean():.2f}\nbar   answered  refused"
        )
        for bar in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
            print(f"{bar:.1f}   {np.mean(p[y] >= bar):8.3f} {np.mean(p[~y] < bar):8.3f}")
    picture = _reliability({"dev": (held_out, answerable), "test": (test, test_answerable)})
    (ROOT / "benchmarks" / "reliability.svg").write_text(picture, encoding="utf-8")


def fit(x: Floats, y: NDArray[np.bool_]) -> Floats:
    """Return intercept and weights of a logistic regression by Newton's method."""
    mean, deviation = x.mean(0), x.std(0)
    a = np.column_stack([np.ones(len(x)), (x - mean) / deviation])
    penalty = np.diag([0.0, *[RIDGE] * x.shape[1]])
    w = np.zeros(a.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-a @ w))
        w -= np.linalg.solve((a * (p * (1 - p))[:, None]).T @ a + penalty, a.T @ (p - y) + penalty @ w)
    weights = w[1:] / deviation
    return np.array([w[0] - weights @ mean, *weights])


def _measure(index: KnowledgeIndex, split: str) -> tuple[Floats, NDArray[np.bool_]]:
    rows = [r for r in read_golden(ROOT / "tests/golden" / f"{split}.jsonl") if r.status != "small_talk"]
    found = [
        index.retrieve(r.text, filters=Filters(LOCAL_CALLER.scopes, r.as_of or date.today()), top_k=1)
        for r in rows
    ]
    answerable = np.array([row.status != "refused" for row in rows])
    return np.array([features(evidence) for _, evidence in found]), answerable


def _probability(parameters: Floats, x: Floats) -> Floats:
    return 1 / (1 + np.exp(-(parameters[0] + x @ parameters[1:])))


def _reliability(splits: dict[str, tuple[Floats, NDArray[np.bool_]]]) -> str:
    """Return an SVG: said probability across, observed share of answerable questions up, equal-count bins."""
    size, pad = 360, 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size + 2 * pad}" height="{size + 2 * pad}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<path d="M{pad},{pad + size} L{pad + size},{pad}" stroke="#bbb" stroke-dasharray="4"/>',
        f'<path d="M{pad},{pad} V{pad + size} H{pad + size}" stroke="black" fill="none"/>',
        f'<text x="{pad + size / 2}" y="{size + 2 * pad - 8}" text-anchor="middle">said confidence</text>',
        f'<text x="14" y="{pad + size / 2}" transform="rotate(-90 14 {pad + size / 2})" '
        'text-anchor="middle">share of answerable questions</text>',
    ]
    for tenth in range(0, 11, 2):
        at = tenth / 10
        parts.append(f'<text x="{pad + at * size}" y="{pad + size + 14}" text-anchor="middle">{at:g}</text>')
        parts.append(f'<text x="{pad - 6}" y="{pad + size - at * size + 4}" text-anchor="end">{at:g}</text>')
    for place, (color, (name, (p, y))) in enumerate(zip(("#1f6feb", "#d1242f"), splits.items(), strict=True)):
        points = []
        for rows in np.array_split(np.argsort(p), BINS):
            points.append((pad + p[rows].mean() * size, pad + size - y[rows].mean() * size))
        line = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{up:.1f}" r="4" fill="{color}"/>' for across, up in points]
        parts.append(
            f'<text x="{pad + 12}" y="{pad + 16 + 16 * place}" fill="{color}">{name} n={len(p)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    main()
