"""Which open answers speak as an AI or decline to answer, against labels given by reading them."""

import csv
from pathlib import Path

import pytest

from steerbench.toolkit.reading.as_ai import speaks_as_ai


def labelled(model):
    """Whether each of the labelled answers of a model speaks as an AI or declines, and whether it is read so."""
    with (Path(__file__).parent / "open_answers.csv").open(encoding="utf-8", newline="") as lines:
        return [
            (row["as_ai"] == "1", speaks_as_ai(row["answer"])) for row in csv.DictReader(lines) if model in row["model"]
        ]


def rates(labels):
    """Precision and recall."""
    both = sum(said and read for said, read in labels)
    return both / sum(read for _, read in labels), both / sum(said for said, _ in labels)


def test_answers_of_the_model_that_it_was_written_for_are_read_as_people_read_them():
    labels = labelled("smollm2")
    assert len(labels) == 52
    assert rates(labels) == (pytest.approx(24 / 26), 1.0)


def test_answers_of_a_model_that_it_had_not_seen_are_rarely_misread():
    labels = labelled("qwen")
    assert len(labels) == 25
    assert rates(labels) == (1.0, pytest.approx(12 / 14))


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry to hear that. Did she suffer?",
        "I can't do mornings, so I would ask for the late shift.",
        "I am sorry, but I can't help with the move on Saturday; my back is bad.",
        "I can't help but laugh when he tells that story.",
        "I don't have feelings for him any more.",
        "I don't have a strong opinion on opera.",
        "I don't have personal experience with skiing.",
        "I work as an AI researcher, so the robot next door makes me smile.",
        "I'm a chatbot developer by day and a drummer by night.",
        "My role is to keep the peace at the table, as always.",
        "I'd rather not answer the phone after ten.",
        "I decline the invitation and stay in with a book.",
        "I am not a morning person.",
        'The machine says "I am an AI assistant" and I hang up.',
        "",
    ],
)
def test_what_people_say_is_no_refusal_and_no_machine(answer):
    assert not speaks_as_ai(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "As an AI language model, I have no weekends.",
        "Honestly, I\u2019m just an AI, so parties are not for me.",
        "As a large language model I cannot feel the rain.",
        "I'm Qwen, made by Alibaba Cloud.",
        "I am not a human being, but many people enjoy this.",
        "I don't have personal preferences. Some people like tea.",
        "I do not have feelings or emotions.",
        "I'm sorry, but I can't assist with that.",
        "I'm sorry, but I cannot help with that.",
        "I cannot provide medical advice.",
        "I can't answer that question.",
        "My primary function is to assist users.",
    ],
)
def test_a_machine_that_says_so_and_a_refusal_are_found(answer):
    assert speaks_as_ai(answer)
