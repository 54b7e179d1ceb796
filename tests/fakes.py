"""Second implementations of our Protocols, for tests that need no model."""

import hashlib

import numpy as np

from kb_assistant.index.tokens import tokenize
from kb_assistant.types import Embeddings


class HashEmbedder:
    """Tokens hashed into 64 unit-length dimensions: shared tokens make texts closer.

    `embedded` counts the passages that were embedded, for tests of reuse.
    """

    model_id = "hash-64"
    dim = 64

    def __init__(self) -> None:
        self.embedded = 0

    def embed_queries(self, texts: list[str]) -> Embeddings:
        return np.stack([self._vector(text) for text in texts]) if texts else np.empty((0, 64), np.float32)

    def embed_passages(self, texts: list[str]) -> Embeddings:
        self.embedded += len(texts)
        return self.embed_queries(texts)

    def _vector(self, text: str) -> Embeddings:
        vector = np.zeros(64, dtype=np.float32)
        for token in tokenize(text):
            vector[hashlib.sha256(token.encode()).digest()[0] % 64] += 1
        vector[0] += 1e-3  # a text without tokens still has a direction
        return vector / np.linalg.norm(vector)


class OtherEmbedder(HashEmbedder):
    """Another model of the same size: an index of one must not open with the other."""

    model_id = "hash-64-other"
