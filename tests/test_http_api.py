import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from kb_assistant.assistant import Assistant
from kb_assistant.index.knowledge import LiveIndex
from kb_assistant.settings import Settings
from kb_assistant.web.http_api import build_api
from tests.fakes import HashEmbedder
from tests.test_writing import ScriptedWriter


@pytest.fixture
def client(assistant: Assistant) -> Iterator[TestClient]:
    with TestClient(build_api(assistant)) as client:
        yield client


def test_search_gives_hits_in_the_contracts_shape(client: TestClient) -> None:
    body = client.post("/v1/search", json={"query": "卡密错误多久补发", "top_k": 2}).json()
    assert set(body) == {"hits", "took_ms", "generation"}
    hit = body["hits"][0]
    assert set(hit) == {
        "rank", "score", "chunk_id", "document_id", "kind", "title", "heading", "text", "source",
        "duplicates",
    }  # fmt: skip
    assert set(hit["source"]) == {"path", "page", "start", "end"}
    assert (len(body["hits"]), hit["rank"], hit["document_id"]) == (2, 1, "SOP-KM-01")


def test_a_draft_can_be_read_back_and_decided_once(client: TestClient) -> None:
    draft = client.post(
        "/v1/drafts", json={"question": "卡密错误多久补发", "customer": {"tier": "VIP"}}
    ).json()
    assert {"draft_id", "status", "text", "reply_text", "sentences", "citations", "figures", "warnings",
            "quality", "confidence", "topic", "grade", "skill_group", "missing_facts", "generator",
            "generation", "took_ms"} <= set(draft)  # fmt: skip
    url = f"/v1/drafts/{draft['draft_id']}"
    assert client.get(url).json()["draft"] == draft
    assert [d["draft"]["draft_id"] for d in client.get("/v1/drafts").json()["drafts"]] == [draft["draft_id"]]
    decided = client.post(f"{url}/decision", json={"action": "accepted", "agent": "小林"})
    assert (decided.status_code, decided.json()["agent"]) == (200, "小林")
    again = client.post(f"{url}/decision", json={"action": "rejected", "reason": "wrong"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_decided")
    assert client.get("/v1/drafts").json() == {"drafts": [], "next_cursor": None}


def streamed(client: TestClient, **body) -> list[tuple[str, dict]]:
    """Return the events of a streamed draft: name and data."""
    with client.stream("POST", "/v1/drafts/stream", json=body) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line.startswith(("event:", "data:"))]
    names = [line.removeprefix("event: ") for line in lines[::2]]
    return list(zip(names, [json.loads(line.removeprefix("data: ")) for line in lines[1::2]], strict=True))


def test_a_streamed_draft_ends_with_the_whole(client: TestClient) -> None:
    (first, evidence), *between, (last, draft) = streamed(client, question="卡密错误多久补发")
    assert (first, last, {name for name, _ in between}) == ("evidence", "draft", {"sentence"})
    assert evidence["hits"][0]["document_id"] == "SOP-KM-01"
    assert [data["text"] for _, data in between] == [s["text"] for s in draft["sentences"]]
    assert [f["text"] for _, data in between for f in data["figures"]] == ["5分钟"]
    assert draft["status"] == "answered"
    assert client.get(f"/v1/drafts/{draft['draft_id']}").json()["draft"] == draft


@pytest.fixture
def writer() -> ScriptedWriter:
    true = "您好，别着急。卡密错误的，核实订单后5分钟内补发新卡密[1]。"
    return ScriptedWriter([true.replace("5分钟", "30分钟")], [true])


@pytest.fixture
def model_client(settings: Settings, embedder: HashEmbedder, writer: ScriptedWriter) -> Iterator[TestClient]:
    assistant = Assistant(LiveIndex(settings.index_dir, embedder), embedder, settings, writer)
    with TestClient(build_api(assistant)) as client:
        yield client
    assistant.close()


def test_what_a_model_wrote_wrong_is_withdrawn_in_the_stream(
    model_client: TestClient, writer: ScriptedWriter
) -> None:
    events = streamed(model_client, question="卡密错误多久补发")
    assert [name for name, _ in events] == [
        "evidence", "sentence", "replace", "sentence", "sentence", "draft",
    ]  # fmt: skip
    assert events[2][1] == {"text": "", "reason": "“30分钟”与所标条款不符"}
    assert (events[4][1]["support"], events[-1][1]["generator"]) == ("sop", "model")
    assert writer.closed == 2


def test_a_draft_says_who_worded_it(model_client: TestClient) -> None:
    body = {"question": "卡密错误多久补发"}
    composed = model_client.post("/v1/drafts", json={**body, "generator": "composer"}).json()
    by_model = model_client.post("/v1/drafts", json={**body, "generator": "model"}).json()
    assert (composed["generator"], by_model["generator"]) == ("composer", "model")


def test_a_stream_that_cannot_begin_tells_why(client: TestClient) -> None:
    [(name, error)] = streamed(client, question="卡密错误", generator="model")
    assert (name, error["code"]) == ("error", "invalid_input")
    assert "set KB_MODEL" in error["message"]


def test_check_over_http(client: TestClient) -> None:
    body = {
        "question": "卡密错误",
        "text": "15分钟内补发新卡密[1]。",
        "citations": [{"n": 1, "document_id": "SOP-KM-01"}],
    }
    assert client.post("/v1/check", json=body).json()["figures"][0]["verdict"] == "contradicted"


def test_sources_are_served_masked(client: TestClient) -> None:
    document = client.get("/v1/documents/T-2026-00002").json()
    assert "[卡密1]" in document["text"] and "[手机号1]" in document["text"]
    hit = client.post("/v1/search", json={"query": "卡密错误"}).json()["hits"][0]
    chunk = client.get("/v1/chunks/" + hit["chunk_id"].replace("#", "%23")).json()
    assert chunk["text"] == hit["text"]
    whole = client.get(f"/v1/documents/{hit['document_id']}").json()["text"]
    assert whole[hit["source"]["start"] : hit["source"]["end"]] == hit["text"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/search", {"query": ""}, 422, "invalid_input"),
        ("POST", "/v1/search", {"query": "   "}, 422, "invalid_input"),
        ("POST", "/v1/search", {"query": "卡" * 10_001}, 422, "invalid_input"),
        ("POST", "/v1/search", {"query": "卡密", "top_k": 101}, 422, "invalid_input"),
        ("POST", "/v1/search", {"query": "卡密", "kind": "rumour"}, 422, "invalid_input"),
        ("POST", "/v1/search", {"query": "卡密", "topk": 5}, 422, "invalid_input"),
        ("POST", "/v1/search", {"query": "卡密", "as_of": "tomorrow"}, 422, "invalid_input"),
        ("POST", "/v1/drafts", {}, 422, "invalid_input"),
        ("POST", "/v1/drafts", {"question": "卡密", "generator": "model"}, 422, "invalid_input"),
        ("POST", "/v1/drafts", {"question": "卡密", "generator": "gpt"}, 422, "invalid_input"),
        ("POST", "/v1/drafts/stream", {"question": "卡密", "generator": "gpt"}, 422, "invalid_input"),
        ("GET", "/v1/drafts/nope", None, 404, "not_found"),
        ("POST", "/v1/drafts/nope/decision", {"action": "accepted"}, 404, "not_found"),
        ("GET", "/v1/documents/没有/这篇", None, 404, "not_found"),
        ("GET", "/v1/chunks/nope", None, 404, "not_found"),
        ("GET", "/v1/nowhere", None, 404, "not_found"),
        ("GET", "/v1", None, 404, "not_found"),
        ("GET", "/v1/search", None, 405, "method_not_allowed"),
        ("DELETE", "/v1/drafts/nope", None, 405, "method_not_allowed"),
        ("OPTIONS", "/v1/search", None, 405, "method_not_allowed"),
        ("POST", "/v1/search", {"query": "卡密", "as_of": 0}, 422, "invalid_input"),
        ("GET", "/v1/drafts?cursor=garbage", None, 422, "invalid_input"),
        ("GET", "/v1/drafts?cursor=MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCB4", None, 422, "invalid_input"),
        (
            "POST",
            "/v1/check",
            {"question": "a", "text": "x[1]", "citations": [{"n": 1}]},
            422,
            "invalid_input",
        ),
        (
            "POST",
            "/v1/check",
            {
                "question": "a",
                "text": "x[1]",
                "citations": [{"n": 1, "chunk_id": "a"}, {"n": 1, "chunk_id": "b"}],
            },
            422,
            "invalid_input",
        ),
    ],
)
def test_every_error_has_the_envelope(client: TestClient, method, path, body, status, code) -> None:
    response = client.request(method, path, json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code and error["message"]


def test_a_body_that_is_not_json(client: TestClient) -> None:
    response = client.post("/v1/search", content=b"\xff{", headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request")


def test_a_lone_surrogate_is_refused_wherever_it_stands(client: TestClient) -> None:
    bodies = (
        rb'{"question": "a", "text": "x[1]", "citations": [{"n": 1, "chunk_id": "\ud800"}]}',
        rb'{"question": "\ud800", "text": "x"}',
    )
    for body in bodies:
        response = client.post("/v1/check", content=body, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_input")


def test_an_agents_name_is_masked_and_cleaned(client: TestClient) -> None:
    draft = client.post("/v1/drafts", json={"question": "卡密错误"}).json()
    url = f"/v1/drafts/{draft['draft_id']}/decision"
    decided = client.post(url, json={"action": "accepted", "agent": " 小林\u0007 13912345678 "}).json()
    assert decided["agent"] == "小林 [手机号1]"
    assert "13912345678" not in client.get("/v1/drafts?status=all").text


@pytest.mark.parametrize(
    "decision",
    [
        {"action": "edited", "final_text": "\u0000\u0007"},
        {"action": "accepted", "final_text": ""},
        {"action": "rejected", "reason": "\u200b"},
    ],
)
def test_words_that_are_blank_once_cleaned_decide_nothing(client: TestClient, decision: dict) -> None:
    draft = client.post("/v1/drafts", json={"question": "卡密错误"}).json()
    url = f"/v1/drafts/{draft['draft_id']}"
    assert client.post(f"{url}/decision", json=decision).status_code == 422
    assert client.get(url).json()["decision"] is None


def test_control_characters_in_a_question(client: TestClient) -> None:
    assert client.post("/v1/search", json={"query": "卡密\u0000错误\u001b😭"}).status_code == 200


def test_operations(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.head("/healthz").status_code == client.head("/readyz").status_code == 200
    ready = client.get("/readyz").json()
    assert ready["generation"] == client.get("/v1/index").json()["generation"]


def test_the_documentation_needs_no_other_host(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "http://" not in page and "https://" not in page
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
