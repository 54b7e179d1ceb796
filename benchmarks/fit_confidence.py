"""Fit the confidence of `drafting/evidence.py` on the development split; print the constants to paste.

python benchmarks/fit_confidence.py [INDEX_DIR]        default indexes/default
"""

import sys
from pathlib import Path

import numpy as np

from kb_assistant.assistant import Assistant
from kb_assistant.drafting.evidence import features
from kb_assistant.insight.evaluation import read_golden
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER

RIDGE = 1e-2  # keeps Newton's steps finite; far too small to matter with standardised features


def main() -> None:
    settings = Settings(index_dir=Path(sys.argv[1])) if len(sys.argv) > 1 else Settings()
    assistant = Assistant.open(settings)
    rows = [row for row in read_golden(Path("tests/golden/dev.jsonl")) if row.status != "small_talk"]
    hits = [assistant.search(r.text, caller=LOCAL_CALLER, top_k=10, as_of=r.as_of).hits for r in rows]
    x = np.array([features(h) for h in hits])
    answerable = np.array([row.status != "refused" for row in rows])
    intercept, *weights = fit(x, answerable)
    # cosines lie within 0.1 of each other, so the digits of their weight matter
    print(f"INTERCEPT = {intercept:.3f}\nWEIGHTS = ({', '.join(f'{w:.3f}' for w in weights)})")
    p = 1 / (1 + np.exp(-(intercept + x @ weights)))
    print("bar   answered  refused   (development split)")
    for bar in (0.2, 0.3, 0.4, 0.5, 0.6):
        print(f"{bar:.1f}   {np.mean(p[answerable] >= bar):8.3f} {np.mean(p[~answerable] < bar):8.3f}")


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return intercept and weights of a logistic regression by Newton's method, classes weighted equally."""
    mean, deviation = x.mean(0), x.std(0)
    a = np.column_stack([np.ones(len(x)), (x - mean) / deviation])
    weight = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    w = np.zeros(a.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-a @ w))
        gradient = a.T @ (weight * (p - y)) + RIDGE * w
        w -= np.linalg.solve((a * (weight * p * (1 - p))[:, None]).T @ a + RIDGE * np.eye(len(w)), gradient)
    weights = w[1:] / deviation
    return np.array([w[0] - weights @ mean, *weights])


if __name__ == "__main__":
    main()
