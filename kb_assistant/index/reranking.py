"""A cross-encoder as an option: it reads question and chunk together and orders the best hits anew."""

import os
import threading
from pathlib import Path
from typing import Protocol

import numpy as np

from kb_assistant.errors import EmbedderUnavailable
from kb_assistant.settings import Settings

RERANKED = 20  # a cross-encoder reads each; on two cores a small one manages about 30 a second


class Reranker(Protocol):
    """Scores texts against a question."""

    def scores(self, question: str, texts: list[str]) -> list[float]:
        """Return one score a text, higher is better; an empty list gives an empty list."""


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder: a name on the Hugging Face hub, or a local folder."""

    def __init__(self, name_or_folder: str) -> None:
        """Load the model; takes 5-10 s, and a download if a hub name is not in its cache.

        Args:
            name_or_folder: A folder is read without any network.

        Raises:
            EmbedderUnavailable: If sentence-transformers is missing or the model cannot be loaded.
        """
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when huggingface_hub is imported
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise EmbedderUnavailable(
                f"reranker {name_or_folder!r} needs sentence-transformers; "
                "install it with: pip install 'kb-assistant[sentence-transformers]'"
            ) from error
        try:
            self._model = CrossEncoder(name_or_folder, local_files_only=Path(name_or_folder).is_dir())
        except (OSError, ValueError) as error:
            raise EmbedderUnavailable(
                f"the reranker {name_or_folder!r} cannot be loaded: {error}; "
                "set KB_RERANKER to a cross-encoder's folder or hub name, or leave it empty"
            ) from error
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
