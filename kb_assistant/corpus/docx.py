"""Word files (DOCX): headings, lists and tables in document order, as Markdown."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kb_assistant.corpus.office import check_package
from kb_assistant.corpus.parsed import Parsed
from kb_assistant.corpus.tables import to_markdown_table
from kb_assistant.corpus.text import clean
from kb_assistant.errors import UnreadableFile

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"(?:heading|标题)\s*([1-9])", re.IGNORECASE)
_WRAPPERS = frozenset(_W + name for name in ("sdt", "sdtContent", "smartTag", "customXml", "ins", "moveTo"))
_UNSEEN = frozenset(_W + name for name in ("del", "moveFrom", "txbxContent", "pPr", "rPr", "instrText"))
_BULLET = "bullet"


def read_docx(path: Path) -> Parsed:
    """Read a Word file; headers, footers, deleted text and tables of contents are left out.

    Args:
        path: A DOCX file.

    Returns:
        The text: headings as `# …`, list items as `- …` or `1. …`, tables as Markdown tables.

    Raises:
        UnreadableFile: If the file is damaged, protected, or breaks the caps of `office`.
    """
    check_package(path, "word/document.xml")
    import docx

    try:
        document = docx.Document(str(path))
        blocks = list(_blocks(document))
    except Exception as error:  # the library fails in many ways on a damaged package
        raise UnreadableFile(
            f"Word cannot have written this file ({type(error).__name__}: {error}); save it again as .docx"
        ) from error
    return Parsed(clean("\n".join(blocks)).strip("\n"))


def _blocks(document: Any) -> Iterator[str]:
    styles = {style.style_id: style for style in document.styles if hasattr(style, "style_id")}
    formats = _list_formats(document)
    counters: dict[tuple[str, int], int] = {}
    for element in _flatten(document.element.body):
        if element.tag == _W + "tbl":
            counters.clear()
            yield f"\n{to_markdown_table(_rows(element))}\n"
            continue
        text = _text(element).strip()
        style = styles.get(_attribute(element, "pPr/pStyle"))
        level = _heading_level(element, style)
        if not text or (style is not None and re.match("toc|目录", style.name or "", re.IGNORECASE)):
            continue
        if level:
            counters.clear()
            yield f"\n{'#' * level} {' '.join(text.split())}\n"
        else:
            marker = _list_marker(element, style, formats, counters)
            yield f"{marker}{text}" if marker else f"{text}\n"


def _flatten(parent: Any) -> Iterator[Any]:
    """Yield the paragraphs and tables below `parent` in order, out of content controls too."""
    stack = [iter(parent)]
    while stack:
        for child in stack[-1]:
            if child.tag in (_W + "p", _W + "tbl"):
                yield child
            elif child.tag in _WRAPPERS:
                stack.append(iter(child))
                break
        else:
            stack.pop()


def _text(element: Any) -> str:
    """Return the visible text of a paragraph: inserted text counts, deleted text does not."""
    pieces = []
    stack = list(reversed(element))
    while stack:
        node = stack.pop()
        if node.tag in _UNSEEN or not isinstance(node.tag, str):
            continue
        if node.tag == _W + "t":
            pieces.append(node.text or "")
        elif node.tag == _W + "tab":
            pieces.append("\t")
        elif node.tag in (_W + "br", _W + "cr"):
            pieces.append("\n")
        elif node.tag == _W + "noBreakHyphen":
            pieces.append("-")
        else:
            stack.extend(reversed(node))
    return "".join(pieces)


def _rows(table: Any) -> list[list[str]]:
    rows = []
    for row in table.iter(_W + "tr"):
        cells = [cell for cell in row.iter(_W + "tc") if _row_of(cell) is row]
        rows.append([" ".join(" ".join(map(_text, cell.iter(_W + "p"))).split()) for cell in cells])
    return rows


def _row_of(cell: Any) -> Any:
    row = cell.getparent()
    while row is not None and row.tag != _W + "tr":
        row = row.getparent()
    return row


def _heading_level(paragraph: Any, style: Any) -> int:
    outline = _attribute(paragraph, "pPr/outlineLvl")
    if outline.isdigit() and int(outline) < 9:
        return min(int(outline) + 1, 6)
    while style is not None:
        name = style.name or ""
        if name.lower() in ("title", "标题"):
            return 1
        if match := _HEADING.match(name):
            return min(int(match[1]), 6)
        style = getattr(style, "base_style", None)
    return 0


def _list_formats(document: Any) -> dict[tuple[str, int], str]:
    """Return the number format ("bullet", "decimal" …) of each list and level."""
    try:
        numbering = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return {}
    abstract = {
        (definition.get(_W + "abstractNumId"), int(level.get(_W + "ilvl"))): _attribute(level, "numFmt")
        for definition in numbering.iter(_W + "abstractNum")
        for level in definition.iter(_W + "lvl")
    }
    formats = {}
    for number in numbering.iter(_W + "num"):
        for (definition_id, level), number_format in abstract.items():
            if definition_id == _attribute(number, "abstractNumId"):
                formats[number.get(_W + "numId"), level] = number_format
    return formats


def _list_marker(
    paragraph: Any, style: Any, formats: dict[tuple[str, int], str], counters: dict[tuple[str, int], int]
) -> str:
    list_id = _attribute(paragraph, "pPr/numPr/numId")
    level = int(_attribute(paragraph, "pPr/numPr/ilvl") or 0)
    while not list_id and style is not None:
        list_id = _attribute(style.element, "pPr/numPr/numId")
        style = getattr(style, "base_style", None)
    if not list_id or list_id == "0":
        counters.clear()
        return ""
    indent = "   " * level
    if formats.get((list_id, level), _BULLET) == _BULLET:
        return f"{indent}- "
    counters[list_id, level] = counters.get((list_id, level), 0) + 1
    for deeper in [key for key in counters if key[0] == list_id and key[1] > level]:
        del counters[deeper]
    return f"{indent}{counters[list_id, level]}. "


def _attribute(element: Any, path: str) -> str:
    found = element.find("/".join(_W + name for name in path.split("/")))
    return "" if found is None else found.get(_W + "val") or ""
