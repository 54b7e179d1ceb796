"""The adversary of the check: deterministic, wrong where it says so, and only really wrong."""

import importlib.util
import sys
from pathlib import Path
from random import Random

import pytest

_PATH = Path(__file__).parent.parent / "benchmarks" / "corruption.py"
_SPEC = importlib.util.spec_from_file_location("corruption", _PATH)
corruption = importlib.util.module_from_spec(_SPEC)
sys.modules["corruption"] = corruption  # dataclasses look their module up
_SPEC.loader.exec_module(corruption)

CLAUSES = {
    "A#1": corruption.Clause(
        "A#1",
        "A",
        "点卡卡密退款",
        "退款条件",
        "点卡卡密未提取的，付款后24小时内可以全额退款，免手续费。\n"
        "已提取的不退，卡密错误或无效的除外。\n退款原路退回，1至3个工作日到账；48小时未到账的联系客服。",
    ),
    "A#2": corruption.Clause(
        "A#2", "A", "点卡卡密退款", "升级", "投诉由售后组登记，夜间留言次日早班处理，坐席须写清经过和诉求。"
    ),
    "B#1": corruption.Clause(
        "B#1",
        "B",
        "话费到账",
        "时限",
        "| 充值方式 | 到账时限 |\n|---|---|\n| 快充 | 支付后10分钟内 |\n| 慢充 | 支付后72小时内 |\n"
        "话费慢充主动取消收0.5%手续费，须经组长审批后才可以办理。",
    ),
    "C#1": corruption.Clause(
        "C#1", "C", "视频会员", "退款", "视频会员未激活的，购买后7天内可以申请退款，收3%手续费。"
    ),
    "D#1": corruption.Clause(
        "D#1", "D", "礼品卡", "有效期", "优购礼品卡有效期3年，咖味礼品卡有效期1年，礼品卡最多合并5张。"
    ),
}
REPLIES = [
    {
        "_id": "r1",
        "question": "点卡还没看，想退",
        "text": "别着急，我帮您看看。点卡卡密未提取的，付款后24小时内可以全额退款，免手续费[1]。"
        "退款原路退回，1至3个工作日到账[1]。话费快充支付后10分钟内到账[2]。还有问题随时找我。",
        "citations": [{"n": 1, "chunk_id": "A#1"}, {"n": 2, "chunk_id": "B#1"}],
    },
    {
        "_id": "r2",
        "question": "话费慢充能取消吗",
        "text": "您好。话费慢充主动取消收0.5%手续费，须经组长审批后才可以办理[1]。"
        "视频会员未激活的，购买后七天内可以申请退款，收3%手续费[2]。祝您顺利。",
        "citations": [{"n": 1, "chunk_id": "B#1"}, {"n": 2, "chunk_id": "C#1"}],
    },
    {
        "_id": "r3",
        "question": "礼品卡能合几张",
        "text": "您好。优购礼品卡有效期3年[1]。礼品卡最多合并5张[1]。点卡卡密已提取的不退，卡密错误或无效的除外[2]。好的。",
        "citations": [{"n": 1, "chunk_id": "D#1"}, {"n": 2, "chunk_id": "A#1"}],
    },
]


def make(reply, seed=0):
    clauses = {row["n"]: CLAUSES[row["chunk_id"]].text for row in reply["citations"]}
    return corruption.corrupt(reply, clauses, list(CLAUSES.values()), Random(seed))


def every(kind, seeds=20):
    return [
        (reply, one)
        for reply in REPLIES
        for seed in range(seeds)
        for one in make(reply, seed)
        if one.kind == kind
    ]


def test_one_seed_gives_one_list():
    assert make(REPLIES[0], 7) == make(REPLIES[0], 7)
    assert any(make(REPLIES[0], seed) != make(REPLIES[0], 7) for seed in range(5))


def test_every_kind_is_made_and_none_too_often():
    made = [one.kind for reply in REPLIES for one in make(reply)]
    assert set(made) == set(corruption.KINDS)
    assert all(
        [one.kind for one in make(reply)].count(kind) <= 4 for reply in REPLIES for kind in corruption.KINDS
    )


def test_spans_point_at_what_changed():
    for reply in REPLIES:
        for seed in range(20):
            for one in make(reply, seed):
                assert 0 <= one.start < one.end <= len(one.text)
                before, after = reply["text"], one.text
                if one.kind in (
                    "figure_changed",
                    "unit_changed",
                    "bound_turned",
                    "negation_turned",
                    "promise_added",
                ):
                    assert after[: one.start] == before[: one.start]
                    assert before.endswith(after[one.end :])
                if "swapped" not in one.kind and "cited instead" not in one.note:
                    assert after != before


@pytest.mark.parametrize("kind", ["figure_changed", "unit_changed"])
def test_a_changed_figure_is_not_the_right_one_written_otherwise(kind):
    for reply, one in every(kind):
        before = corruption.figure_keys(reply["text"])
        new = corruption.figure_keys(one.text) - before
        clauses = "\n".join(CLAUSES[row["chunk_id"]].text for row in reply["citations"])
        if "swap" in one.note:
            assert not new & before
        else:
            assert new and not new & corruption.figure_keys(clauses), one.note


def test_a_swapped_number_stands_elsewhere_in_the_cited_clause():
    notes = {one.note for _, one in every("figure_changed") if "swap" in one.note}
    assert any("24小时→" in note for note in notes) and any("10分钟" not in note for note in notes)
    assert not any("工作日" in note for note in notes)  # both ends of 1至3 are true


def test_figures_mean_the_same_in_every_script():
    for text in ("24小时", "二十四小时", "２４小时", "1天", "一天", "24 个小时"):
        assert corruption.figure_keys(text) == {("time", 86400.0)}
    assert corruption.figure_keys("95折") == corruption.figure_keys("九五折") == {("折", 9.5)}
    assert corruption.figure_keys("两千元") == corruption.figure_keys("2,000块钱") == {("元", 2000.0)}
    assert corruption.figure_keys("百分之三") == {("%", 3.0)}
    assert corruption.figure_keys("第3步，HF-100，2026年，前后脚，DD2026") == set()


def test_a_range_keeps_its_order():
    for _, one in every("figure_changed"):
        if "工作日" in one.note:
            (figure,) = [f for f in corruption.find_figures(one.text) if f.unit == "个工作日"]
            assert figure.low[1] < figure.key[1]


def test_a_dropped_condition_is_the_clauses_own_and_gone():
    dropped = every("condition_dropped")
    assert any("经组长审批后" in one.note for _, one in dropped)
    for reply, one in dropped:
        piece = one.note.partition("“")[2].partition("”")[0]
        assert piece in reply["text"] and piece not in one.text
        assert "，，" not in one.text and "，[" not in one.text and "，。" not in one.text
        assert one.text.count("[1]") >= 1 and one.text.count("[2]") >= 1


def test_a_citation_is_not_moved_to_a_clause_that_says_the_same():
    copy = corruption.Clause(
        "E#1",
        "E",
        "问答",
        "",
        "答：点卡卡密未提取的，付款后24小时内可以全额退款，免手续费；退款1至3个工作日到账。",
    )
    reply = REPLIES[0]
    clauses = {row["n"]: CLAUSES[row["chunk_id"]].text for row in reply["citations"]}
    for seed in range(20):
        for one in corruption.corrupt(reply, clauses, [*CLAUSES.values(), copy], Random(seed)):
            if one.kind in ("citation_swapped", "other_product"):
                assert one.citations[1] != "E#1"


def test_a_moved_citation_keeps_its_number_or_two_change_places():
    for reply, one in every("citation_swapped"):
        assert set(one.citations) == {row["n"] for row in reply["citations"]}
        moved = dict(one.citations) != {row["n"]: row["chunk_id"] for row in reply["citations"]}
        assert moved != ("exchanged" in one.note)


def test_promises_are_many_varied_and_half_of_them_cite():
    added = every("promise_added", seeds=60)
    sentences = {one.text[one.start : one.end] for _, one in added}
    bare = {corruption._MARKER.sub("", sentence) for sentence in sentences}
    marked = sum("[" in one.text[one.start : one.end] for _, one in added)
    assert len(bare) >= 35
    assert 0.4 <= marked / len(added) <= 0.6


def test_a_promise_the_clause_makes_is_not_added():
    reply = dict(REPLIES[0], text="可以退[1]。好的。", citations=[{"n": 1, "chunk_id": "A#1"}])
    clauses = {1: "我们保证双倍赔付，所有损失由平台全部承担，免手续费，赠送优惠券。"}
    for seed in range(30):
        for one in corruption.corrupt(reply, clauses, [], Random(seed)):
            if one.kind == "promise_added":
                added = one.text[one.start : one.end]
                assert not any(word in added for word in ("双倍", "全部承担", "帮您免了", "优惠券", "保证您"))


def test_another_product_is_not_named_where_its_figure_is_the_same():
    clause = "快充10分钟内到账，慢充也是10分钟内到账。"
    reply = {
        "_id": "x",
        "question": "",
        "text": "快充10分钟内到账[1]。",
        "citations": [{"n": 1, "chunk_id": "X#1"}],
    }
    made = corruption.corrupt(reply, {1: clause}, [], Random(0))
    assert not [one for one in made if one.kind == "other_product"]
    other = {1: "快充10分钟内到账。慢充72小时内到账。"}
    made = corruption.corrupt(reply, other, [], Random(0))
    assert [one.text for one in made if one.kind == "other_product"] == ["慢充10分钟内到账[1]。"]


def test_sentences_without_a_known_clause_are_left_alone():
    reply = {"_id": "x", "question": "", "text": "24小时内可以退款。48小时内可以换货[3]。", "citations": []}
    assert corruption.corrupt(reply, {}, list(CLAUSES.values()), Random(0)) == []


def test_sentences_are_split_at_marks_with_their_markers():
    text = "您好！24小时内可退[1]。\n“可以的。”谢谢[2][1]？"
    assert [(one.text, one.markers) for one in corruption.split_sentences(text)] == [
        ("您好！", ()),
        ("24小时内可退[1]。", (1,)),
        ("“可以的。”", ()),
        ("谢谢[2][1]？", (2, 1)),
    ]
    assert all(text[one.start : one.end] == one.text for one in corruption.split_sentences(text))
