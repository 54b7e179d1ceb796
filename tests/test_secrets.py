"""No card key, phone, ID or bank-card number of the corpus leaves it; every code still can.

The tickets hold invented secrets on purpose; `tests/data/planted-*.jsonl` lists them all.
"""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kb_assistant.assistant import Assistant
from kb_assistant.index.building import build_index
from kb_assistant.index.knowledge import LiveIndex
from kb_assistant.settings import Settings
from kb_assistant.web.http_api import build_api
from tests.fakes import HashEmbedder

TESTS = Path(__file__).parent
CORPUS = TESTS.parent / "corpus"
SECRET_KINDS = {"card_key", "phone", "id_card", "bank_card"}
CODES = re.compile(r"DD\d{14}|\b(?:DK|HF|SP|RJ|LP)-[A-Z0-9]+\b|\bE\d{4}\b")


def planted() -> list[dict]:
    files = sorted((TESTS / "data").glob("planted-*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] in SECRET_KINDS]


SECRETS = planted()
# as written, and as digits and letters alone, so that a changed separator hides nothing
NEEDLES = sorted(
    {form for row in SECRETS for form in (row["value"], re.sub(r"[\s-]", "", row["value"])) if len(form) >= 8}
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Assistant, list[str]]]:
    folder = tmp_path_factory.mktemp("world")
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)  # the more is logged, the more could leak
    embedder = HashEmbedder()
    build_index(CORPUS, folder / "index", embedder)
    settings = Settings(
        index_dir=folder / "index",
        records_url=f"sqlite:///{folder / 'records.sqlite3'}",
        evidence_bar=0.0,
        _env_file=None,
    )
    assistant = Assistant(LiveIndex(settings.index_dir, embedder), embedder, settings)
    yield folder, assistant, logged
    assistant.close()
    root.removeHandler(handler)
    root.setLevel(level)


def found_in(data: bytes) -> list[str]:
    return [needle for needle in NEEDLES if needle.encode() in data or needle.encode("utf-16-le") in data]


def test_enough_is_planted() -> None:
    kinds = [row["kind"] for row in SECRETS]
    assert len(SECRETS) >= 40 and all(kinds.count(kind) >= 5 for kind in SECRET_KINDS)
    raw = "".join(p.read_text(encoding="utf-8") for p in sorted((CORPUS / "tickets").glob("*.jsonl")))
    assert [row for row in SECRETS if json.dumps(row["value"], ensure_ascii=False)[1:-1] not in raw] == []


def test_nothing_under_the_index(world) -> None:
    folder, _, _ = world
    leaks = {
        str(p): found
        for p in (folder / "index").rglob("*")
        if p.is_file()
        if (found := found_in(p.read_bytes()))
    }
    assert leaks == {}


def test_nothing_in_answers_records_or_logs(world) -> None:
    folder, assistant, logged = world
    tickets = [
        json.loads(line)
        for file in sorted((CORPUS / "tickets").glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    with_secrets = {row["ticket"] for row in SECRETS}
    answers: list[bytes] = []
    with TestClient(build_api(assistant)) as client:
        for ticket in tickets:
            if ticket["id"] not in with_secrets:
                continue
            # the customer's own words, secrets and all, are asked again
            draft = client.post("/v1/drafts", json={"question": ticket["question"]})
            assert draft.status_code == 200
            decision = client.post(
                f"/v1/drafts/{draft.json()['draft_id']}/decision",
                json={"action": "edited", "final_text": ticket["resolution"], "reason": ticket["question"]},
            )
            found = client.post("/v1/search", json={"query": ticket["question"], "top_k": 20})
            document = client.get(f"/v1/documents/{ticket['id']}")
            answers += [draft.content, decision.content, found.content, document.content]
        answers.append(client.get("/v1/drafts?status=all&limit=200").content)
    assert found_in(b"\n".join(answers)) == []
    records = b"".join(p.read_bytes() for p in folder.glob("records.sqlite3*"))
    assert b"edited" in records  # the file really was read
    assert found_in(records) == []
    assert logged  # something was logged at all
    assert found_in("\n".join(logged).encode()) == []


def test_every_code_can_still_be_found(world) -> None:
    _, assistant, _ = world
    catalog = assistant._index.current().catalog
    lost = []
    for file in sorted((CORPUS / "tickets").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            ticket = json.loads(line)
            text = catalog.document(ticket["id"]).text
            lost += [
                (ticket["id"], code)
                for code in CODES.findall(ticket["question"] + ticket["resolution"])
                if code not in text
            ]
    assert lost == []
