"""Everything a user can fix, as one tree.

KbError                     root; `code` is the stable name clients match on
├─ InvalidInput             a question, option or value out of bounds
├─ CorpusError              the corpus folder as a whole cannot be used
├─ UnreadableFile           one file of the corpus cannot be read; the others go on
├─ IndexNotFound            nothing published where it was looked for
├─ IndexCorrupt             a file of a generation differs from its manifest
├─ IndexMismatch            built by another format version or another model
├─ IndexBusy                another process is publishing
├─ EmbedderUnavailable      the embedding model cannot be loaded
├─ NotFound                 no such draft, chunk or document
├─ AlreadyDecided           a second decision on one draft
├─ PortUnavailable          the address to serve on is taken or not ours
└─ StorageError             disk full, read-only, not permitted; the records database unusable

A caller's bug is a ValueError or TypeError instead. Caught in three places only: CLI, HTTP, page.
"""


class KbError(Exception):
    """Something the user can fix; the message says what, the value, what was expected, the remedy."""

    code = "kb_error"


class InvalidInput(KbError):
    """A question, option or value is out of bounds."""

    code = "invalid_input"


class CorpusError(KbError):
    """The corpus folder as a whole cannot be used: missing, empty, or nothing in it readable."""

    code = "corpus_error"


class UnreadableFile(KbError):
    """One file of the corpus cannot be read; it is reported by name and the others go on."""

    code = "unreadable_file"


class IndexNotFound(KbError):
    """No generation is published in the index directory."""

    code = "index_not_found"


class IndexCorrupt(KbError):
    """A file of a generation is missing or differs from its manifest."""

    code = "index_corrupt"


class IndexMismatch(KbError):
    """The index was built by another format version or another embedding model."""

    code = "index_mismatch"


class IndexBusy(KbError):
    """Another process is writing to the index directory."""

    code = "index_busy"


class EmbedderUnavailable(KbError):
    """The embedding model cannot be loaded: a package or its files are missing."""

    code = "embedder_unavailable"


class ModelUnavailable(KbError):
    """The language model cannot be used as configured: a package is missing or its name is wrong."""

    code = "model_unavailable"


class NotFound(KbError):
    """No draft, chunk or document has the given id."""

    code = "not_found"


class AlreadyDecided(KbError):
    """The draft already has a decision."""

    code = "already_decided"


class PortUnavailable(KbError):
    """The address to serve on is taken or does not belong to this machine."""

    code = "port_unavailable"


class StorageError(KbError):
    """A directory or the records database cannot be written or read."""

    code = "storage_error"
