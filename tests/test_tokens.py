from kb_assistant.index.tokens import tokenize


def test_chinese_becomes_character_bigrams() -> None:
    assert tokenize("卡密未到账") == ["卡密", "密未", "未到", "到账"]


def test_a_lone_character_is_its_own_token() -> None:
    assert tokenize("退 5元") == ["退", "5", "元"]


def test_codes_stay_whole_and_give_their_parts() -> None:
    assert tokenize("商品DK-50报E1003") == ["商品", "dk-50", "dk", "50", "报", "e1003"]


def test_full_width_and_upper_case_agree_with_half_width_and_lower_case() -> None:
    assert tokenize("ＫＭ２０２４０８１５") == tokenize("km20240815") == ["km20240815"]


def test_a_shorter_term_is_not_inside_a_longer_one() -> None:
    assert "三级" not in tokenize("二级三星") and "二三" in tokenize("二三级")


def test_punctuation_and_blanks_give_nothing() -> None:
    assert tokenize(" 。，！\n\t-_.") == []
