"""The dense leg: exact inner-product search with FAISS."""

import errno
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kb_assistant.types import Embeddings

# One query over 10,000 rows: 0.33 ms with one OpenMP thread, 17 ms p95 with two; threads only
# pay in batches, which this product does not send.
faiss.omp_set_num_threads(1)


class DenseIndex:
    """Rows of unit vectors, searched exactly; a row's number is its chunk's number."""

    def __init__(self, index: Any) -> None:
        """Wrap a loaded FAISS index; use `build` or `open` to get one."""
        self._index = index

    @classmethod
    def build(cls, embeddings: Embeddings) -> "DenseIndex":
        """Index the rows of `embeddings`, shape (n, dim); n may be 0."""
        index = faiss.IndexFlatIP(embeddings.shape[1])
        index.add(np.ascontiguousarray(embeddings, dtype=np.float32))
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> "DenseIndex":
        """Load what `save` wrote. The file's checksum must have been verified: FAISS trusts it."""
        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own format; raises OSError, as other files do."""
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:  # how FAISS reports a full disk
            raise OSError(errno.EIO, str(error).strip().splitlines()[-1], str(path)) from error

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Return the length of a vector."""
        return int(self._index.d)

    def vectors(self) -> Embeddings:
        """Return all rows, shape (n, dim)."""
        rows: Embeddings = self._index.reconstruct_n(0, len(self))
        return rows

    def scores_of(self, query: NDArray[np.float32], rows: list[int]) -> list[float]:
        """Return the cosine of `query`, shape (dim,), with each of `rows`."""
        return [float(self._index.reconstruct(row) @ query) for row in rows]

    def search(
        self, query: NDArray[np.float32], *, top_k: int, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """Return the best rows for `query`, shape (dim,), as (row, cosine), best first.

        Args:
            query: A unit vector.
            top_k: Upper bound on the number of rows, at least 1.
            allowed: Mask over all rows; None allows every row.

        Returns:
            At most `top_k` real rows; FAISS pads a short answer with row -1, which never leaves here.
        """
        if not len(self):
            return []
        params = None
        if allowed is not None:
            bitmap = np.packbits(allowed, bitorder="little")
            # the stubs describe the C++ constructors, not the Python ones
            selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
            params = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, rows = self._index.search(query[np.newaxis], min(top_k, len(self)), params=params)
        return [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]
