"""Fixtures: a corpus of four small files, an embedder, a built index, an assistant; new for each test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kb_assistant.assistant import Assistant
from kb_assistant.index.building import build_index
from kb_assistant.index.knowledge import LiveIndex
from kb_assistant.settings import Settings
from tests.fakes import HashEmbedder

WRONG_KEY = """---
id: SOP-KM-01
title: 卡密错误处理
topic: 卡密
skill_group: 卡密组
effective_from: 2026-01-01
---
# 卡密错误处理

## 需要客户提供的信息
请客户提供订单号和报错截图。

## 时效
卡密错误核实订单后5分钟内补发新卡密。

## 升级与审批
同一客户30天内第3次反馈的，由主管复核。
"""
REFUND_OLD = """---
id: SOP-ZF-02-V1
title: 点卡退款规则（旧版）
topic: 支付与退款
skill_group: 支付退款组
effective_from: 2025-06-01
---
## 退款规则
点卡未提取，付款后12小时内可以退款，手续费2%。
"""
REFUND_NEW = """---
id: SOP-ZF-02
title: 点卡退款规则
topic: 支付与退款
skill_group: 支付退款组
effective_from: 2026-03-01
supersedes: SOP-ZF-02-V1
---
## 退款规则
点卡未提取，付款后24小时内可以全额退款，免手续费。

点卡已提取的，不支持退款。
"""
TICKETS = (
    '{"id": "T-2026-00001", "question": "游戏大厅一直转圈进不去，重装也没用", '
    '"resolution": "请客户切换到手机热点后正常，是校园网屏蔽了端口。", "category": "售后与投诉"}\n'
    '{"id": "T-2026-00002", "question": "卡密：ABCD-1234-EFGH-5678 提示无效，电话13800138000", '
    '"resolution": "核实 DD20260815000312 后补发。", "category": "卡密"}\n'
)


@pytest.fixture
def corpus_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    (folder / "sop").mkdir(parents=True)
    (folder / "sop" / "SOP-KM-01.md").write_text(WRONG_KEY, encoding="utf-8")
    (folder / "sop" / "SOP-ZF-02-V1.md").write_text(REFUND_OLD, encoding="utf-8")
    (folder / "sop" / "SOP-ZF-02.md").write_text(REFUND_NEW, encoding="utf-8")
    (folder / "tickets.jsonl").write_text(TICKETS, encoding="utf-8")
    return folder


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def index_dir(tmp_path: Path, corpus_dir: Path, embedder: HashEmbedder) -> Path:
    folder = tmp_path / "index"
    build_index(corpus_dir, folder, embedder)
    return folder


@pytest.fixture
def settings(tmp_path: Path, index_dir: Path) -> Settings:
    return Settings(
        index_dir=index_dir,
        records_url=f"sqlite:///{tmp_path / 'records.sqlite3'}",
        evidence_bar=0.0,  # the hash embedder's cosines are not those the bar was fitted on
        _env_file=None,
    )


@pytest.fixture
def assistant(settings: Settings, embedder: HashEmbedder) -> Iterator[Assistant]:
    made = Assistant(LiveIndex(settings.index_dir, embedder), embedder, settings)
    yield made
    made.close()


NOBODY = 65534


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Act as a user whom file permissions bind; root, as which containers run tests, is not bound."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, owned by the ordinary one; pytest's own is private to root."""
    folder = Path(tempfile.mkdtemp(prefix="kb-open-"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)
