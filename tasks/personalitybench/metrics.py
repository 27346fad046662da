"""PersonalityBench's metrics: how far the poles lie apart, how fluent answers stay, and what else moves.

A judge's ratings can be compared on one question and not across questions. So the headline is the paired separation of
the poles on the same question, in units of the row's own standard deviation of it over questions: free of the judge's
scale, and of all other rows. Beside it stands the paper's: the mean score towards the pole, summed over the two poles
of a trait and averaged over traits, 2 to 10; it is the headline where only one pole of each trait is asked. Saying
nothing but the trait's adjectives earns both, so there are fluency, the other traits' shifts, and tests against every
trivial row.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from steerbench.contracts import Metric, Role, Scored, Summary
from steerbench.contracts.flags import Flag
from steerbench.records.standing import SIGNIFICANT
from steerbench.statistics import FEWEST, sign_flip_above, sign_flip_test
from steerbench.toolkit.boards.board import comparisons
from steerbench.toolkit.estimates import mean, share, size, standardised
from tasks.personalitybench.board import (
    HIGHEST,
    LETTERS,
    LOWEST,
    RUNS,
    Array,
    PersonalityBenchAnswers,
    PersonalityBenchBoard,
    board_of,
)
from tasks.personalitybench.estimates import (
    entries,
    mean_of_poles,
    question_means,
    separations,
    shifts_of_others,
    two_poles,
    variance_of_poles,
)
from tasks.personalitybench.flags import (
    CUT_OFF,
    LESS_FLUENT,
    REPEATS,
    SPEAKS_AS_AI,
    UNRATED,
    UNRATED_FLUENCY,
)

STANDARDISED = "separation d"
TRAIT_SCORE = "trait score"
IF_WORST = "trait score if unscored were worst"
FLUENCY = "fluency"
SEPARATION = "separation"
OFF_TARGET = "off-target"
UNSCORED = "unscored rate"
TRAIT_VARIANCE = "trait variance"
FLUENCY_VARIANCE = "fluency variance"
UNSCORED_FLUENCY = "unscored fluency rate"
TRUNCATED = "truncated"
AS_AI = "AI or refusal"
LENGTH = "length"
DISTINCT = "distinct-2"

UNSTEERED = "unsteered"
FIXED, DESCRIBED = "fixed-text", "description-prompt"
ROLES: Mapping[str, Role] = {
    UNSTEERED: "unsteered",
    "random-direction": "placebo",
    "echo": "constant",
    FIXED: "reference",
    DESCRIBED: "control",
}

OFTEN_TRUNCATED = 0.1
OFTEN_AS_AI = 0.25
REPETITIVE = 0.5


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    """Metrics, comparisons with the rows to beat and flags of every row that has scored answers.

    Answers without a rating leave the means they lack it for; how many they are is a metric, and so is what the
    headline would be if they were the worst. Every metric is drawn from `seed` afresh and depends on no other row.
    """
    board = board_of({name: scored for name, scored in rows.items() if scored})
    losses = {name: question_losses(board, row) for name, row in board.rows.items()}
    compared = comparisons(losses, ROLES, seed)
    metrics = {name: _metrics(board, row, seed) for name, row in board.rows.items()}
    flags = {name: _flags(metrics[name], _less_fluent(board, name, seed)) for name in board.rows}
    deaf, doubt = (_unread(board, name, seed) for name in (FIXED, DESCRIBED))
    return Summary(metrics, compared, flags, True, "questions", deaf, doubt=doubt)


CONTROLS = {
    FIXED: "the judge cannot read a trait: it rates the high end's adjectives no higher than the low end's",
    DESCRIBED: "the model does not follow even a description of the pole",
}
"""What it means if a row does not tell a trait's ends apart. Of the first no method can be judged; the second leaves a
method that moves the model further than words do."""


def _unread(board: PersonalityBenchBoard, name: str, seed: int) -> str:
    """That a control's ends may be apart by chance; "" if they are not, or on too few questions to say."""
    if name not in board.rows:
        return ""
    found = separations(board, board.rows[name])
    found = found[~np.isnan(found)]
    if len(found) < FEWEST or sign_flip_above(found, np.random.default_rng(seed)) < SIGNIFICANT:
        return ""
    return f"{CONTROLS[name]} (separation {found.mean():.2f} on {len(found)} questions)"


def question_losses(board: PersonalityBenchBoard, row: PersonalityBenchAnswers) -> Array:
    """[questions]: mean distance from the end steered to, nan where one of the question's answers is not rated."""
    losses = HIGHEST - board.towards(board.own(row))
    lacking = (row.asked & np.isnan(losses)).any(axis=1)
    return np.where(lacking, np.nan, question_means(losses))


def _metrics(board: PersonalityBenchBoard, row: PersonalityBenchAnswers, seed: int) -> dict[str, Metric]:
    """All metrics of a row, headline first; those that are undefined for it are absent, but for the first two."""
    scores, weights = board.towards(board.own(row)), two_poles(board.parts)
    shifts = entries(board, shifts_of_others(board, row))
    unscored = np.where(row.asked, np.isnan(scores), np.nan)
    unscored_fluency = np.where(row.asked, np.isnan(row.fluency), np.nan)
    estimates: dict[str, Metric | None] = {
        **(_by_trait(STANDARDISED, board, row, _standardised) if board.paired else {}),
        **_trait_scores(board, row, scores),
        FLUENCY: mean_of_poles(board, row.fluency, weights),
        **_by_trait(SEPARATION, board, row, mean),
        OFF_TARGET: size(list(shifts.values()), seed),
        **{
            f"{OFF_TARGET} {LETTERS[steered]} on {LETTERS[rated]}": mean(found)
            for (steered, rated), found in shifts.items()
        },
        UNSCORED: share(question_means(unscored)),
        TRAIT_VARIANCE: variance_of_poles(board, scores, weights),
        FLUENCY_VARIANCE: variance_of_poles(board, row.fluency, weights),
        UNSCORED_FLUENCY: share(question_means(unscored_fluency)),
        TRUNCATED: share(question_means(row.truncated)),
        AS_AI: share(question_means(row.as_ai)),
        LENGTH: mean(question_means(row.words)),
        **_distinct(row),
    }
    return {
        name: estimate
        for name, estimate in estimates.items()
        if estimate is not None and (name in (STANDARDISED, TRAIT_SCORE) or not np.isnan(estimate.value))
    }


def _trait_scores(
    board: PersonalityBenchBoard, row: PersonalityBenchAnswers, scores: Array
) -> dict[str, Metric | None]:
    """The paper's score, its lower bound if answers are unscored, and it by trait, by pole and by blend."""
    weights = two_poles(board.parts)
    found: dict[str, Metric | None] = {TRAIT_SCORE: mean_of_poles(board, scores, weights)}
    lacking = row.asked & np.isnan(scores)
    if lacking.any():
        found[IF_WORST] = mean_of_poles(board, np.where(lacking, LOWEST, scores), weights)
    for trait in dict.fromkeys(trait for trait, _ in board.parts):
        poles = [part for part in board.parts if part[0] == trait]
        found[f"{TRAIT_SCORE} {LETTERS[trait]}"] = mean_of_poles(board, scores, two_poles(poles))
        for part in poles:
            name = f"{TRAIT_SCORE} {LETTERS[trait]}{'+-'[part[1]]}"
            found[name] = mean_of_poles(board, scores, {part: 1.0})
    for target in np.flatnonzero(board.steered.sum(axis=1) > 1).tolist():
        alone = board.of_target(target)
        weights = {part: 1 / len(alone.parts) for part in alone.parts}
        name = f"{TRAIT_SCORE} {board.targets[target]}"
        found[name] = mean_of_poles(alone, scores, weights)
    return found


def _by_trait(
    name: str, board: PersonalityBenchBoard, row: PersonalityBenchAnswers, estimate: Callable[[Array], Metric | None]
) -> dict[str, Metric | None]:
    """Of the separation, by itself and of each trait."""
    paired = separations(board, row)
    traits = np.unique(board.trait).tolist()
    return {
        name: estimate(paired),
        **{f"{name} {LETTERS[trait]}": estimate(np.where(board.trait == trait, paired, np.nan)) for trait in traits},
    }


def _standardised(differences: Array) -> Metric:
    return standardised(differences) or Metric(math.nan)


def _distinct(row: PersonalityBenchAnswers) -> dict[str, Metric | None]:
    """Pairs of words first, then the other lengths."""
    by_length = {n: mean(question_means(row.distinct[:, :, place])) for place, n in enumerate(RUNS)}
    return {DISTINCT: by_length.pop(2), **{f"{DISTINCT} with n={n}": found for n, found in by_length.items()}}


def _less_fluent(board: PersonalityBenchBoard, name: str, seed: int) -> bool:
    """Whether a row's answers are rated clearly less fluent than the unsteered ones to the same questions."""
    if name in ROLES or UNSTEERED not in board.rows:
        return False
    differences = question_means(board.rows[name].fluency - board.rows[UNSTEERED].fluency)
    differences = differences[~np.isnan(differences)]
    return bool(differences.sum() < 0 and sign_flip_test(differences, np.random.default_rng(seed)) < SIGNIFICANT)


def _flags(metrics: Mapping[str, Metric], less_fluent: bool) -> list[Flag]:
    """What a reader of the table must not miss."""
    flags = []
    if less_fluent:
        flags.append(LESS_FLUENT())
    if DISTINCT in metrics and metrics[DISTINCT].value < REPETITIVE:
        flags.append(REPEATS())
    if metrics[TRUNCATED].value > OFTEN_TRUNCATED:
        flags.append(CUT_OFF(share=metrics[TRUNCATED].value))
    if AS_AI in metrics and metrics[AS_AI].value > OFTEN_AS_AI:
        flags.append(SPEAKS_AS_AI(share=metrics[AS_AI].value))
    if metrics[UNSCORED].value > 0:
        flags.append(UNRATED(share=metrics[UNSCORED].value))
    if metrics[UNSCORED_FLUENCY].value > 0:
        flags.append(UNRATED_FLUENCY(share=metrics[UNSCORED_FLUENCY].value))
    return flags
