"""Flags are data in a run, and words where they are shown."""

import json
import math

import pytest
from pydantic import TypeAdapter, ValidationError

from steerbench.contracts.flags import Flag, flag_kind
from steerbench.records.flags import all_kinds, same_flags, words
from steerbench.studies.tradeoff.result import SourceFlag, TradeoffPoint
from tests.leaderboard.made_up import method, metric

LONG = "38 % cut off at the token limit (personalitybench.max_new_tokens raises it)"
STORED = TypeAdapter(list[Flag | str])
HOSTILE = "<script>{0.__class__}</script>"


def test_a_flag_is_stored_as_data_and_read_again_as_it_was():
    flag = all_kinds()["reasoning/like-a-constant"](usual="5", share=1 / 3)
    stored = method(2.0, flags=[flag, "of an older run"]).model_dump_json()
    assert json.loads(stored)["flags"] == [
        {"kind": "reasoning/like-a-constant", "values": {"usual": "5", "share": 1 / 3}},
        "of an older run",
    ]
    again = STORED.validate_json(json.dumps(json.loads(stored)["flags"]), strict=True)
    assert again == [flag, "of an older run"]
    assert list(map(words, again)) == ["not more accurate than always saying 5 (33 %)", "of an older run"]


@pytest.mark.parametrize(
    ("share", "written"), [(0.0, "0 %"), (0.004, "under 1 %"), (0.25, "25 %"), (0.999, "99 %"), (1.0, "100 %")]
)
def test_shares_are_rounded_but_never_up_to_all_or_down_to_none(share, written):
    assert words(all_kinds()["papi/unreadable"](share=share)) == f"{written} unreadable"


def test_a_kind_refuses_values_that_its_words_do_not_mention():
    kind = all_kinds()["overflows"]
    with pytest.raises(TypeError, match=r"takes \['answers', 'count'\], not \['count'\]"):
        kind(count=1)


def test_two_kinds_cannot_have_one_name():
    kind = all_kinds()["overflows"]
    assert flag_kind(kind.name, kind.words, kind.boards, kind.meaning) == kind  # a module that is imported twice
    with pytest.raises(ValueError, match="two kinds of flag called 'overflows'"):
        flag_kind("overflows", "other words", "every board", "something else")


@pytest.mark.parametrize(
    ("flag", "shown"),
    [
        (Flag("nobody/knows", {"count": 3, "of": "us"}), "nobody/knows (count 3, of us)"),
        (Flag(HOSTILE), HOSTILE),
        (Flag("papi/unreadable", {"share": HOSTILE}), f"papi/unreadable (share {HOSTILE})"),
        (Flag("papi/unreadable", {"share": 7.0}), "papi/unreadable (share 7.0)"),
        (Flag("papi/unreadable", {"share": math.nan}), "papi/unreadable (share nan)"),
        (Flag("papi/unreadable", {"other": 1}), "papi/unreadable (other 1)"),
        (Flag("reasoning/like-a-constant", {"usual": HOSTILE, "share": 0.5}),
         f"not more accurate than always saying {HOSTILE} (50 %)"),
    ],
)  # fmt: skip
def test_a_flag_that_nobody_raised_is_shown_by_its_name_and_is_filled_into_no_template(flag, shown):
    assert words(flag) == shown


@pytest.mark.parametrize(
    "stored", [{"kind": 1}, {"values": {}}, {"kind": "a", "values": {"b": [1]}}, {"kind": "a", "c": 1}]
)
def test_what_is_no_flag_is_refused(stored):
    with pytest.raises(ValidationError):
        STORED.validate_json(json.dumps([stored]), strict=True)


def test_older_sentences_agree_with_the_same_flag_as_data_and_get_its_shorter_words():
    cut = all_kinds()["personalitybench/cut-off"]
    assert words(LONG) == words(cut(share=0.38)) == "38 % cut off at the token limit"
    assert same_flags([LONG], [cut(share=0.376)])
    assert not same_flags([LONG], [cut(share=0.39)])
    assert not same_flags([LONG], [])


def test_data_are_compared_by_their_values_and_not_by_rounded_words():
    unread = all_kinds()["papi/unreadable"]
    assert words(unread(share=0.12)) == words(unread(share=0.123))
    assert not same_flags([unread(share=0.12)], [unread(share=0.123)])
    assert same_flags([unread(share=0.12)], [unread(share=0.12 + 1e-13)])
    assert not same_flags([unread(share=0.12)], [all_kinds()["papi-causal/unreadable"](share=0.12)])


def test_a_trade_off_says_which_board_flags_and_reads_older_sentences_alike():
    cut = all_kinds()["personalitybench/cut-off"](share=0.38)
    new = SourceFlag(source="calibration", flag=cut)
    flags = [new, f"calibration: {LONG}", "gsm8k: 25 % unreadable", SourceFlag(source="gsm8k", flag="of an older run")]
    point = TradeoffPoint(strength=1.0, dose=0.5, effect=metric(1.0), prices={}, runs={}, flags=flags)
    said = "calibration: 38 % cut off at the token limit"
    assert point.warnings == [said, said, "gsm8k: 25 % unreadable", "gsm8k: of an older run"]
    assert point.warnings_about("gsm8k") == ["gsm8k: 25 % unreadable", "gsm8k: of an older run"]
    assert TradeoffPoint.model_validate_json(point.model_dump_json(), strict=True) == point
