"""Parses files of complex formats in a worker process with limits on memory and time.

Such files can be made to exhaust memory, loop or crash a native library; that must cost one file,
not the build. One worker parses many files; it is replaced when a file brings it down.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from kb_assistant.corpus.docx import read_docx
from kb_assistant.corpus.html import read_html
from kb_assistant.corpus.parsed import Parsed, Row, Rows
from kb_assistant.corpus.pdf import read_pdf
from kb_assistant.corpus.tables import read_xlsx
from kb_assistant.errors import UnreadableFile

ISOLATED_READERS: dict[str, Callable[[Path], Parsed | Rows]] = {
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".html": read_html,
    ".htm": read_html,
    ".xlsx": read_xlsx,
}
WALL_SECONDS = 30.0  # a long manual takes 5 s; the machine may be busy
_MEMORY_BYTES = 2**30
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class IsolatedParser:
    """A worker process, started with the first file; `close` ends it."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        """Allow each file `wall_seconds`."""
        self._wall_seconds = wall_seconds
        self._worker: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End the worker; a later `parse` starts another."""
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()
            self._worker = None

    def parse(self, path: Path) -> Parsed | Rows:
        """Parse a file whose suffix is in `ISOLATED_READERS`.

        Args:
            path: An existing file.

        Returns:
            What the format's reader returns.

        Raises:
            UnreadableFile: If the reader raises it, or exceeds the time or the memory, or crashes.
        """
        worker = self._start()
        assert worker.stdin is not None
        assert worker.stdout is not None
        timed_out = threading.Event()

        def stop() -> None:
            timed_out.set()
            worker.kill()

        timer = threading.Timer(self._wall_seconds, stop)
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                worker.stdin.write(json.dumps(str(path.absolute())).encode() + b"\n")
                worker.stdin.flush()
            answer = worker.stdout.readline()
        finally:
            timer.cancel()
        if not answer.endswith(b"\n"):
            self.close()
            if timed_out.is_set():
                raise UnreadableFile(
                    f"parsing took longer than {self._wall_seconds:g} s; split the file or save it again"
                )
            raise UnreadableFile("the parser crashed on this file (damaged?); save it again")
        try:
            return _from_answer(json.loads(answer))
        except ValueError as error:  # a library wrote in between: later answers would be off by one
            self.close()
            raise UnreadableFile("the parser crashed on this file (damaged?); save it again") from error

    def _start(self) -> subprocess.Popen[bytes]:
        if self._worker is None or self._worker.poll() is not None:
            self.close()
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "kb_assistant.corpus.isolation"],
                cwd=_PACKAGE_PARENT,  # so that -m finds the package, installed or not
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # pypdf comments on every oddity
            )
        return self._worker


class ParserPool:
    """Parses files in a few workers at once; leave the context to end them."""

    def __init__(self, workers: int) -> None:
        """Allow `workers` worker processes, at least 1; each starts with its first file."""
        self._threads = ThreadPoolExecutor(max_workers=workers)
        self._parsers = [IsolatedParser() for _ in range(workers)]
        self._idle: SimpleQueue[IsolatedParser] = SimpleQueue()
        for parser in self._parsers:
            self._idle.put(parser)

    def __enter__(self) -> "ParserPool":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers; files not yet begun are dropped."""
        self._threads.shutdown(cancel_futures=True)
        for parser in self._parsers:
            parser.close()

    def submit(self, path: Path) -> Future[Parsed | Rows]:
        """Queue a file; the future gives or raises what `IsolatedParser.parse` does."""
        return self._threads.submit(self._parse, path)

    def _parse(self, path: Path) -> Parsed | Rows:
        parser = self._idle.get()
        try:
            return parser.parse(path)
        finally:
            self._idle.put(parser)


def _from_answer(answer: dict[str, object]) -> Parsed | Rows:
    if "error" in answer:
        raise UnreadableFile(str(answer["error"]))
    if "rows" in answer:
        rows, broken = answer["rows"], answer["broken"]
        assert isinstance(rows, list)
        assert isinstance(broken, list)
        return Rows(tuple(Row(**row) for row in rows), tuple((line, reason) for line, reason in broken))
    parsed: dict[str, tuple[object, ...] | object] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in answer.items()
    }
    return Parsed(**parsed)  # type: ignore[arg-type]  # the fields of asdict below


def _answer(path: Path) -> dict[str, object]:
    try:
        parsed: Parsed | Rows = ISOLATED_READERS[path.suffix.lower()](path)
        return asdict(parsed)
    except UnreadableFile as error:
        return {"error": str(error)}
    except (MemoryError, RecursionError):
        limit = f"{_MEMORY_BYTES // 2**20} MB"
        return {"error": f"parsing needs more than {limit} of memory; split the file or save it again"}
    except Exception as error:  # a parser's bug on a strange file costs that file only
        reason = f"{type(error).__name__}: {error}"
        return {"error": f"the parser stopped on this file ({reason}); save it again"}


def _limit(used_seconds: float) -> None:
    """Cap memory, and CPU time in case the parent is gone and cannot end a loop."""
    try:
        import resource
    except ImportError:  # Windows: the wall limit alone
        return
    for limit, value in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, int(used_seconds + WALL_SECONDS) + 5),
    ):
        _, hard = resource.getrlimit(limit)
        with contextlib.suppress(ValueError, OSError):  # macOS does not limit address space
            resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _work() -> None:
    import time

    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints must not mix with the answers
    for request in sys.stdin.buffer:
        _limit(time.process_time())
        answer = _answer(Path(json.loads(request)))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    _work()
