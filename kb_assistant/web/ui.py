"""The page: one Gradio Blocks per language, mounted last; wiring only.

`desk` holds what happens, `render*` how it looks as HTML, `texts` every word, `page.css` and
`page.js` the rest. Events are private: programs use `/v1`.
"""

from pathlib import Path
from typing import get_args

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse

from kb_assistant.assistant import Assistant
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER
from kb_assistant.web.desk import Desk
from kb_assistant.web.desk_tab import build_desk_tab
from kb_assistant.web.headers import PrivatePage
from kb_assistant.web.lookup_tabs import build_records_tab, build_search_tab
from kb_assistant.web.render_lists import render_masthead
from kb_assistant.web.texts import TEXTS, Language

_HERE = Path(__file__).parent
_FONTS = ("PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "system-ui", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "Noto Sans Mono CJK SC", "monospace")
_WAITING = 64  # questions that may wait; more agents than that at once need more processes


def mount_page(app: FastAPI, assistant: Assistant, settings: Settings) -> FastAPI:
    """Mount the page on `app`: at "/" in the language of the settings, at "/en" or "/zh" in the other.

    Call it after every other route is there, because "/" takes what is left.

    Args:
        app: The application that holds the API.
        assistant: The façade that every event calls.
        settings: The language.

    Returns:
        `app`, with the page and the headers that keep it from loading anything from another host.
    """
    app.add_middleware(PrivatePage)
    for language in get_args(Language):
        app.add_api_route(f"/{language}", _with_slash, include_in_schema=False)
    other: Language = "en" if settings.language == "zh" else "zh"
    _mount(app, build_page(assistant, other, switch_to="../"), other, f"/{other}")
    _mount(app, build_page(assistant, settings.language, switch_to=f"./{other}/"), settings.language, "/")
    return app


def _with_slash(request: Request) -> RedirectResponse:
    return RedirectResponse(request.url.path + "/" if request.url.path != "/" else "/")


def build_page(assistant: Assistant, language: Language, *, switch_to: str) -> gr.Blocks:
    """Return the page in one language; `switch_to` is the relative address of the other."""
    texts = TEXTS[language]
    desk = Desk(assistant, texts, LOCAL_CALLER)
    with gr.Blocks(title=texts["product"], analytics_enabled=False, fill_width=True) as page:
        masthead = gr.HTML(
            render_masthead(texts, switch_to=switch_to), elem_id="masthead", apply_default_css=False
        )
        with gr.Tabs(elem_id="tabs"):
            build_desk_tab(desk, texts)
            build_search_tab(desk, texts)
            build_records_tab(desk, texts)
        page.load(
            lambda: render_masthead(texts, switch_to=switch_to, index=desk.index_status()),
            outputs=masthead,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
    return page.queue(max_size=_WAITING, api_open=False)


def _mount(app: FastAPI, page: gr.Blocks, language: Language, path: str) -> None:
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    tag = TEXTS[language]["html_lang"]
    gr.mount_gradio_app(
        app,
        page,
        path=path,
        footer_links=[],
        run_history=False,  # it would keep customers' messages in the browser
        max_file_size=1,  # the page takes no files
        show_error=False,  # a bug's details belong in the log
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        ssr_mode=False,
        theme=gr.themes.Base(primary_hue="blue", neutral_hue="slate", font=_FONTS, font_mono=_MONO),
        css_paths=[_HERE / "page.css"],
        head=f"<script>document.documentElement.dataset.lang = '{tag}';\n{script}\nkb.language();</script>",
    )
