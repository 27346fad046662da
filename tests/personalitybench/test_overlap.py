"""Which questions are not new."""

from tasks.personalitybench.overlap import Overlap

KNOWN = "It's late, and the last bus has just left without you. What now?"


def overlap() -> Overlap:
    return Overlap({"the book": [KNOWN, "Why so sad?"]}, ["You wait. What now?"])


def test_eight_words_in_common_are_borrowed_and_seven_are_not() -> None:
    assert overlap().reason("Oh no: THE last bus has just left, without me!") == ""
    assert overlap().reason("Oh no, and the last bus has just left without.") == "8 consecutive words of the book"
    assert overlap().reason("It\u2019s late and the last bus has just gone.") == "8 consecutive words of the book"


def test_a_question_is_repeated_whatever_its_case_and_punctuation() -> None:
    made = overlap()
    assert made.reason("you wait, what NOW") == "a question there is already"
    assert made.reason("You wait? And what now?") == ""
    assert made.reason("You wait \u2013 and what now?") == "a question there is already"


def test_a_known_question_of_few_words_is_not_taken_over_whole() -> None:
    assert overlap().reason("Why so sad?") == "a question there is already"
    assert overlap().reason("Why so very sad?") == ""
