"""A statement about oneself becomes the same statement said to somebody."""

import pytest

from steerbench.bank.wording import second_person
from tasks.papi.dataset import load

CASES = [
    ("Bake bread on Sundays.", "You bake bread on Sundays."),
    ("Am never late.", "You are never late."),
    ("Am not one to gossip.", "You are not one to gossip."),
    ("AM never late.", "You are never late."),
    ("Was a shy child.", "You were a shy child."),
    ("Wasn't read to as a child.", "You weren't read to as a child."),
    ("Have a green bicycle.", "You have a green bicycle."),
    ("Don't whistle.", "You don't whistle."),
    ("Can't swim.", "You can't swim."),
    ("Can\u2019t swim.", "You can't swim."),
    ("Would never eat snails.", "You would never eat snails."),
    ("Often sing.", "You often sing."),
    ("Willing to wait.", "You are willing to wait."),
    ("Interested in trains.", "You are interested in trains."),
    ("Think that I am tall.", "You think that you are tall."),
    ("Think I'm tall.", "You think you're tall."),
    ("Forget where I was.", "You forget where you were."),
    (
        "Say what I've seen, what I'd do and what I'll do.",
        "You say what you've seen, what you'd do and what you'll do.",
    ),
    ("Know that it was wrong.", "You know that it was wrong."),
    ("Help those who help me.", "You help those who help you."),
    ("Spend money on my own pets.", "You spend money on your own pets."),
    ("Call the victory mine.", "You call the victory yours."),
    ("Talk to myself.", "You talk to yourself."),
    ("Mend my own shoes and am proud of it.", "You mend your own shoes and are proud of it."),
    ("I am fond of rain.", "You are fond of rain."),
    ("My desk is tidy.", "Your desk is tidy."),
    ('Want tea to be "just so."', 'You want tea to be "just so."'),
    ("Remember the mime in my mind's theatre.", "You remember the mime in your mind's theatre."),
]


@pytest.mark.parametrize(("first", "second"), CASES)
def test_the_speaker_becomes_you(first: str, second: str) -> None:
    assert second_person(first) == second


@pytest.mark.parametrize("name", ["sample", pytest.param("papi-300", marks=pytest.mark.real_data)])
def test_no_statement_keeps_a_trace_of_the_speaker(name: str) -> None:
    for item in load(name).items:
        words = item.second_person.rstrip('."').split()
        assert words[0] == "You"
        assert not {"i", "i'm", "i've", "me", "my", "mine", "myself", "am"} & {word.lower() for word in words}
        assert item.second_person[-1] == item.text[-1]
