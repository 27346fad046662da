"""What declines to answer, and what only cannot be read."""

import pytest

from steerbench.toolkit.reading.refusals import refuses


@pytest.mark.parametrize(
    "text",
    [
        " I'm sorry, but I can't",
        "I cannot answer that for myself.",
        "As an AI, I have no such habits.",
        "As a large language model I do not tick boxes.",
        "I am just a language model",
        "I don't have personal feelings or opinions",
        "I\u2019m unable to describe myself.",
        "I would rather not say.",
        "I do not have any real preferences.",
        "Apologies, this is not something I do.",
    ],
)
def test_a_text_that_declines(text):
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " (B) Moderately Accurate",
        "I can't stand parties.",
        "I cannot help but worry.",
        "I don't have many friends",
        "I don't have feelers",
        "I will not say no to a cake",
        "Some days more, some days less.",
        "It depends on the day.",
        "I am not sorted at all.",
    ],
)
def test_a_text_that_does_not(text):
    assert not refuses(text)
