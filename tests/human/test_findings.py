import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats import rankdata, spearmanr

from steerbench.human.findings import find
from tests.human.synthetic import METHODS, by_method, respond, study

STRONG, WEAK, NONE = METHODS
WORTH = {STRONG: 3, WEAK: 2, NONE: 1}


def noisy(seed):
    """Prefers the strong method, with errors."""
    rng = np.random.default_rng(seed)
    return lambda name, question, methods: WORTH[methods[0]] + 2 * rng.normal()


def test_mean_ranks_are_those_of_the_methods_and_the_best_stands_first():
    key = study(questions=8).key
    found = find(key, [respond(key, "one", by_method(WORTH)), respond(key, "two", by_method({**WORTH, WEAK: 4}))])
    assert list(found.methods) == [STRONG, WEAK, NONE] or list(found.methods) == [WEAK, STRONG, NONE]
    assert [found.methods[m].rank.value for m in METHODS] == [1.5, 1.5, 3.0]
    assert found.methods[STRONG].rankings == 2 * 16
    assert found.methods[STRONG].rank.n == 8


def test_mean_ranks_and_pairs_equal_those_counted_by_hand():
    key = study(questions=10).key
    people = [respond(key, name, noisy(seed)) for seed, name in enumerate(("one", "two", "six"))]
    ranks = {method: {} for method in METHODS}
    beaten = []
    for person in people:
        for decision in person.answers:
            question = key.questions[decision.question]
            order = [question.answers[answer].methods[0] for (answer,) in decision.order]
            for place, method in enumerate(order, 1):
                ranks[method].setdefault(question.item, []).append(place)
            beaten.append((question.item, order.index(STRONG) < order.index(NONE)))
    found = find(key, people)
    for method in METHODS:
        assert found.methods[method].rank.value == pytest.approx(np.mean([np.mean(r) for r in ranks[method].values()]))
    (pair,) = (p for p in found.pairs if (p.first, p.second) == (STRONG, NONE))
    assert (pair.wins, pair.ties, pair.losses) == (sum(b for _, b in beaten), 0, sum(not b for _, b in beaten))
    assert pair.net.value == pytest.approx((pair.wins - pair.losses) / len(beaten))
    assert pair.net.low <= pair.net.value <= pair.net.high


def test_the_paired_test_flips_the_signs_of_questions():
    key = study(questions=8).key
    found = find(key, [respond(key, "one", by_method(WORTH))])
    # One person, eight questions, always the same winner: two of 2**8 sign patterns are as extreme.
    assert [pair.p for pair in found.pairs] == [2 / 256] * 3
    assert [pair.p_holm for pair in found.pairs] == [6 / 256] * 3
    assert [(p.first, p.second, p.wins, p.losses) for p in found.pairs] == [
        (STRONG, WEAK, 16, 0),
        (STRONG, NONE, 16, 0),
        (WEAK, NONE, 16, 0),
    ]


def test_methods_that_said_the_same_tie_and_share_their_places():
    key = study(texts=lambda m, a: f"{'other' if m == NONE else 'same'} {a}").key
    found = find(key, [respond(key, "one", lambda name, question, methods: NONE not in methods)])
    assert [found.methods[m].rank.value for m in METHODS] == [1.5, 1.5, 3.0]
    tied = found.pairs[0]
    assert (tied.first, tied.second, tied.wins, tied.ties, tied.losses, tied.p) == (STRONG, WEAK, 0, 12, 0, 1.0)


def test_comparing_all_pairs_finds_the_ranks_that_ranking_finds():
    ranked, compared = study("rank").key, study("compare").key
    rank = find(ranked, [respond(ranked, "one", by_method(WORTH))])
    compare = find(compared, [respond(compared, "one", by_method(WORTH))])
    assert {m: r.rank for m, r in rank.methods.items()} == {m: r.rank for m, r in compare.methods.items()}
    assert rank.pairs == compare.pairs


def test_no_difference_counts_half_a_place():
    key = study("compare").key
    found = find(key, [respond(key, "one", by_method({**WORTH, WEAK: 3}))])
    assert [found.methods[m].rank.value for m in METHODS] == [1.5, 1.5, 3.0]
    assert (found.pairs[0].wins, found.pairs[0].ties) == (0, 12)


def test_a_question_compared_in_part_counts_in_its_pairs_but_has_no_ranks():
    key = study("compare").key
    whole = respond(key, "one", by_method(WORTH))
    part = whole.model_copy(update={"answers": whole.answers[:1]})
    found = find(key, [part])
    assert [row.rank for row in found.methods.values()] == [None] * 3
    assert len(found.pairs) == 1
    assert found.pairs[0].wins + found.pairs[0].losses == 1


def alpha_by_definition(units):
    """Krippendorff (2011), ordinal, from the coincidences of every pair of values in a unit."""
    domain = sorted({value for unit in units for value in unit})
    seen = np.zeros((len(domain), len(domain)))
    for unit in units:
        for i, one in enumerate(unit):
            for j, other in enumerate(unit):
                if i != j:
                    seen[domain.index(one), domain.index(other)] += 1 / (len(unit) - 1)
    totals = seen.sum(axis=1)
    observed = expected = 0.0
    for c in range(len(domain)):
        for k in range(len(domain)):
            low, high = min(c, k), max(c, k)
            distance = (totals[low : high + 1].sum() - (totals[c] + totals[k]) / 2) ** 2
            observed += seen[c, k] * distance
            expected += totals[c] * totals[k] * distance
    return 1 - (totals.sum() - 1) * observed / expected


@pytest.mark.parametrize("mode", ["rank", "compare"])
def test_alpha_is_krippendorff_s_of_the_ranks(mode):
    key = study(mode, questions=10).key
    some = list(key.questions)[:15]
    people = [respond(key, "one", noisy(1)), respond(key, "two", noisy(2)), respond(key, "six", noisy(3), some)]
    units = []
    for name, question in key.questions.items():
        given = {answer: [] for answer in question.answers}
        for person in people:
            decisions = [d for d in person.answers if d.question == name]
            wins = dict.fromkeys(given, 0.0)
            for decision in decisions:
                for place, (answer,) in enumerate(decision.order):
                    wins[answer] += len(decision.order) - 1 - place
            if decisions:
                for answer, rank in zip(wins, rankdata([-w for w in wins.values()]), strict=True):
                    given[answer].append(rank)
        units += [values for values in given.values() if len(values) > 1]
    found = find(key, people)
    assert found.alpha.value == pytest.approx(alpha_by_definition(units))
    assert found.alpha.low < found.alpha.value < found.alpha.high


def test_agreement_has_an_interval_over_the_people_by_leaving_out_one_at_a_time():
    key = study("rank", questions=10).key
    people = [respond(key, name, noisy(place)) for place, name in enumerate(("one", "two", "six", "ten"), start=1)]
    found = find(key, people)
    without = [find(key, people[:place] + people[place + 1 :]) for place in range(4)]
    for name in ("alike", "alpha"):
        left_out = [getattr(one, name).value for one in without]
        error = math.sqrt(3 / 4 * sum((value - np.mean(left_out)) ** 2 for value in left_out))
        over_people = getattr(found, f"{name}_over_people")
        assert over_people.value == pytest.approx(getattr(found, name).value)
        assert over_people.high - over_people.value == pytest.approx(stats.t.ppf(0.975, 3) * error)
        assert over_people.n == 4


def test_two_people_say_nothing_of_other_people():
    key = study(questions=5).key
    found = find(key, [respond(key, name, noisy(place)) for place, name in enumerate(("one", "two"))])
    assert found.alike_over_people.note == "no interval from fewer than 3"


def test_people_who_agree_fully_have_an_alpha_of_1_and_opposite_ones_one_below_0():
    key = study(questions=5).key
    one, two = (respond(key, name, by_method(WORTH)) for name in ("one", "two"))
    against = respond(key, "not", by_method({m: -w for m, w in WORTH.items()}))
    alike, apart = find(key, [one, two]), find(key, [one, against])
    assert (alike.alpha.value, alike.alike.value) == (1.0, 1.0)
    assert apart.alpha.value < 0
    assert apart.alike.value == 0


def test_agreement_of_two_people_is_over_the_pairs_that_both_ordered():
    key = study("compare", questions=1).key
    first, second = key.questions
    one = respond(key, "one", by_method(WORTH))
    # The other turns one pair of the first question round, sees no difference in another, and skips the second.
    two = respond(key, "two", by_method({STRONG: 2, WEAK: 3, NONE: 2}), [first])
    six = respond(key, "six", by_method(WORTH), [second])
    found = find(key, [one, two, six])
    assert [(pair.annotators, pair.alike and pair.alike.value) for pair in found.agreement] == [
        (("one", "two"), 0.5),
        (("one", "six"), 1.0),
        (("two", "six"), None),
    ]
    assert found.alike.value == pytest.approx(4 / 5)


def test_one_person_alone_agrees_with_nobody():
    key = study().key
    found = find(key, [respond(key, "one", by_method(WORTH))])
    assert (found.agreement, found.alike, found.alpha) == ([], None, None)


def judged_by(rating):
    return study(ratings=rating, questions=8).key


def test_the_judge_is_read_towards_the_end_that_was_asked_for():
    right = judged_by(lambda m, a: 3 + WORTH[m] / 2 if a.high else 3 - WORTH[m] / 2)
    found = find(right, [respond(right, "one", by_method(WORTH))]).judge
    assert (found.name, found.correlation.value, found.alike.value, found.tied) == ("axis", 1.0, 1.0, 0.0)
    deaf = judged_by(lambda m, a: 3 + WORTH[m] / 2)
    found = find(deaf, [respond(deaf, "one", by_method(WORTH))]).judge
    assert (found.correlation.value, found.alike.value) == (0.0, 0.5)


def test_the_judge_s_figures_equal_those_computed_question_by_question():
    rng = np.random.default_rng(7)
    key = judged_by(lambda m, a: float(rng.integers(1, 6)))
    people = [respond(key, name, noisy(seed)) for seed, name in enumerate(("one", "two"))]
    correlations, alike, tied, pairs = {}, [], 0, 0
    for name, question in key.questions.items():
        answers = list(question.answers)
        ratings = [question.answers[a].rating * (1 if question.high else -1) for a in answers]
        orders = [[g[0] for g in d.order] for p in people for d in p.answers if d.question == name]
        means = [np.mean([order.index(a) for order in orders]) for a in answers]
        if len(set(ratings)) > 1 and len(set(means)) > 1:
            correlations.setdefault(question.item, []).append(spearmanr([-m for m in means], ratings)[0])
        for order in orders:
            for i in range(3):
                for j in range(i):
                    apart = ratings[answers.index(order[j])] - ratings[answers.index(order[i])]
                    pairs, tied = pairs + 1, tied + (apart == 0)
                    if apart:
                        alike.append(apart > 0)
    found = find(key, people).judge
    assert found.correlation.value == pytest.approx(np.mean([np.mean(c) for c in correlations.values()]))
    assert found.alike.value == pytest.approx(np.mean(alike))
    assert found.tied == pytest.approx(tied / pairs)


def test_answers_without_a_rating_leave_the_judge_without_figures_and_people_with_theirs():
    key = judged_by(lambda m, a: None)
    found = find(key, [respond(key, "one", by_method(WORTH))])
    assert (found.judge.correlation, found.judge.alike, found.judge.tied) == (None, None, None)
    assert found.methods[STRONG].rank.value == 1.0


def test_intervals_are_over_questions_so_that_asking_more_people_does_not_narrow_them_to_nothing():
    key = study(questions=8).key
    fickle = {name: place % 2 for place, name in enumerate(dict.fromkeys(q.item for q in key.questions.values()))}

    def prefer(name, question, methods):
        return WORTH[methods[0]] * (1 if fickle[question.item] else -1)

    one = find(key, [respond(key, "one", prefer)])
    many = find(key, [respond(key, f"p{n:02}", prefer) for n in range(10)])
    assert one.methods[STRONG].rank == many.methods[STRONG].rank
    assert many.methods[STRONG].rank.high - many.methods[STRONG].rank.low > 0.5
    assert {pair.p for pair in many.pairs} == {pair.p for pair in one.pairs}
