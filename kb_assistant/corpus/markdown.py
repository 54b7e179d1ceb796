"""Markdown files: front matter apart, comments out, every heading as `# …`."""

import re
from pathlib import Path

from kb_assistant.corpus.metadata import parse_yaml
from kb_assistant.corpus.parsed import Parsed
from kb_assistant.corpus.text import clean, decode, read_bytes
from kb_assistant.errors import UnreadableFile

_HEADING = re.compile(r"(#{1,6})(?:[ \t]+(.*))?")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_NO_SETEXT = re.compile(r"\s*(?:$|[|#>*+-]|[0-9]+[.、)])")  # such a line above --- is no heading


def read_markdown(path: Path) -> Parsed:
    """Read a Markdown file with its front matter.

    Args:
        path: A file; see `text.decode` for its encodings.

    Returns:
        The text below the front matter; underlined headings are rewritten as `# …`.

    Raises:
        UnreadableFile: If the file is no text or its front matter is not valid.
    """
    text = clean(decode(read_bytes(path)))
    front, body = _split_front_matter(text)
    return Parsed(_rewrite_underlined(_without_comments(body)).strip("\n"), parse_yaml(front))


def find_headings(text: str) -> list[tuple[int, int, int, str]]:
    """Return (start, end, level, title) of each heading line in order; code blocks have none.

    `end` is the offset of the line's end, before its newline.
    """
    headings = []
    fence = ""
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif not fence and line.startswith("#") and (match := _HEADING.fullmatch(line)):
            headings.append((start, end, len(match[1]), plain_heading((match[2] or "").rstrip("# \t"))))
        start = end + 1
    return headings


def plain_heading(title: str) -> str:
    """Return a heading without the marks of emphasis and code."""
    return re.sub(r"[*`]|__", "", title).strip()


def _split_front_matter(text: str) -> tuple[str, str]:
    lines = text.lstrip("\n").split("\n")
    if lines[0].rstrip() != "---":
        return "", text
    for i, line in enumerate(lines[1:], start=1):
        if line.rstrip() in ("---", "..."):
            return "\n".join(["", *lines[1:i]]), "\n".join(lines[i + 1 :])  # keeps line numbers
    if len(lines) > 1 and re.match(r"\w+\s*:", lines[1]):
        raise UnreadableFile(
            "the front matter that '---' opens on line 1 is not closed; add a line '---' below it"
        )
    return "", text  # a rule, not front matter


def _without_comments(text: str) -> str:
    """Drop `<!-- … -->`: readers do not see them, so they must not be cited or obeyed."""
    pieces = []
    done = 0
    while (start := text.find("<!--", done)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        pieces.append(text[done:start])
        done = end + 3
    return "".join([*pieces, text[done:]])


def _rewrite_underlined(text: str) -> str:
    lines = text.split("\n")
    for i in range(1, len(lines)):
        mark = _UNDERLINE.fullmatch(lines[i])
        above = lines[i - 1]
        if mark and not _NO_SETEXT.match(above) and (i == 1 or not lines[i - 2].strip()):
            lines[i - 1] = ("# " if mark[1][0] == "=" else "## ") + above.strip()
            lines[i] = ""
    return "\n".join(lines)
