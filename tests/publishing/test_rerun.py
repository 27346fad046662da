"""Asking again: what is left out and said to be, and when a run disagrees. No model is loaded here."""

from steerbench.publishing.agreement import AnswerAgreement
from steerbench.publishing.rerun import Reruns, _told
from tests.publishing.world import published


def test_a_run_of_a_model_that_is_not_known_is_not_compared_and_is_not_wrong(tmp_path):
    folder = published(tmp_path)
    found = Reruns(2, 0).of(folder)
    assert found.line == f"{folder.name}: not compared: its weights are not those of a known model."
    assert not found.wrong


def test_a_run_disagrees_if_more_than_a_quarter_of_its_answers_do():
    choices, texts = answers(False, 6, 2), answers(True, 6, 2)
    assert not _told([*choices, *texts], 100, 0).wrong
    assert _told([*choices, *answers(False, 0, 1), *texts], 100, 0).wrong
    assert _told([*choices, *texts, *answers(True, 0, 1)], 100, 0).wrong
    assert _told(choices, 100, 3).line == "6 of 8 likelihoods agree (8 of 100 answers were asked again, seed 3)."


def answers(is_text, agreeing, others):
    return [AnswerAgreement(is_text, True)] * agreeing + [AnswerAgreement(is_text, False)] * others
