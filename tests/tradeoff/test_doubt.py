"""A match that resamples often undo is called unsure, in the same words wherever a trade-off is read."""

from leaderboard.pages.tradeoff import _standing
from steerbench.cli.tradeoff_table import notes
from steerbench.records.results import MetricRecord
from steerbench.studies.tradeoff.result import OFTEN, Curve, TradeoffPoint


def curve(unreached: float | None) -> Curve:
    effect = MetricRecord(value=2.0, low=1.0, high=3.0, n=9)
    point = TradeoffPoint(strength=1.5, dose=0.5, effect=effect, prices={}, runs={}, flags=[])
    return Curve(
        **{"dial": (0.0, 3.0), "points": [point], "reach": effect, "shrinkage": None, "area": None},
        **{
            "monotonicity": None,
            "measured": point,
            "matched": True,
            "strength": MetricRecord(value=1.5, low=1.2, high=1.9, n=9),
        },
        unreached=unreached,
    )


def test_a_match_is_unsure_above_the_share_that_readers_are_told_of() -> None:
    assert [curve(share).often_unreached for share in (None, 0.0, OFTEN, OFTEN + 0.01)] == [False, False, False, True]
    assert curve(OFTEN).doubt == ""
    assert curve(0.25).doubt == "in 25% of resamples it does not reach the common effect and counts at its largest"


def test_table_and_page_say_it_in_the_same_words() -> None:
    [note] = notes(curve(0.25), 2.0)
    assert note == f"matched at strength 1.5 [1.2 1.9] by 9 calibration questions; {curve(0.25).doubt}"
    assert _standing(curve(0.25), 2.0) == curve(0.25).doubt
    assert _standing(curve(0.05), 2.0) == ""
