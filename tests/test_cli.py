"""The `kb` command as a user runs it, with a fake embedder where the model does not matter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def kb(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "KB_RECORDS_URL": f"sqlite:///{cwd / 'records.sqlite3'}", **environ}
    return subprocess.run(
        [sys.executable, "-m", "kb_assistant", *arguments], capture_output=True, text=True, cwd=cwd, env=env
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small corpus and an index built by the real model."""
    from tests.conftest import REFUND_NEW, REFUND_OLD, TICKETS, WRONG_KEY

    folder = tmp_path_factory.mktemp("cli")
    corpus = folder / "corpus"
    corpus.mkdir()
    for name, text in (("a.md", WRONG_KEY), ("b.md", REFUND_OLD), ("c.md", REFUND_NEW)):
        (corpus / name).write_text(text, encoding="utf-8")
    (corpus / "tickets.jsonl").write_text(TICKETS + "{broken\n", encoding="utf-8")
    done = kb("index", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["documents"], report["published"]) == (5, True)
    assert "tickets.jsonl:3" in done.stderr
    return folder


pytestmark = pytest.mark.model


def test_a_second_index_embeds_nothing(place: Path) -> None:
    done = kb("index", "--json", cwd=place)
    report = json.loads(done.stdout)
    assert (done.returncode, report["embedded"], report["published"]) == (0, 0, False)


def test_strict_fails_on_a_broken_line_but_publishes(place: Path) -> None:
    assert kb("index", "--strict", cwd=place).returncode == 1
    assert kb("status", cwd=place).returncode == 0


def test_search_prints_the_contracts_json(place: Path) -> None:
    done = kb("search", "卡密错了多久补", "--top-k", "2", "--json", cwd=place)
    hits = json.loads(done.stdout)
    assert (done.returncode, len(hits), hits[0]["document_id"]) == (0, 2, "SOP-KM-01")


def test_search_of_a_file_of_queries(place: Path) -> None:
    rows = [{"_id": "q1", "text": "退款手续费", "as_of": "2026-01-05"}, {"_id": "q2", "text": "退款手续费"}]
    (place / "q.jsonl").write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    done = kb("search", "--queries", "q.jsonl", "--json", cwd=place)
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["_id"], second["_id"]) == ("q1", "q2")
    assert "SOP-ZF-02-V1" in {h["document_id"] for h in first["hits"]}
    assert "SOP-ZF-02-V1" not in {h["document_id"] for h in second["hits"]}


def test_draft_prints_a_draft(place: Path) -> None:
    done = kb("draft", "卡密错误多久补发", "--json", cwd=place)
    draft = json.loads(done.stdout)
    assert draft["status"] == "answered" and "5分钟" in draft["text"]


def test_a_draft_is_composed_on_demand(place: Path) -> None:
    done = kb("draft", "卡密错误多久补发", "--generator", "composer", "--json", cwd=place)
    assert (done.returncode, json.loads(done.stdout)["generator"]) == (0, "composer")


def test_a_bad_row_of_a_batch_says_why_and_the_others_go_on(place: Path) -> None:
    rows = [{"_id": "bad", "text": " "}, {"_id": "good", "text": "卡密错误多久补发"}]
    (place / "mixed.jsonl").write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    drafts = kb("draft", "--queries", "mixed.jsonl", "--json", cwd=place)
    bad, good = (json.loads(line) for line in drafts.stdout.splitlines())
    assert (drafts.returncode, bad["error"]["code"], good["status"]) == (1, "invalid_input", "answered")
    found = kb("search", "--queries", "mixed.jsonl", "--json", cwd=place)
    assert [bool(json.loads(line)["hits"]) for line in found.stdout.splitlines()] == [False, True]


def test_check_reads_a_file(place: Path) -> None:
    row: dict[str, object] = {
        "_id": "c",
        "question": "卡密错误",
        "text": "6分钟内补发新卡密[1]。",
        "citations": [{"n": 1, "document_id": "SOP-KM-01"}],
    }
    (place / "c.jsonl").write_text(json.dumps(row), encoding="utf-8")
    done = kb("check", "--input", "c.jsonl", "--json", cwd=place)
    assert json.loads(done.stdout)["figures"][0]["verdict"] == "contradicted"
    uncited = {"_id": "u", "question": "卡密错误", "text": "6分钟内补发新卡密。"}
    (place / "c.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(uncited)}", encoding="utf-8")
    done = kb("check", "--input", "c.jsonl", "--json", cwd=place)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [[f["verdict"] for f in check["figures"]] for check in told] == [["contradicted"]] * 2


def test_eval_on_a_beir_folder(place: Path) -> None:
    (place / "queries.jsonl").write_text('{"_id": "1", "text": "卡密错误"}\n', encoding="utf-8")
    (place / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\tSOP-KM-01\t1\n", encoding="utf-8")
    done = kb("eval", "--queries", "queries.jsonl", "--qrels", "qrels.tsv", "--json", cwd=place)
    assert json.loads(done.stdout)["hit@1"]["mean"] == 1.0


def test_a_run_is_kept_and_compared_with(place: Path) -> None:
    judged = ("eval", "--queries", "queries.jsonl", "--qrels", "qrels.tsv")
    assert kb(*judged, "--save", "run.json", cwd=place).returncode == 0
    (place / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\tSOP-ZF-02\t1\n", encoding="utf-8")
    done = kb(*judged, "--against", "run.json", "--json", cwd=place)
    report = json.loads(done.stdout)
    assert report["metrics"]["hit@1"]["difference"]["mean"] == -1.0
    assert [(q["id"], q["rank_before"]) for q in report["questions"]["hit@1"]] == [("1", 1)]
    told = kb(*judged, "--against", "run.json", cwd=place).stdout
    assert "hit@1        100.0 ->   0.0" in told and "0 better, 1 worse" in told
    done = kb(*judged, "--against", "no-run.json", cwd=place)
    assert done.returncode == 1 and "write one with: kb eval" in done.stderr


def test_the_lexicon_shows_what_fires(place: Path) -> None:
    (place / "corpus" / "lexicon.yaml").write_text(
        "aliases:\n  卡密: [卡蜜]\n  游戏大厅: [大厅]\n  提现: [题现]\n", encoding="utf-8"
    )
    assert kb("index", cwd=place).returncode == 0
    counts = json.loads(kb("lexicon", "--json", cwd=place).stdout)
    assert {c["alias"] for c in counts if not c["count"]} >= {"题现", "卡蜜"}
    told = kb("lexicon", "卡蜜和题现", cwd=place).stdout
    assert "卡蜜 -> 卡密" in told and "题现 -> 提现" in told and "1 of them did not fire" in told


def test_status(place: Path) -> None:
    done = kb("status", "--json", cwd=place)
    status = json.loads(done.stdout)
    assert (status["documents"], status["dim"]) == (5, 384)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["search", "  "], 1, "query is blank"),
        (["draft", "\x07\x1b"], 1, "question is blank"),
        (["search", "卡" * 30_000], 1, "has 30,000 characters, at most 10,000"),
        (["search", "卡密", "--top-k", "0"], 1, "top_k must be between 1 and 100, got 0"),
        (["search", "卡密", "--kind", "rumour"], 2, "Invalid value"),
        (["search", "卡密", "--as-of", "yesterday"], 1, "as_of must be a date"),
        (["search"], 2, "give a question"),
        (["search", "卡密", "--index", "nowhere"], 1, "build one with: kb index corpus --index nowhere"),
        (["index", "no-such-folder"], 1, "no-such-folder"),
        (["draft", "卡密", "--customer", "{"], 1, "--customer must be JSON"),
        (["draft", "卡密", "--generator", "gpt"], 1, "'gpt' is unknown; expected composer or model"),
        (["draft", "卡密", "--generator", "model"], 1, "set KB_MODEL to provider:name"),
        (["eval"], 2, "--golden"),
        (["eval", "--golden", "x.jsonl", "--split", "tset"], 2, "Invalid value"),
        (["eval", "--golden", "no-such.jsonl"], 1, "cannot be read"),
        (["serve", "--port", "99999"], 2, "Invalid value"),
        (["serve", "--host", "h" * 70], 1, "cannot listen on"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_bad_input_is_told_and_nothing_is_lost(
    place: Path, arguments: list[str], code: int, message: str
) -> None:
    done = kb(*arguments, cwd=place)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert kb("status", cwd=place).returncode == 0


def test_a_port_in_use(place: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = kb("serve", "--port", str(port), cwd=place)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr and f"--port {port + 1}" in done.stderr


def test_app_py_tells_errors_as_the_command_does(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")], capture_output=True, text=True, cwd=place,
        env={**os.environ, "KB_INDEX_DIR": "nowhere", "KB_PORT": "0" * 3 + "7861"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "kb: no index at 'nowhere'" in done.stderr and "Traceback" not in done.stderr


def test_a_wrong_setting(place: Path) -> None:
    done = kb("search", "卡密", cwd=place, KB_PORT="many")
    assert done.returncode == 1 and "wrong setting" in done.stderr


def test_a_card_key_pattern_that_is_none(place: Path) -> None:
    done = kb("search", "卡密", cwd=place, KB_CARD_KEY_PATTERNS='["("]')
    assert done.returncode == 1 and "is not a regular expression" in done.stderr


def test_an_index_of_another_model(place: Path) -> None:
    index = place / "indexes/default"
    manifest = index / "generations" / (index / "CURRENT").read_text().strip() / "manifest.json"
    whole = manifest.read_text(encoding="utf-8")
    manifest.write_text(whole.replace('"multilingual', '"other-multilingual'), encoding="utf-8")
    done = kb("search", "卡密", cwd=place)
    manifest.write_text(whole, encoding="utf-8")
    assert done.returncode == 1 and "was built with 'other-multilingual" in done.stderr
