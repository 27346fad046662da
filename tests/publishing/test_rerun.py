"""Asking again: what is compared with what, and what is left out and said to be. No model is loaded here."""

from steerbench.contracts import Choice
from steerbench.publishing.rerun import NATS, SHARE, Reruns, _same_choice, _same_text, _told
from tests.publishing.world import published


def test_a_run_of_a_model_that_is_not_known_is_not_compared_and_is_not_wrong(tmp_path):
    folder = published(tmp_path)
    found = Reruns(2, 0).of(folder)
    assert found.line == f"{folder.name}: not compared: its weights are of no model that is known here."
    assert not found.wrong


def test_likelihoods_agree_within_the_rounding_of_their_size():
    near = NATS + SHARE * 200
    assert _same_choice(Choice((-200.0 + 0.99 * near,)), [-200.0])
    assert not _same_choice(Choice((-200.0 + 1.01 * near,)), [-200.0])
    assert not _same_choice(Choice((float("nan"),)), [-200.0])
    assert not _same_choice(Choice((-1.0, -2.0)), [-1.0])


def test_a_text_agrees_by_how_it_starts():
    assert _same_text(" I like to be with people, and to sing.", "I like to be with people, and to dance.")
    assert not _same_text("I would rather be alone today.", "I would rather be among them all.")


def test_a_run_disagrees_if_too_few_of_its_answers_agree():
    choices, texts = [(False, True)] * 6 + [(False, False)] * 2, [(True, True)] * 2 + [(True, False)] * 6
    assert not _told([*choices, *texts], 100, 0).wrong
    assert _told([*choices[1:], (False, False)], 100, 0).wrong
    assert _told([*texts[1:], (True, False)], 100, 0).wrong
    assert _told(choices, 100, 3).line == "6 of 8 likelihoods agree (8 of 100 answers were asked again, seed 3)."
