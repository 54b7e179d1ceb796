"""The cross-encoder option, with a real sentence-transformers model made on the spot (no quality claimed)."""

from pathlib import Path

import pytest

from kb_assistant.errors import EmbedderUnavailable
from kb_assistant.index.reranking import CrossEncoderReranker, open_reranker
from kb_assistant.settings import Settings


@pytest.fixture(scope="module")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "cross"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"退款卡密错误多久补发点未到账"]
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(dict.fromkeys(words)), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(set(words)), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(folder)
    return folder


@pytest.mark.model
def test_a_local_cross_encoder_scores_each_text(tiny_cross_encoder: Path) -> None:
    reranker = open_reranker(Settings(_env_file=None, reranker=str(tiny_cross_encoder)))
    assert reranker is not None
    scores = reranker.scores("卡密错误多久补发", ["卡密错误补发", "退款", ""])
    assert len(scores) == 3 and all(isinstance(score, float) for score in scores)
    assert scores == pytest.approx(reranker.scores("卡密错误多久补发", ["卡密错误补发", "退款", ""]))
    assert reranker.scores("卡密", []) == []


def test_without_a_name_there_is_no_reranker() -> None:
    assert open_reranker(Settings(_env_file=None)) is None


@pytest.mark.model
def test_a_folder_without_a_model_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="KB_RERANKER"):
        CrossEncoderReranker(str(tmp_path))
