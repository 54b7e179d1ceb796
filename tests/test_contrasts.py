"""Contrasts that decide a reply: sibling clauses that differ in one word, with the real model."""

import json
from collections.abc import Iterator
from datetime import date

import pytest

from kb_assistant.index.building import build_index
from kb_assistant.index.embedding import open_embedder
from kb_assistant.index.knowledge import KnowledgeIndex
from kb_assistant.settings import Settings
from kb_assistant.types import LOCAL_CALLER, Filters

pytestmark = pytest.mark.model
CLAUSES = {
    "当日": "当日申请的提现，当日24点前到账，不收加急费。",
    "次日": "次日到账的提现，每笔收取1元手续费，节假日顺延。",
    "已售": "已售出的卡密不支持退款，卡密有误的按卡密错误处理。",
    "未售": "未售出的库存卡密，商家可以在后台自行下架并退回保证金。",
    "三级": "三级代理的拿货折扣为九五折，每月结算一次。",
    "二三级": "二三级市场的渠道商需先签订区域协议，折扣另议。",
    "未到账": "充值未到账：核对充值账号后向渠道查单，超过30分钟由充值组复充。",
    "已到账未显示": "充值已到账但页面未显示：请客户刷新页面或重新登录，平台缓存10分钟内更新。",
    "E1003": "错误码E1003：卡密格式不正确，请核对位数后重新输入。",
    "E1030": "错误码E1030：卡密已被冻结，请转风控组核实。",
    "DK-50": "商品DK-50为50元点卡，面值50，单笔限购20张。",
    "DK-500": "商品DK-500为500元点卡，面值500，单笔限购2张。",
    "橙果": "橙果视频月卡付款后10分钟内开通，支持换绑一次。",
    "橙光": "橙光游戏月卡付款后即时生效，不支持换绑。",
    "批次": "批次KM20240815的卡密印刷有误，统一更换为新批次。",
    "月卡": "月卡有效期30天，到期前3天提醒续费。",
    "季卡": "季卡有效期90天，到期前3天提醒续费。",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeIndex]:
    folder = tmp_path_factory.mktemp("contrasts")
    rows = [
        json.dumps({"_id": name, "title": "", "text": text}, ensure_ascii=False)
        for name, text in CLAUSES.items()
    ]
    (folder / "clauses.jsonl").write_text("\n".join(rows), encoding="utf-8")
    embedder = open_embedder(Settings(_env_file=None))
    build_index(folder / "clauses.jsonl", folder / "index", embedder)
    opened = KnowledgeIndex.open(folder / "index", embedder)
    yield opened
    opened.catalog.close()


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("当日提现几点前到账", "当日"),
        ("次日到账收手续费吗", "次日"),
        ("已售出的卡密能退吗", "已售"),
        ("未售出的卡密怎么下架", "未售"),
        ("三级代理打几折", "三级"),
        ("3级代理打几折", "三级"),
        ("二三级渠道商的折扣", "二三级"),
        ("充值未到账怎么查", "未到账"),
        ("已到账但是没显示", "已到账未显示"),
        ("报E1003是什么意思", "E1003"),
        ("报e1030是什么意思", "E1030"),
        ("DK-50一次能买几张", "DK-50"),
        ("dk500一次能买几张", "DK-500"),
        ("橙果月卡能换绑吗", "橙果"),
        ("橙光月卡能换绑吗", "橙光"),
        ("KM20240815", "批次"),
        ("ＫＭ２０２４０８１５", "批次"),
        ("月卡多久到期", "月卡"),
        ("季卡多久到期", "季卡"),
        ("充值未到帳怎麼查", "未到账"),
        ("橙果視頻月卡可以換綁嗎", "橙果"),
        ("ＤＫ－５０ 限购几张", "DK-50"),
    ],
)
def test_the_sibling_that_is_meant_comes_first(query: str, first: str, index: KnowledgeIndex) -> None:
    filters = Filters(LOCAL_CALLER.scopes, date(2026, 6, 1))
    assert index.search(query, filters=filters)[0].chunk.document_id == first
