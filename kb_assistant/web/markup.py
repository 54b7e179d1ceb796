"""Building blocks of the page's HTML: escaping, marked stretches of a text, badges, notices."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from kb_assistant.types import Kind
from kb_assistant.web.texts import Texts


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a text and the CSS class it gets; `title` is what a pointer over it shows."""

    start: int
    end: int
    css: str
    title: str = ""


def escape(text: str) -> str:
    """Return `text` as it may stand in HTML, in an element as well as in a quoted attribute."""
    return html.escape(text, quote=True)


def paint(text: str, start: int, end: int, marks: Sequence[Mark]) -> str:
    """Return `text[start:end]` escaped, each marked stretch in a span; marks may overlap or reach out."""
    inside = [mark for mark in marks if mark.start < end and mark.end > start and mark.start < mark.end]
    cuts = {start, end}
    for mark in inside:
        cuts |= {max(mark.start, start), min(mark.end, end)}
    edges = sorted(cuts)
    runs = []
    for left, right in pairwise(edges):
        over = [mark for mark in inside if mark.start <= left and right <= mark.end]
        runs.append(_run(text[left:right], over))
    return "".join(runs)


def _run(text: str, marks: Sequence[Mark]) -> str:
    if not marks:
        return escape(text)
    css = " ".join(dict.fromkeys(mark.css for mark in marks))
    titles = "；".join(dict.fromkeys(mark.title for mark in marks if mark.title))
    title = f' title="{escape(titles)}"' if titles else ""
    tag = "mark" if any(mark.css == "quote" for mark in marks) else "span"
    return f'<{tag} class="{css}"{title}>{escape(text)}</{tag}>'


def badge(label: str, css: str, *, title: str = "") -> str:
    """Return a small label; `css` picks its colours."""
    hint = f' title="{escape(title)}"' if title else ""
    return f'<span class="badge {css}"{hint}>{escape(label)}</span>'


def kind_badge(kind: Kind, texts: Texts) -> str:
    """Return the label of a kind of document."""
    return badge(texts[f"kind_{kind}"], f"kind-{kind}")


def notice(message: str, *, css: str = "info", detail: str = "") -> str:
    """Return a line that a screen reader announces; `detail` is set apart, such as an error's own words."""
    more = f' <span class="detail">{escape(detail)}</span>' if detail else ""
    role = "alert" if css == "error" else "status"
    return f'<div class="notice {css}" role="{role}"><span>{escape(message)}</span>{more}</div>'


def placeholder(message: str, *, title: str = "") -> str:
    """Return what stands where nothing is yet."""
    head = f"<strong>{escape(title)}</strong>" if title else ""
    return f'<div class="placeholder">{head}<p>{escape(message)}</p></div>'


def place(title: str, heading: str) -> str:
    """Return title and heading path as one line, the title first and strong.

    A heading path that begins with the title, as Markdown files have it, does not repeat it.
    """
    levels = [level.strip() for level in heading.split(" > ") if level.strip() and level.strip() != title]
    path = "".join(f'<span class="sep">›</span>{escape(level)}' for level in levels)
    return f'<span class="place"><b>{escape(title)}</b>{path}</span>'


def effective_line(start: date | None, end: date | None, texts: Texts) -> str:
    """Return when a clause is in force, plain text; "" when that is not limited."""
    if start and end:
        return texts["effective"].format(start=start, end=end)
    if start:
        return texts["effective_from"].format(start=start)
    return texts["effective_to"].format(end=end) if end else ""
