"""How people ask: measured on the corpus's own questions, and several things at once."""

from pathlib import Path

import numpy as np
import pytest

from kb_assistant.drafting.questions import split_questions
from kb_assistant.index.questions import QuestionStyle, shifted
from kb_assistant.types import Chunk, Embeddings, Kind, Source
from tests.fakes import HashEmbedder


def chunk(number: int, kind: Kind = "ticket") -> Chunk:
    asks, answers = ("问题：", "处理：") if kind == "ticket" else ("问：", "答：")
    text = f"{asks}第{number}个客户问卡没到\n{answers}已核实并补发"
    return Chunk(f"c{number}", f"d{number}", kind, "", "", text, Source("p", None, 0, 1))


class Counting(HashEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def embed_queries(self, texts: list[str]) -> Embeddings:
        self.asked += len(texts)
        return super().embed_queries(texts)


def test_questions_move_to_where_the_passages_are() -> None:
    chunks, embedder = [chunk(n) for n in range(40)], HashEmbedder()
    vectors = embedder.embed_passages([c.text for c in chunks])
    style = QuestionStyle.measure(chunks, vectors, embedder, None)
    asked = embedder.embed_queries([f"第{n}个客户问卡没到" for n in range(40)])
    moved = shifted(asked, style.shift)
    assert np.linalg.norm(moved, axis=1) == pytest.approx(1)
    assert (moved @ vectors.mean(axis=0)).mean() > (asked @ vectors.mean(axis=0)).mean()


@pytest.mark.parametrize("kind", ["sop", "document"])
def test_a_corpus_without_questions_is_searched_as_it_is(kind: Kind) -> None:
    chunks = [chunk(n, kind) for n in range(40)]
    style = QuestionStyle.measure(chunks, np.ones((40, 64), np.float32), HashEmbedder(), None)
    assert not style.shift.any()


def test_few_questions_say_nothing() -> None:
    chunks = [chunk(n, "faq") for n in range(29)]
    style = QuestionStyle.measure(chunks, np.ones((29, 64), np.float32), HashEmbedder(), None)
    assert not style.shift.any()


def test_the_same_questions_are_embedded_once(tmp_path: Path) -> None:
    chunks, embedder = [chunk(n) for n in range(500)], Counting()
    vectors = np.ones((500, 64), np.float32)
    first = QuestionStyle.measure(chunks, vectors, embedder, None)
    assert embedder.asked == 200
    first.save(tmp_path / "questions.npz")
    again = QuestionStyle.measure(
        chunks, 2 * vectors, embedder, QuestionStyle.open(tmp_path / "questions.npz")
    )
    assert embedder.asked == 200 and again.key == first.key
    np.testing.assert_allclose(again.shift, 2 * vectors.mean(axis=0) - first.mean, atol=1e-6)


# -- several questions in one message


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (
            "会员断了十来天,现在交钱黄金还认不认 账上800积分能当几块钱花",
            ["会员断了十来天,现在交钱黄金还认不认", "账上800积分能当几块钱花"],
        ),
        # what leads to a question belongs to it
        (
            "昨天买的点卡。一直没提取。现在还能退吗？另外电子发票要去哪里开",
            ["昨天买的点卡 一直没提取 现在还能退吗", "另外电子发票要去哪里开"],
        ),
        # a new thing begins without a mark, too
        (
            "话费慢充要等多久才到账还有发票能不能开公司抬头",
            ["话费慢充要等多久才到账", "还有发票能不能开公司抬头"],
        ),
        # what follows the last question belongs to it
        (
            "话费慢充要等多久才到账？发票抬头能不能改成公司？急用，谢谢",
            ["话费慢充要等多久才到账", "发票抬头能不能改成公司 急用，谢谢"],
        ),
        # at most three, the third with the rest
        (
            "话费慢充要等多久才到账？发票抬头能不能改成公司？会员积分能当几块钱花？点卡还没提取能退吗？",
            ["话费慢充要等多久才到账", "发票抬头能不能改成公司", "会员积分能当几块钱花 点卡还没提取能退吗"],
        ),
    ],
)
def test_a_burst_is_cut_into_what_it_asks(message: str, parts: list[str]) -> None:
    assert split_questions(message) == parts


@pytest.mark.parametrize(
    "message",
    [
        "卡密错了多久补",
        "点卡没提取能退吗，手续费多少",
        "话费没到\n订单号DD20260815000312\n多久能到",
        "买错了，能退吗？能换吗？",  # too short to be told apart
        "卡密无效。已经等了半天了！气死我了！！",
        "充了话费一直没到账。你们管不管",
        "",
        "？？？",
        " \n ",
    ],
)
def test_what_asks_once_stays_whole(message: str) -> None:
    assert split_questions(message) == [message]
