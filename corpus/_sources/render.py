"""Render the sources in this folder into the PDF, DOCX and XLSX files of `corpus/sop/`.

    python corpus/_sources/render.py        needs Debian's chromium and fonts-noto-cjk

Each `NAME.pdf.md` becomes `sop/NAME.pdf` with a sidecar `NAME.meta.yaml`; `NAME.docx.md` a Word
file with its sidecar; `NAME.xlsx.csv` a workbook of FAQ rows with ids FAQ-01, FAQ-02, ….
"""

import csv
import subprocess
import tempfile
from pathlib import Path

import docx
import openpyxl
from markdown_it import MarkdownIt

SOURCES = Path(__file__).parent
TARGET = SOURCES.parent / "sop"
MARKDOWN = MarkdownIt("commonmark").enable("table")
STYLE = """
@page { size: A4; margin: 22mm 20mm 20mm 20mm;
  @top-left { content: "内部资料 · 请勿外传"; font: 8pt "Noto Sans CJK SC"; color: #666 }
  @top-right { content: "%s"; font: 8pt "Noto Sans CJK SC"; color: #666 }
  @bottom-center { content: "第 " counter(page) " 页 / 共 " counter(pages) " 页"; font: 8pt "Noto Sans CJK SC" } }
body { font: 11pt/1.75 "Noto Sans CJK SC"; color: #111 }
h1 { font-size: 18pt } h2 { font-size: 13.5pt; margin-top: 1.4em } h3 { font-size: 11.5pt }
table { border-collapse: collapse; width: 100%%; font-size: 9.5pt; margin: .8em 0 }
th, td { border: .6pt solid #555; padding: 3pt 5pt; vertical-align: top } th { background: #eee }
h2, h3, tr { break-inside: avoid; break-after: auto }
"""


def main() -> None:
    for source in sorted(SOURCES.glob("*.pdf.md")):
        front, body = _front_and_body(source)
        name = source.name.removesuffix(".pdf.md")
        _pdf(body, name, TARGET / f"{name}.pdf")
        (TARGET / f"{name}.meta.yaml").write_text(front, encoding="utf-8")
    for source in sorted(SOURCES.glob("*.docx.md")):
        front, body = _front_and_body(source)
        name = source.name.removesuffix(".docx.md")
        _docx(body, TARGET / f"{name}.docx")
        (TARGET / f"{name}.meta.yaml").write_text(front, encoding="utf-8")
    for source in sorted(SOURCES.glob("*.xlsx.csv")):
        _xlsx(source, TARGET / source.name.removesuffix(".csv"))


def _front_and_body(source: Path) -> tuple[str, str]:
    _, front, body = source.read_text(encoding="utf-8").split("---\n", 2)
    return front, body


def _pdf(body: str, name: str, target: Path) -> None:
    page = f"<meta charset=utf-8><style>{STYLE % name.split('-', 3)[3]}</style>{MARKDOWN.render(body)}"
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "page.html"
        html.write_text(page, encoding="utf-8")
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--no-first-run", f"--user-data-dir={folder}/profile",
             "--no-pdf-header-footer", f"--print-to-pdf={target}", html.as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip


def _docx(body: str, target: Path) -> None:
    document = docx.Document()
    tokens = MARKDOWN.parse(body)
    rows: list[list[str]] | None = None
    list_style: str | None = None
    for i, token in enumerate(tokens):
        match token.type:
            case "ordered_list_open":
                list_style = "List Number"
            case "bullet_list_open":
                list_style = "List Bullet"
            case "ordered_list_close" | "bullet_list_close":
                list_style = None
            case "table_open":
                rows = []
            case "tr_open" if rows is not None:
                rows.append([])
            case "table_close" if rows is not None:
                table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
                for row, cells in zip(table.rows, rows, strict=True):
                    for cell, text in zip(row.cells, cells, strict=True):
                        cell.text = text
                rows = None
            case "inline":
                text = token.content.replace("**", "").replace("`", "")
                opener = tokens[i - 1]
                if rows is not None:
                    rows[-1].append(text)
                elif opener.type == "heading_open":
                    document.add_heading(text, level=int(opener.tag[1]))
                else:
                    document.add_paragraph(text, style=list_style)
    document.save(target)


def _xlsx(source: Path, target: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "常见问题"
    with source.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    sheet.append(["id", *header])
    for number, row in enumerate(rows, start=1):
        sheet.append([f"FAQ-{number:02}", *row])
    workbook.save(target)


if __name__ == "__main__":
    main()
