"""HTML pages: the main content as Markdown; navigation, scripts and hidden text left out."""

import codecs
import re
from pathlib import Path
from typing import Any

from kb_assistant.corpus.parsed import Parsed
from kb_assistant.corpus.tables import to_markdown_table
from kb_assistant.corpus.text import clean, decode, read_bytes

_MAX_BYTES = 5 * 2**20  # a page of text has some 100 KB, and the parser needs a second per MB
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)
_DROPPED = frozenset((
    "script", "style", "template", "noscript", "svg", "canvas", "iframe", "object", "embed", "nav",
    "footer", "aside", "form", "button", "select", "head",
))  # fmt: skip
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE
)
_BLOCKS = frozenset(
    (
        "div",
        "section",
        "article",
        "header",
        "main",
        "dl",
        "dt",
        "dd",
        "figure",
        "figcaption",
        "details",
        "summary",
    )
)
_PARAGRAPHS = frozenset(
    ("p", "ul", "ol", "pre", "blockquote", "table", "hr", "h1", "h2", "h3", "h4", "h5", "h6")
)
_CAPTURED = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "td", "th", "tr", "table"))
_CJK = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
_WRAP_IN_CJK = re.compile(rf"(?<=[{_CJK}])[ \t\r\f]*\n[ \t\r\f\n]*(?=[{_CJK}])")


def read_html(path: Path) -> Parsed:
    """Read the main content of a page.

    Args:
        path: An HTML file; its encoding is declared, UTF-8 or GB18030.

    Returns:
        The text of `main`, else `article`, else `body`: headings as `# …`, list items, and tables
        as Markdown; the page's `title` element as the title.

    Raises:
        UnreadableFile: If it is no text or too large.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(_decode(read_bytes(path, max_bytes=_MAX_BYTES)), "lxml")
    title = soup.title.get_text() if soup.title else ""
    main = soup.find("main") or soup.find(None, {"role": "main"}) or soup.find("article") or soup.body or soup
    lines = [line.rstrip() for line in clean(_Renderer().render(main)).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return Parsed(text, title=title)


def _decode(data: bytes) -> str:
    declared = _CHARSET.search(data[:4096])
    if declared:
        try:
            codec = codecs.lookup(declared[1].decode("ascii")).name
            if codec not in ("utf-8", "gb2312", "gbk"):  # these `decode` knows, and forgives mislabelling
                return data.decode(codec)
        except (LookupError, UnicodeError):
            pass  # a wrong label: judge by the bytes
    return decode(data)


class _Renderer:
    """Writes a tree as Markdown in one walk without recursion, so depth and width cost no more."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._starts: list[int] = []  # where the pieces of each open captured element begin
        self._rows: list[list[list[str]]] = []  # of each open table
        self._lists: list[int | None] = []  # of each open list: the last number, None for bullets
        self._pre = 0

    def render(self, root: Any) -> str:
        from bs4.element import NavigableString, PreformattedString, Tag

        stack: list[tuple[Any, Any]] = [(root, iter(root.contents))]
        while stack:
            tag, children = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                if stack:
                    self._leave(tag.name)
            elif isinstance(child, Tag):
                if not _is_unseen(child, in_main=root.name in ("main", "article")):
                    self._enter(child.name)
                    stack.append((child, iter(child.contents)))
            elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
                self._write(str(child))
        return "".join(self._pieces)

    def _write(self, text: str) -> None:
        if not self._pre:
            text = re.sub(r"[ \t\r\n\f]+", " ", _WRAP_IN_CJK.sub("", text))
            if not self._pieces or self._pieces[-1].endswith(("\n", " ")):
                text = text.lstrip(" ")
        if text:
            self._pieces.append(text)

    def _enter(self, name: str) -> None:
        if name == "br":
            self._pieces.append("\n")
        elif name in ("ul", "ol"):
            self._pieces.append("\n" if self._lists else "\n\n")
            self._lists.append(0 if name == "ol" else None)
        elif name == "li":
            indent = "   " * max(0, len(self._lists) - 1)
            last = self._lists[-1] if self._lists else None
            if last is not None:
                self._lists[-1] = last + 1
            self._pieces.append(f"\n{indent}{'- ' if last is None else f'{last + 1}. '}")
        elif name == "p" and self._pieces and self._pieces[-1].endswith((". ", "- ")):
            pass  # a paragraph that opens a list item stays on its line
        elif name in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif name in _BLOCKS and self._pieces and not self._pieces[-1].endswith((". ", "- ")):
            self._pieces.append("\n")
        if name == "pre":
            self._pre += 1
        if name == "table":
            self._rows.append([])
        if name == "tr" and self._rows:
            self._rows[-1].append([])
        if name in _CAPTURED:
            self._starts.append(len(self._pieces))

    def _leave(self, name: str) -> None:
        if name in _CAPTURED:
            self._close(name)
        if name in ("ul", "ol") and self._lists:
            self._lists.pop()
        if name == "pre":
            self._pre -= 1
        if name in _PARAGRAPHS or name in _BLOCKS:
            self._pieces.append("\n" if name in _BLOCKS or self._lists else "\n\n")

    def _close(self, name: str) -> None:
        """Put what a heading, cell, row or table captured in its Markdown form."""
        start = self._starts.pop()
        content = "".join(self._pieces[start:])
        del self._pieces[start:]
        line = " ".join(content.split())
        if name.startswith("h") and line:
            self._pieces.append(f"{'#' * int(name[1])} {line}")
        elif name in ("td", "th") and self._rows and self._rows[-1]:
            self._rows[-1][-1].append(line)
        elif name in ("td", "th", "tr"):
            self._pieces.append(line + "\n" if line else "")
        elif name == "table":
            caption = line + "\n\n" if line else ""
            self._pieces.append(caption + to_markdown_table(self._rows.pop()))


def _is_unseen(tag: Any, *, in_main: bool) -> bool:
    """Whether readers do not see the element, or it frames the page: a page's header is not content."""
    if tag.name in _DROPPED or (tag.name == "header" and not in_main):
        return True
    if tag.get("hidden") is not None or tag.get("aria-hidden") == "true":
        return True
    return _HIDDEN_STYLE.search(str(tag.get("style", ""))) is not None
