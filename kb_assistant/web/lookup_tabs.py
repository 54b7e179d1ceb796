"""The tabs 检索 and 记录: looking things up. Wiring only."""

from typing import Any, get_args

import gradio as gr

from kb_assistant.types import Kind
from kb_assistant.web.desk import Desk
from kb_assistant.web.desk_tab import EMBEDDING, EVENT, FAST, LISTEN_AND_REVEAL, html_block
from kb_assistant.web.markup import placeholder
from kb_assistant.web.texts import Texts


def build_search_tab(desk: Desk, texts: Texts) -> None:
    """Add the search tab; its topics and skill groups are read each time it is opened."""
    with (
        gr.Tab(texts["tab_search"], id="search-tab", elem_id="tab-search") as tab,
        gr.Row(elem_id="searching"),
    ):
        with gr.Column(elem_id="finding"):
            with gr.Row(elem_id="query-row"):
                query = gr.Textbox(
                    label=texts["query"],
                    placeholder=texts["query_hint"],
                    elem_id="query",
                    max_lines=1,
                    scale=4,
                )
                search = gr.Button(
                    texts["search"], variant="primary", elem_id="search", min_width=96, scale=0
                )
            with gr.Row(elem_id="filters"):
                kinds = [(texts[f"kind_{kind}"], kind) for kind in get_args(Kind)]
                kind = _choice(texts["kind"], "kind", [(texts["any"], ""), *kinds])
                topic = _choice(texts["topic"], "topic", [(texts["any"], "")])
                group = _choice(texts["skill_group"], "skill-group", [(texts["any"], "")])
                as_of = gr.Textbox(
                    label=texts["date"],
                    placeholder="2026-03-15",
                    elem_id="search-date",
                    max_lines=1,
                    min_width=130,
                )
            line = html_block("", "search-line")
            hits = html_block(placeholder(texts["hits_start"]), "hits", texts["hits"])
        with gr.Column(elem_id="search-reading"):
            source = html_block(
                placeholder(texts["source_start"]), "search-source", texts["source"], js=LISTEN_AND_REVEAL
            )

    def on_search(query: str, kind: str, topic: str, group: str, as_of: str | None) -> tuple[str, str]:
        return desk.search(query, kind=kind, topic=topic, skill_group=group, as_of=as_of)

    asked, found = [query, kind, topic, group, as_of], [line, hits]
    gr.on([query.submit, search.click], on_search, asked, found, **EMBEDDING, **EVENT)
    # as fast as typing: what was typed meanwhile is asked once
    typing = [query.change, kind.input, topic.input, group.input]
    gr.on(typing, on_search, asked, found, trigger_mode="always_last", **EMBEDDING, **EVENT)

    def on_open(event: gr.EventData) -> str:
        wanted = event._data or {}
        if "close" in wanted:
            return placeholder(texts["source_start"])
        return desk.source("", cite=None, chunk_id=wanted.get("chunk"))

    for clickable in (hits, source):
        clickable.click(on_open, None, source, **FAST, **EVENT)

    def choices() -> list[Any]:
        index = desk.index_status()
        found = (index.topics, index.skill_groups) if index else ((), ())
        return [gr.update(choices=[(texts["any"], ""), *((name, name) for name in names)]) for names in found]

    tab.select(choices, None, [topic, group], **FAST, **EVENT)


def build_records_tab(desk: Desk, texts: Texts) -> None:
    """Add the tab of today's drafts and decisions, read anew each time it is opened."""
    with gr.Tab(texts["tab_records"], id="records-tab", elem_id="tab-records") as tab:
        with gr.Row(elem_id="records-head"):
            html_block("", "records-title", texts["records"])
            refresh = gr.Button(texts["refresh"], elem_id="refresh", scale=0, min_width=80)
        records = html_block("", "records")
    gr.on([tab.select, refresh.click], desk.records, None, records, **FAST, **EVENT)


def _choice(label: str, elem_id: str, choices: list[tuple[str, str]]) -> gr.Dropdown:
    return gr.Dropdown(choices, value="", label=label, elem_id=elem_id, filterable=False, min_width=110)
