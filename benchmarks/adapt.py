"""Train `kb_assistant/index/e5_adaptation.npz`: customers' questions beside the clauses that settle them.

    python -m venv .venv-peers && .venv-peers/bin/pip install -e . -r benchmarks/requirements-peers.txt
    .venv-peers/bin/python benchmarks/adapt.py

Only what is not quantised in multilingual-e5-small moves, in both towers: biases and layer norms (BitFit,
Ben Zaken et al., ACL 2022) and the scale of each block of 32 weights (PEQA, Kim et al., NeurIPS 2023). A
question that no clause settles belongs to a class of its own, whose score is one learned number, so that
cosines mean the same for every question. Two fifths of the learned step are kept, as an average of the model
before and after does better away from the training data than either (WiSE-FT, Wortsman et al., CVPR 2022).
About 40 minutes on two quiet cores. The data in `adaptation/` was written for this project by people who
had not seen the sample corpus or any judged question; nothing of the public sets or of the golden
questions is in it.
"""

import json
import math
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import opencc
import torch
from peers import make_model
from torch.nn import functional
from torch.nn.utils import parametrize
from transformers import AutoTokenizer, BertModel

from kb_assistant.index import e5

DATA = Path(__file__).parent / "adaptation"
OUT = Path(e5.__file__).with_name("e5_adaptation.npz")
EPOCHS, CLUSTERS, TEMPERATURE = 4, 12, 0.03
LEARNING_RATE, SCALE_LEARNING_RATE = 2e-3, 3e-3
UNANSWERED = 0.86  # the score of "no clause settles it", where its learning begins
BLOCK = 32  # weights that share a scale
HELD_OUT = 40  # clusters, to see that it learns
KEPT = 0.4  # of the learned step
LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)\.(weight|bias|scale)")
NAMES = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}
Cluster = dict[str, Any]


class Scaled(torch.nn.Module):
    """A weight of shape (rows, columns) whose blocks of 32 columns are scaled by 1 + `step`."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.step = torch.nn.Parameter(torch.zeros(weight.shape[0], weight.shape[1] // BLOCK, 1))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return (weight.view(*self.step.shape[:2], BLOCK) * (1 + self.step)).view(weight.shape)


class Encoder:
    """Both towers: texts → unit vectors, with gradients for what is not quantised only."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.bert = BertModel.from_pretrained(folder, attn_implementation="sdpa").eval()
        self.trained: dict[str, torch.nn.Parameter] = {}
        for name, parameter in self.bert.named_parameters():
            moves = LAYER.fullmatch(name) and (name.endswith("bias") or "LayerNorm" in name)
            parameter.requires_grad_(bool(moves))
            if moves:
                self.trained[name] = parameter
        for name, module in list(self.bert.encoder.named_modules()):
            if isinstance(module, torch.nn.Linear):
                scaled = Scaled(module.weight)
                parametrize.register_parametrization(module, "weight", scaled)
                self.trained[f"encoder.{name}.scale"] = scaled.step
        self.unanswered = torch.nn.Parameter(torch.tensor(UNANSWERED))

    def __call__(self, texts: list[str], max_tokens: int, parts: int) -> torch.Tensor:
        """Encode in `parts` batches of like length, so that little is spent on padding."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        size = math.ceil(len(texts) / parts)
        rows: dict[int, torch.Tensor] = {}
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            tokens = self.tokenizer(
                [texts[at] for at in batch],
                padding=True,
                truncation=True,
                max_length=max_tokens,
                return_tensors="pt",
                return_token_type_ids=False,
            )
            with torch.autocast("cpu", torch.bfloat16):
                states = self.bert(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).float()
            vectors = functional.normalize((states.float() * mask).sum(1) / mask.sum(1), dim=-1)
            rows |= dict(zip(batch, vectors, strict=True))
        return torch.stack([rows[at] for at in range(len(texts))])

    def scores(self, questions: list[str], clauses: list[str]) -> torch.Tensor:
        """Return cosines, shape (questions, clauses + 1); the last column is that of no clause."""
        cosines = self(questions, 96, 4) @ self(clauses, 224, 3).T
        return torch.cat([cosines, self.unanswered.expand(len(questions), 1)], dim=1)


def main() -> None:
    random.seed(0)
    torch.manual_seed(0)
    clusters = [
        json.loads(line) for path in sorted(DATA.glob("*.jsonl")) for line in path.open(encoding="utf-8")
    ]
    random.shuffle(clusters)
    held_out, training = clusters[:HELD_OUT], clusters[HELD_OUT:]
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder))  # as the package ships it, not adapted
        encoder = Encoder(Path(folder))
    before = {name: parameter.detach().clone() for name, parameter in encoder.trained.items()}
    print(f"{len(training)} clusters; {_report(encoder, held_out)}", flush=True)
    steps = EPOCHS * math.ceil(len(training) / CLUSTERS)
    scales = [p for name, p in encoder.trained.items() if name.endswith("scale")]
    others = [p for name, p in encoder.trained.items() if not name.endswith("scale")]
    groups = [
        {"params": [*others, encoder.unanswered], "lr": LEARNING_RATE},
        {"params": scales, "lr": SCALE_LEARNING_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 8) * max(0.03, 1 - step / steps)
    )
    started = time.perf_counter()
    for epoch in range(EPOCHS):
        random.shuffle(training)
        for start in range(0, len(training), CLUSTERS):
            questions, clauses, answers = _batch(training[start : start + CLUSTERS], augment=True)
            with parametrize.cached():
                scores = encoder.scores(questions, clauses)
                loss = functional.cross_entropy(scores / TEMPERATURE, answers)
                optimizer.zero_grad()
                loss.backward()
            torch.nn.utils.clip_grad_norm_(encoder.trained.values(), 1.0)
            optimizer.step()
            schedule.step()
        passed = time.perf_counter() - started
        print(f"epoch {epoch + 1}, {passed:.0f} s; {_report(encoder, held_out)}", flush=True)
    kept = {name: KEPT * (p.detach() - before[name]) for name, p in encoder.trained.items()}
    np.savez_compressed(
        OUT, **{_ours(name): step.numpy().astype(np.float16).squeeze() for name, step in kept.items()}
    )


def _batch(clusters: list[Cluster], *, augment: bool) -> tuple[list[str], list[str], torch.Tensor]:
    """Return questions, clauses and for each question the place of its clause; one past them for none."""
    to_traditional = opencc.OpenCC("s2t").convert
    questions: list[str] = []
    clauses: list[str] = []
    answers: list[int] = []
    for cluster in clusters:
        traditional = augment and random.random() < 0.12
        place = {clause["id"]: len(clauses) + at for at, clause in enumerate(cluster["clauses"])}
        texts = [f"passage: {clause['title']}\n{clause['text']}" for clause in cluster["clauses"]]
        clauses += [to_traditional(text) if traditional else text for text in texts]
        for text, clause in _asked(cluster, augment=augment):
            turned = augment and random.random() < (0.6 if traditional else 0.1)
            questions.append(f"query: {to_traditional(text) if turned else text}")
            answers.append(place[clause] if clause else -1)
    return questions, clauses, torch.tensor([len(clauses) if at < 0 else at for at in answers])


def _asked(cluster: Cluster, *, augment: bool) -> list[tuple[str, str | None]]:
    """Return (question, clause id or None); with `augment` also titles and snippets, found word for word."""
    asked = [(q["text"], q["clause"]) for q in cluster["questions"]]
    if not augment:
        return asked
    unanswered = [pair for pair in asked if pair[1] is None]
    asked = random.sample([pair for pair in asked if pair[1]], 8) + unanswered[:2]
    asked += [(clause["title"], clause["id"]) for clause in random.sample(cluster["clauses"], 2)]
    for clause in random.sample(cluster["clauses"], 2):
        sentences = [part for part in re.split(r"[。；！？\n]", clause["text"]) if len(part) >= 8]
        if sentences:
            snippet = random.choice(sentences)
            start = random.randrange(len(snippet) - 24) if len(snippet) > 28 else 0
            asked.append((snippet[start : start + random.randint(10, 24)], clause["id"]))
    return asked


def _report(encoder: Encoder, clusters: list[Cluster]) -> str:
    """Return hit@1 of the answered questions and how well the best cosine tells them from the others."""
    questions, clauses, answers = _batch(clusters, augment=False)
    with torch.no_grad(), parametrize.cached():
        cosines = encoder.scores(questions, clauses)[:, :-1]
    best, answered = cosines.max(1).values, answers < len(clauses)
    hits = (cosines.argmax(1) == answers)[answered].float().mean()
    above = (best[answered][:, None] > best[~answered][None]).float().mean()
    return f"held out: hit@1 {hits:.3f}, area under ROC of refusal {above:.3f}"


def _ours(name: str) -> str:
    """Return our name of a tensor: `l0.q.b` for encoder.layer.0.attention.self.query.bias, s for scales."""
    found = LAYER.fullmatch(name)
    assert found is not None
    layer, part, kind = found.groups()
    return f"l{layer}.{NAMES[part]}.{kind[0]}"


if __name__ == "__main__":
    main()
