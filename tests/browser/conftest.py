"""A real server over a small real index, and a browser page that fails on anything unseemly."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kb_assistant.settings import Settings

CHROMIUM = os.environ.get("KB_CHROMIUM", "/usr/bin/chromium")
ROOT = Path(__file__).parents[2]
CORPUS = (
    "sop/SOP-CZ-02-话费充值未到账处理规范.md",
    "sop/SOP-CZ-07-各类商品到账时效与退换对照表.pdf",
    "sop/SOP-CZ-07-各类商品到账时效与退换对照表.meta.yaml",
    "sop/SOP-KM-03-卡密过期处理.md",
    "sop/SOP-ZF-01-支付失败与扣款无订单.md",
)
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the page is, and its records database."""

    url: str
    database: Path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Index a handful of the repository's documents with the bundled embedder, and serve them."""
    import uvicorn

    from kb_assistant.assistant import Assistant
    from kb_assistant.index.building import build_index
    from kb_assistant.index.embedding import open_embedder
    from kb_assistant.web.server import build_app

    home = tmp_path_factory.mktemp("browser")
    for name in CORPUS:
        (home / "corpus" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "corpus" / name, home / "corpus" / name)
    settings = Settings(
        corpus_dir=home / "corpus",
        index_dir=home / "index",
        records_url=f"sqlite:///{home / 'records.sqlite3'}",
        embedder="bundled",
        language="zh",
    )
    build_index(settings.corpus_dir, settings.index_dir, open_embedder(settings))
    assistant = Assistant.open(settings)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        running = uvicorn.Server(uvicorn.Config(build_app(assistant, settings), log_level="warning"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not running.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        yield Server(f"http://127.0.0.1:{listening.getsockname()[1]}", home / "records.sqlite3")
        running.should_exit = True
        thread.join(20)
    assistant.close()


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.fail(f"no Chromium at {CHROMIUM}; apt-get install chromium fonts-noto-cjk, or set KB_CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, server: Server):
    """The page, opened; afterwards: no request left the loopback, no error reached the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page = context.new_page()
    faults: list[str] = []
    page.on("request", lambda request: _note_foreign(request.url, faults))
    page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
    page.on("console", lambda m: faults.append(f"console: {m.text}") if m.type == "error" else None)
    page.goto(f"{server.url}/")
    page.locator("#question textarea").wait_for()
    page.locator(".published").wait_for()
    yield page
    context.close()
    assert faults == []


def _note_foreign(url: str, faults: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost"):
        faults.append(f"request to another host: {url}")
