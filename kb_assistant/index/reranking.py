"""A cross-encoder as an option: it reads question and chunk together and orders the best hits anew."""

import threading
from typing import Protocol

import numpy as np

from kb_assistant.index.hub import load_model
from kb_assistant.settings import Settings

RERANKED = 20  # a cross-encoder reads each; on two cores a small one manages about 30 a second


class Reranker(Protocol):
    """Scores texts against a question."""

    def scores(self, question: str, texts: list[str]) -> list[float]:
        """Return one score a text, higher is better; an empty list gives an empty list."""


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder: a name on the Hugging Face hub, or a local folder."""

    def __init__(self, name_or_folder: str) -> None:
        """Load the model; see `load_model` for what may be wrong."""
        self._model = load_model("CrossEncoder", name_or_folder, "KB_RERANKER")
        self._lock = threading.Lock()  # tokenizers of transformers must not be shared by two threads

    def scores(self, question: str, texts: list[str]) -> list[float]:
        """Return one score a text; texts beyond the model's length are cut."""
        if not texts:
            return []
        with self._lock:
            predicted = self._model.predict([(question, text) for text in texts], show_progress_bar=False)
        return [float(score) for score in np.asarray(predicted).reshape(len(texts), -1)[:, -1]]


def open_reranker(settings: Settings) -> Reranker | None:
    """Return the cross-encoder that `settings.reranker` names, None where it is empty.

    Raises EmbedderUnavailable if a package or the model is missing.
    """
    return CrossEncoderReranker(settings.reranker) if settings.reranker else None
