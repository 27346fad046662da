"""What a row gained and lost beside the unsteered model, item by item."""

import numpy as np

from steerbench.studies.tradeoff.answers import gains, prices, worst

PLAIN = {("E+", "q1"): 2.0, ("E-", "q1"): 2.0, ("E+", "q2"): 1.0, ("E-", "q2"): 3.0}
STEERED = {("E+", "q1"): 0.5, ("E-", "q1"): 1.0, ("E+", "q2"): 1.5, ("E-", "q2"): None}


def test_what_is_gained_is_summed_over_an_items_poles_which_is_how_far_they_lie_apart():
    # Ratings under E+ and E-: 5 - loss and 1 + loss. Unsteered, 3 and 3; steered, 4.5 and 2.
    assert gains(STEERED, PLAIN, unread=4.0)[0] == (4.5 - 2.0) - (3.0 - 3.0)


def test_an_answer_without_a_loss_counts_as_the_worst():
    np.testing.assert_allclose(gains(STEERED, PLAIN, unread=4.0), [2.5, -0.5 - 1.0])
    np.testing.assert_allclose(prices(STEERED, PLAIN, unread=4.0), [-1.25, 0.75])


def test_where_neither_has_a_loss_nothing_differs():
    none = {("E+", "q1"): None}
    assert prices(none, none, unread=1.0).tolist() == [0.0]


def test_the_worst_is_over_all_rows_and_nan_where_nothing_is_known():
    assert worst([STEERED, PLAIN]) == 3.0
    assert np.isnan(worst([{("E+", "q1"): None}]))
