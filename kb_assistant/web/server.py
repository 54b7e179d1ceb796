"""One process: the API, the page mounted last, and the listening socket."""

import logging
import os
import socket
import tempfile

from fastapi import FastAPI

from kb_assistant.assistant import Assistant
from kb_assistant.errors import PortUnavailable
from kb_assistant.settings import Settings
from kb_assistant.web.http_api import build_api

log = logging.getLogger(__name__)


def build_app(assistant: Assistant, settings: Settings) -> FastAPI:
    """Return API and page as one application."""
    _silence_gradio()
    from kb_assistant.web.ui import mount_page

    return mount_page(build_api(assistant), assistant, settings)


def serve(settings: Settings) -> None:
    """Listen until interrupted.

    Args:
        settings: Where to listen, and everything `Assistant.open` needs.

    Raises:
        KbError: If there is no index, the model or the records cannot be opened, or the port is taken.
    """
    import uvicorn

    listening = _bind(settings.host, settings.port)
    # every user of the page can read Gradio's file cache, so it is a private folder that goes with us
    with listening, tempfile.TemporaryDirectory(prefix="kb_assistant-") as cache:
        os.environ["GRADIO_TEMP_DIR"] = cache
        assistant = Assistant.open(settings)
        assistant.check_ready()
        app = build_app(assistant, settings)
        print(f"kb_assistant: http://{settings.host}:{settings.port}  (API: /v1, docs: /docs)", flush=True)  # noqa: T201
        try:
            uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(
                sockets=[listening]
            )
        finally:
            assistant.close()


def _bind(host: str, port: int) -> socket.socket:
    """Take the port before the slow start, so that a taken one is reported at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot be one
        raise PortUnavailable(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}; "
            f"choose another port with: kb serve --port {port % 65535 + 1}"
        ) from error
    return listening


def _silence_gradio() -> None:
    """Turn off what Gradio phones home with; before its import."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
