"""Lists as HTML: the evidence of a draft, the hits of a search, today's records."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from kb_assistant.assistant import TIMEZONE, IndexStatus
from kb_assistant.records import StoredDraft
from kb_assistant.types import Hit
from kb_assistant.web.markup import badge, effective_line, escape, kind_badge, place, placeholder
from kb_assistant.web.texts import Texts

SNIPPET = 160  # code points: more than the two lines a card shows at 1920 wide
# what page.js listens to
KEYS = (
    ("Ctrl + Enter", "ask"),
    ("Alt + Q", "question"),
    ("Alt + E", "editor"),
    ("Alt + 1 … 9", "cite"),
    ("Alt + ↓  Alt + ↑", "cites"),
    ("Alt + F", "fix"),
    ("Alt + A", "accept"),
    ("Alt + R", "reject"),
    ("Alt + H", "hand_off"),
    ("Alt + S", "search"),
    ("Alt + D", "desk"),
    ("Esc", "close"),
    ("?  Alt + /", "keys"),
)
_ACTIONS = ("accepted", "edited", "rejected", "handed_off")


def render_masthead(texts: Texts, *, switch_to: str, index: IndexStatus | None = None) -> str:
    """Return the top of the page: name, what is indexed, the other language, the endpoint's documentation."""
    published = ""
    if index:
        line = texts["index_line"].format(
            documents=f"{index.documents:,}", chunks=f"{index.chunks:,}", day=index.created_at[:10]
        )
        title = texts["index_title"].format(generation=index.generation)
        published = f'<span class="published" title="{escape(title)}">{escape(line)}</span>'
    return (
        f'<div class="masthead"><h1>{escape(texts["product"])}</h1>'
        f'<span class="tagline">{escape(texts["tagline"])}</span><span class="space"></span>{published}'
        '<button type="button" class="link" data-keys aria-haspopup="dialog">'
        f"{escape(texts['keys'])}</button>"
        f'<a href="/docs" target="_blank" rel="noopener">{escape(texts["api_docs"])}</a>'
        f'<a id="language" href="{escape(switch_to)}" title="{escape(texts["other_language_title"])}">'
        f"{escape(texts['other_language'])}</a></div>{_keys(texts)}"
    )


def _keys(texts: Texts) -> str:
    """Return the list of keys, as a dialog that `page.js` opens."""
    rows = "".join(
        f"<dt><kbd>{escape(keys)}</kbd></dt><dd>{escape(texts[f'key_{name}'])}</dd>" for keys, name in KEYS
    )
    return (
        '<dialog id="keys" aria-labelledby="keys-title"><header>'
        f'<h2 id="keys-title">{escape(texts["keys"])}</h2><form method="dialog">'
        f'<button class="close" aria-label="{escape(texts["keys_close"])}">×</button></form>'
        f"</header><dl>{rows}</dl></dialog>"
    )


def render_hits(
    hits: Sequence[Hit], texts: Texts, *, cited: Mapping[str, int] | None = None, empty: str
) -> str:
    """Return hits as cards that carry `data-chunk`, best first.

    Args:
        hits: What was found.
        texts: The page's words.
        cited: The number under which a draft cites a chunk, by chunk id.
        empty: What to say when there are none.

    Returns:
        An ordered list, or the words for an empty one.
    """
    if not hits:
        return placeholder(empty)
    cards = "".join(_card(hit, texts, (cited or {}).get(hit.chunk.id)) for hit in hits)
    return f'<ol class="cards">{cards}</ol>'


def snippet(text: str, *, limit: int = SNIPPET) -> str:
    """Return the beginning of a chunk as one line, Markdown's marks taken out, "…" where it was cut."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")] or [text]
    flat = " ".join(re.sub(r"^\s*[-*•]\s+", "", line) for line in lines)
    flat = re.sub(r"\s*\|[\s|:-]*", " ", re.sub(r"\*\*|`", "", flat))
    flat = re.sub(r"\s+", " ", flat).strip()
    return flat if len(flat) <= limit else f"{flat[: limit - 1].rstrip()}…"


def render_records(drafts: Sequence[StoredDraft], texts: Texts, *, cut: bool) -> str:
    """Return the day's drafts, newest first, each to be opened for its reply and its decision.

    Args:
        drafts: What was drafted, newest first.
        texts: The page's words.
        cut: There were more than these.

    Returns:
        Totals by decision and one row per draft, or the words for an empty day.
    """
    if not drafts:
        return placeholder(texts["records_empty"])
    rows = "".join(_record(stored, texts) for stored in drafts)
    more = f'<p class="more">{escape(texts["records_more"].format(count=len(drafts)))}</p>' if cut else ""
    return f'{_totals(drafts, texts)}<div class="records">{rows}</div>{more}'


def _card(hit: Hit, texts: Texts, number: int | None) -> str:
    chunk = hit.chunk
    cited = badge(texts["cited"].format(n=number), "cited") if number else ""
    effective = effective_line(chunk.effective_from, chunk.effective_to, texts)
    page = texts["page"].format(n=chunk.source.page) if chunk.source.page else ""
    same = texts["duplicates"].format(count=hit.duplicates) if hit.duplicates else ""
    foot = " · ".join(part for part in (chunk.topic or "", page, effective, same) if part)
    return (
        f'<li><button type="button" class="card" data-chunk="{escape(chunk.id)}">'
        f'<span class="top"><span class="rank">{hit.rank}</span>{kind_badge(chunk.kind, texts)}'
        f"{place(chunk.title, chunk.heading)}{cited}</span>"
        f'<span class="snippet">{escape(snippet(chunk.text))}</span>'
        f'<span class="foot">{escape(foot)}</span></button></li>'
    )


def _totals(drafts: Sequence[StoredDraft], texts: Texts) -> str:
    counts = Counter(stored.decision.action if stored.decision else "open" for stored in drafts)
    cells = [(texts["records_total"], len(drafts)), (texts["records_open"], counts["open"])]
    cells += [(texts[f"action_{action}"], counts[action]) for action in _ACTIONS]
    return (
        '<dl class="totals">'
        + "".join(f"<div><dt>{escape(name)}</dt><dd>{count}</dd></div>" for name, count in cells)
        + "</dl>"
    )


def _record(stored: StoredDraft, texts: Texts) -> str:
    draft, decision = stored.draft, stored.decision
    action = decision.action if decision else "open"
    time = stored.created_at.astimezone(TIMEZONE)
    parts = [(texts["record_reply"], draft.reply_text)]
    meta = ""
    if decision:
        if decision.action == "edited" and decision.final_text:
            parts.append((texts["record_sent"], decision.final_text))
        if decision.reason:
            parts.append((texts["record_reason"], decision.reason))
        decided = decision.decided_at.astimezone(TIMEZONE)
        meta = texts["record_by"].format(agent=decision.agent, time=f"{decided:%H:%M:%S}")
    details = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in parts)
    return (
        f'<details class="record" data-draft="{escape(draft.draft_id)}"><summary>'
        f'<time datetime="{escape(time.isoformat())}">{time:%H:%M}</time>'
        f"{badge(texts[f'action_{action}'], f'action-{action}')}"
        f'<span class="asked">{escape(snippet(draft.question, limit=80))}</span>'
        f'<span class="topic">{escape(draft.topic or "")}</span>'
        f"{badge(texts[f'status_{draft.status}'], f'status-{draft.status}')}</summary>"
        f"<dl>{details}</dl>"
        f'<p class="meta"><code>{escape(draft.draft_id)}</code> {escape(meta)}</p></details>'
    )
