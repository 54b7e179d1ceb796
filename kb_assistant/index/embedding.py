"""Embedders: the bundled ONNX model by default, any sentence-transformers model by name or folder."""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb_assistant.errors import EmbedderUnavailable
from kb_assistant.index import e5
from kb_assistant.index.hub import load_model
from kb_assistant.settings import BUNDLED_EMBEDDER, Settings
from kb_assistant.types import Embedder, Embeddings

BUNDLED_MODEL_ID = f"multilingual-{e5.REVISION}"
BUNDLED_DIM = 384

_BATCH_TOKENS = 1024  # padding included; larger batches are no faster and take more memory


class OnnxEmbedder:
    """multilingual-e5-small in ONNX Runtime; safe to share between threads.

    A text is cut after 512 tokens, about 700 Chinese characters. Its vector does not depend on
    the texts it is embedded with, beyond the last bits of a float.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load the model that `e5.prepare` made; takes about a second.

        Args:
            folder: Holds `model.onnx` and `tokenizer.json`.
            threads: Threads that share the work of one batch; 0 takes one for each core.

        Raises:
            EmbedderUnavailable: If a file is missing or unreadable.
        """
        # Since 1.29 ONNX Runtime reports to Microsoft from Linux, too. Only this variable, set before
        # the import, keeps the uploader from starting; disable_telemetry_events() comes too late.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors: warnings are about other hardware
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / e5.TOKENIZER_FILE))
            self._session = onnxruntime.InferenceSession(
                str(folder / e5.MODEL_FILE), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise bare Exception on a damaged file
            raise EmbedderUnavailable(
                f"the embedding model in {str(folder)!r} cannot be loaded: {error}; "
                "delete that folder, it will be made again"
            ) from error
        self._dim = int(self._session.get_outputs()[0].shape[1])

    @property
    def model_id(self) -> str:
        """Name and revision of the model."""
        return BUNDLED_MODEL_ID

    @property
    def dim(self) -> int:
        """Length of a vector: 384."""
        return self._dim

    def embed_queries(self, texts: list[str]) -> Embeddings:
        """Embed what people ask, in the order given; an empty list gives shape (0, dim)."""
        return self._embed([f"query: {text}" for text in texts])

    def embed_passages(self, texts: list[str]) -> Embeddings:
        """Embed what is searched, in the order given; an empty list gives shape (0, dim)."""
        return self._embed([f"passage: {text}" for text in texts])

    def _tokens(self, text: str) -> list[int]:
        # encode, not encode_batch: that one's thread pool warns when the process forks later
        ids: list[int] = self._tokenizer.encode(_encodable(text)).ids
        return ids if len(ids) <= e5.MAX_TOKENS else [*ids[: e5.MAX_TOKENS - 1], ids[-1]]

    def _embed(self, texts: list[str]) -> Embeddings:
        tokens = [self._tokens(text) for text in texts]
        embeddings = np.empty((len(texts), self._dim), np.float32)
        for rows in _batches([len(ids) for ids in tokens]):
            width = max(len(tokens[row]) for row in rows)
            input_ids = np.ones((len(rows), width), np.int64)
            attention_mask = np.zeros((len(rows), width), np.int64)
            for at, row in enumerate(rows):
                input_ids[at, : len(tokens[row])] = tokens[row]
                attention_mask[at, : len(tokens[row])] = 1
            feeds = {"input_ids": input_ids, "attention_mask": attention_mask}
            embeddings[rows] = self._session.run(["embedding"], feeds)[0]
        return embeddings


class SentenceTransformerEmbedder:
    """Any sentence-transformers model: a name on the Hugging Face hub, or a local folder."""

    def __init__(self, name_or_folder: str) -> None:
        """Load the model; see `load_model` for what may be wrong."""
        self._model = load_model("SentenceTransformer", name_or_folder, "KB_EMBEDDER")
        folder = Path(name_or_folder)
        self._model_id = _folder_id(folder) if folder.is_dir() else name_or_folder
        dim = self._model.get_embedding_dimension()
        self._dim = len(self._model.encode_query(["dim"])[0]) if dim is None else dim

    @property
    def model_id(self) -> str:
        """The hub name, or the folder's name with a hash of its configuration and file sizes."""
        return self._model_id

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    def embed_queries(self, texts: list[str]) -> Embeddings:
        """Embed with the model's own query prompt; an empty list gives shape (0, dim)."""
        return self._rows(texts, self._model.encode_query)

    def embed_passages(self, texts: list[str]) -> Embeddings:
        """Embed with the model's own document or passage prompt; an empty list gives shape (0, dim)."""
        return self._rows(texts, self._model.encode_document)

    def _rows(self, texts: list[str], encode: Any) -> Embeddings:
        if not texts:
            return np.empty((0, self._dim), np.float32)
        rows = encode(
            [_encodable(text) for text in texts], normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(rows, np.float32)


class DeferredEmbedder:
    """The embedder that `settings.embedder` names, loaded when it is first asked for a vector."""

    def __init__(self, settings: Settings) -> None:
        """Remember which; a bundled model's name and dimension are known without loading it."""
        self._settings = settings
        self._bundled = settings.embedder == BUNDLED_EMBEDDER

    @cached_property
    def _embedder(self) -> Embedder:
        return open_embedder(self._settings)

    @property
    def model_id(self) -> str:
        """See `Embedder`."""
        return BUNDLED_MODEL_ID if self._bundled else self._embedder.model_id

    @property
    def dim(self) -> int:
        """See `Embedder`."""
        return BUNDLED_DIM if self._bundled else self._embedder.dim

    def embed_queries(self, texts: list[str]) -> Embeddings:
        """See `Embedder`."""
        return self._embedder.embed_queries(texts)

    def embed_passages(self, texts: list[str]) -> Embeddings:
        """See `Embedder`."""
        return self._embedder.embed_passages(texts)


class PassageCache:
    """Vectors of short passages that are asked for again and again; safe to share between threads."""

    def __init__(self, embedder: Embedder, *, size: int = 20_000) -> None:
        """Keep at most `size` vectors, those used last: 30 MB for 20,000 of 384 dimensions."""
        self._embedder = embedder
        self._size = size
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: list[str]) -> Embeddings:
        """Embed passages: shape (len(texts), dim)."""
        with self._lock:
            found = {text: self._vectors[text] for text in texts if text in self._vectors}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            rows = self._embedder.embed_passages(new)
            found |= {text: row.copy() for text, row in zip(new, rows, strict=True)}  # a view keeps them all
        with self._lock:
            for text in found:
                self._vectors[text] = found[text]
                self._vectors.move_to_end(text)
            while len(self._vectors) > self._size:
                self._vectors.popitem(last=False)
        return np.stack([found[text] for text in texts]) if texts else self._embedder.embed_passages([])


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder that `settings.embedder` names, ready to embed.

    The first call for "bundled" on a machine prepares the model (a few seconds, no network).

    Args:
        settings: Read for `embedder`, `cache_dir` and `embedding_threads`.

    Returns:
        A loaded model.

    Raises:
        EmbedderUnavailable: If a package or the model is missing.
        StorageError: If the cache directory cannot be written.
    """
    if settings.embedder == BUNDLED_EMBEDDER:
        return OnnxEmbedder(e5.prepare(settings.cache_dir), threads=settings.embedding_threads)
    return SentenceTransformerEmbedder(settings.embedder)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # half an emoji must not stop an import


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Yield positions grouped by similar length, longest first, each group within the token budget."""
    group: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if group and (len(group) + 1) * lengths[group[0]] > _BATCH_TOKENS:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _folder_id(folder: Path) -> str:
    """Name a model folder so that another model saved under the same name differs."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        if path.suffix == ".json" and "config" in path.name:
            digest.update(path.read_bytes())
    return f"{folder.resolve().name}-{digest.hexdigest()[:8]}"
