"""Models that a user names: sentence-transformers loads them from the hub or from a folder."""

import os
from pathlib import Path
from typing import Any, Literal

from kb_assistant.errors import EmbedderUnavailable


def load_model(
    kind: Literal["SentenceTransformer", "CrossEncoder"], name_or_folder: str, setting: str
) -> Any:
    """Load a model; takes 5-10 s, and a download if a hub name is not in its cache.

    Args:
        kind: The class of sentence_transformers.
        name_or_folder: A folder is read without any network.
        setting: The setting that named the model, for the error.

    Returns:
        An instance of the class.

    Raises:
        EmbedderUnavailable: If sentence-transformers is missing or the model cannot be loaded.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when huggingface_hub is imported
    try:
        import sentence_transformers
    except ImportError as error:
        raise EmbedderUnavailable(
            f"{setting}={name_or_folder!r} needs sentence-transformers; "
            "install it with: pip install 'kb-assistant[sentence-transformers]'"
        ) from error
    try:
        return getattr(sentence_transformers, kind)(
            name_or_folder, local_files_only=Path(name_or_folder).is_dir()
        )
    except (OSError, ValueError) as error:
        raise EmbedderUnavailable(
            f"{setting}={name_or_folder!r} cannot be loaded: {error}; "
            f"set {setting} to the folder or hub name of a {kind} model, or unset it"
        ) from error
