from kb_assistant.index.tokens import error_codes, tokenize


def test_chinese_becomes_character_bigrams() -> None:
    assert tokenize("卡密未到账") == ["卡密", "密未", "未到", "到账"]


def test_a_lone_character_is_its_own_token() -> None:
    assert tokenize("退 5元") == ["退", "5", "元", "=5元"]


def test_codes_stay_whole_and_give_their_parts() -> None:
    assert tokenize("商品DK-50报E1003") == ["商品", "dk-50", "dk", "50", "报", "e1003", "e", "1003"]


def test_full_width_and_upper_case_agree_with_half_width_and_lower_case() -> None:
    assert tokenize("ＫＭ２０２４０８１５") == tokenize("km20240815") == ["km20240815", "km", "20240815"]


def test_a_shorter_term_is_not_inside_a_longer_one() -> None:
    assert "三级" not in tokenize("二级三星") and "二三" in tokenize("二三级")


def test_punctuation_and_blanks_give_nothing() -> None:
    assert tokenize(" 。，！\n\t-_.") == []


def test_a_number_is_one_token_with_what_it_counts() -> None:
    """三级 is inside 二三级 as a bigram; the counts tell them apart, however they are written."""
    assert "=3级" in tokenize("三级代理") and "=3级" in tokenize("3級") and "=3级" not in tokenize("二三级")
    assert (
        "=2000元" in tokenize("2千元") and "=20000张" in tokenize("两万张") and "=1天" in tokenize("一天一百")
    )


def test_traditional_and_simplified_characters_agree() -> None:
    assert tokenize("儲值卡未到帳") == tokenize("储值卡未到帐")


def test_a_code_is_found_with_or_without_its_hyphen() -> None:
    assert {"dk", "50"} <= set(tokenize("DK-50")) & set(tokenize("dk50")) & set(tokenize("DK 50"))


def test_counts_are_exact() -> None:
    assert "=2000元" in tokenize("2,000元") and "=0元" not in tokenize("2,000元")
    assert "=12000元" in tokenize("1万2千元") and "=2000元" not in tokenize("1万2千元")
    assert set(tokenize("1000001元")) & set(tokenize("1000002元")) == {"元"}
    assert not any(t.startswith("=") for t in tokenize("订单20260315001未到"))
    assert tokenize("٣天")  # digits of other scripts are no figures, and no error
    assert tokenize("1" + "万" * 200 + "元")


def test_error_codes() -> None:
    assert error_codes("报Ｅ1003，又报e-2010，ERR_E3001") == [("e", "1003"), ("e", "2010"), ("e", "3001")]
    assert error_codes("订单DD20260815000312 iPhone15 5G 100元 T-2026-00306 A4纸 DK-500 win110") == []
