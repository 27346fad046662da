"""Letters, dates, choices by their text, yes and no: tables of hard cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.reasoning.answers import extract

PLACES = ("bank", "library", "department store", "mall", "new york")

LETTERS_BEHIND_THE_PROMPT = [
    ("B", "B"),
    (" B.", "B"),
    ("(B)", "B"),
    ("[B]", "B"),
    ("(B).", "B"),
    ("b)", "B"),
    ("b", "B"),
    ("(b)", "B"),
    ("a", "A"),
    ("A", "A"),
    ("A.", "A"),
    ('"A"', "A"),
    ("**B**", "B"),
    ("**(B) library**", "B"),
    ("\\text{B}", "B"),
    ("$\\boxed{B}$", "B"),
    ("B: library", "B"),
    ("B - library", "B"),
    ("B. library, because books are there", "B"),
    ("option b", "B"),
    ("the letter c, I think", "C"),
    (":\n\nA. bank", "A"),
    (":\n(C)", "C"),
    ("B, not A", "B"),
    ("not A but B", "B"),
    ("A bank", "A"),
    ("A because it is safe", "A"),
    ("A is right", "A"),
    ("E\n\nQ: What is A?", "E"),
    ("(C)\n\n(D) is wrong", "C"),
    ("D (mall)", "D"),
    ("(B) -49°C", "B"),
    ("49°C", None),
    ("(\u202fB )", "B"),
    ("A library", None),
    ("A dog can bark", None),
    ("a library", None),
    ("library", None),
    ("not B", None),
    ("neither", None),
    ("A and B", None),
    ("A or B", None),
    ("A, B or C", None),
    ("(A) and (C)", None),
    ("A/B", None),
    ("A) bank B) library C) mall", None),
    ("A) bank, B) library", None),
    ("F", None),
    ("(G)", None),
    ("E-mail", None),
    ("the B-52", None),
    ("C++", None),
    ("at 5 A.M.", None),
    ("D'Artagnan", None),
    ("Abe", None),
    ("", None),
    ("A then, or maybe F", None),
    ("B. No, wait: C", "C"),
    ("B. Wait,", None),
    ("anything but B", None),
    ("B is not right. C is.", "C"),
    ("(B) library is wrong, (D)", "D"),
    ("D rather than A", "D"),
    ("a person would go to (D)", "D"),
    ("Is it A? No, it is D.", "D"),
    ("\uff22", "B"),
    ("`b`", "B"),
    ("'B'", "B"),
]

LETTERS_IN_A_CHAIN = [
    ("A) is wrong. The answer is (B).", "B"),
    ("The correct answer is B. library", "B"),
    ("The correct option is D.", "D"),
    ("Answer: E", "E"),
    ("**Answer:** (E) new york", "E"),
    ("The answer is:\n\nD) mall", "D"),
    ("The answer is A. No, the answer is C.", "C"),
    ("The answer is not A. It is late. So it must be (B).", "B"),
    ("\\boxed{C}", "C"),
    ("Money is kept there. That leaves (A).", "A"),
    ("The answer is (C", "C"),
    ("A) bank: no.\nB) library: a place with books.", None),
    ("Either (A) or (B) fits.", None),
    ("A mall has many doors.", None),
    ("The answer is a mall.", None),
    ("The answer is (A) or (B).", None),
    ("I would say (B)", "B"),
]

DATES = ("05/01/2021", "06/12/2021", "12/06/2021", "01/25/2021")
DATES_BEHIND_THE_PROMPT = [
    ("(B)", "B"),
    ("B. 06/12/2021", "B"),
    ("(B) June 12, 2021", "B"),
    ("06/12/2021", "B"),
    ("6/12/2021.", "B"),
    ("(06/12/2021)", "B"),
    ("June 12, 2021", "B"),
    ("Jun. 12 2021", "B"),
    ("12 June 2021", "B"),
    ("the 12th of June 2021", "B"),
    ("December 6th, 2021", "C"),
    ("2021-06-12", "B"),
    ("25/01/2021", "D"),
    ("05/01/2021 (A)", "A"),
    ("07/07/2021", "07/07/2021"),
    ("July 7, 2021", "07/07/2021"),
    ("(A) 06/12/2021", None),
    ("(A) 05/01/2021 (B) 06/12/2021", None),
    ("05/01/2021 or 06/12/2021", None),
    ("June 2021", None),
    ("02/30/2021", None),
    ("13/13/2021", None),
    ("tomorrow", None),
]

MOODS = ("happy", "very happy", "sad", "wants to go home", "sad")
TEXTS_BEHIND_THE_PROMPT = [
    ("happy", "A"),
    ("Very happy.", "B"),
    ("sad", "C"),
    ("(E) sad", "E"),
    ("(C)", "C"),
    ("that she wants to go home", "D"),
    ("not sad but happy", "A"),
    ("(A) sad", None),
    ("happy and sad", None),
    ("unhappy", None),
    ("sadness", None),
    ("tired", None),
]

YES_NO_BEHIND_THE_PROMPT = [
    ("yes", "yes"),
    ("Yes,", "yes"),
    ("YES!", "yes"),
    ('"Yes".', "yes"),
    ("**No**", "no"),
    ("no.", "no"),
    ("No, it is not.", "no"),
    ("No it is not", "no"),
    ("No because coins turn", "no"),
    ("no\n\nThe coin says yes.", "no"),
    (":\n\nYes\n\nThe answer is:\n\nNo", "yes"),
    ("Yes, the coin is up. No doubt.", "yes"),
    ("(yes)", "yes"),
    ("yes or no: no", "no"),
    ("\\boxed{\\text{No}}", "no"),
    ("know", None),
    ("no one knows", None),
    ("there is no reason", None),
    ("no-one", None),
    ("nothing", None),
    ("yesterday", None),
    ("yes or no", None),
    ("Yes/No", None),
    ("Options: (1) Yes; (2) No;", None),
    ("not yes", None),
    ("heads up", None),
    ("", None),
    ("`No`", "no"),
    ("no\u3002", "no"),
    ("\uff2e\uff2f", "no"),
    ("\u00abNo\u00bb", "no"),
    ("'No'", "no"),
    ("no\u2026", "no"),
    ("No \u274c", "no"),
    ("<b>No</b>", "no"),
    ("Nope.", "no"),
    ("Yeah, it is", "yes"),
    ("Yes? No.", "no"),
    ("Yes. Wait, no.", "no"),
    ("No. Actually, yes.", "yes"),
    ("No. Wait", None),
    ('no "real" evidence', None),
    ("not a yes", None),
    ("I would not say yes", None),
    ("if yes, then", None),
]

YES_NO_IN_A_CHAIN = [
    ("Books have no wheels. The answer is no, they do not.", "no"),
    ("The answer is: yes.\n\nIt is a car.", "yes"),
    ("It flips twice. So yes, it is heads up.", "yes"),
    ("It flips once. To answer your question, no, it is not.", "no"),
    ("The answer is not no. The answer is yes", "yes"),
    ("There is no coin.", None),
    ("So the coin is still heads up.", None),
    ("So it is, yes", "yes"),
]


def reads(text: str, kind: str, choices: tuple[str, ...], stage: str, answer: str | None) -> None:
    reading = extract(text, kind, choices, stage)  # type: ignore[arg-type]
    assert reading.answer == answer
    assert bool(reading.reason) == (answer is None)


@pytest.mark.parametrize(("text", "answer"), LETTERS_BEHIND_THE_PROMPT)
def test_a_letter_behind_the_prompt_is_told_from_an_article_and_a_list(text: str, answer: str | None) -> None:
    reads(text, "letter", PLACES, "answer", answer)


@pytest.mark.parametrize(("text", "answer"), LETTERS_IN_A_CHAIN)
def test_a_letter_is_read_where_a_chain_says_its_answer(text: str, answer: str | None) -> None:
    reads(text, "letter", PLACES, "chain", answer)


@pytest.mark.parametrize(("text", "answer"), DATES_BEHIND_THE_PROMPT)
def test_a_date_names_its_choice_however_it_is_written(text: str, answer: str | None) -> None:
    reads(text, "text-letters", DATES, "answer", answer)


@pytest.mark.parametrize(("text", "answer"), TEXTS_BEHIND_THE_PROMPT)
def test_a_choice_may_be_named_by_its_text(text: str, answer: str | None) -> None:
    reads(text, "text-letters", MOODS, "answer", answer)


@pytest.mark.parametrize(("text", "answer"), YES_NO_BEHIND_THE_PROMPT)
def test_yes_and_no_are_told_from_other_uses_of_the_words(text: str, answer: str | None) -> None:
    reads(text, "yes-no", (), "answer", answer)


@pytest.mark.parametrize(("text", "answer"), YES_NO_IN_A_CHAIN)
def test_yes_or_no_is_read_where_a_chain_says_its_answer(text: str, answer: str | None) -> None:
    reads(text, "yes-no", (), "chain", answer)


@given(
    st.sampled_from("ABCDE"),
    st.sampled_from(["{}", "({})", "{}.", "{})", "**{}**", "[{}]", "option {}", "{}:", '"{}"', "\\boxed{{{}}}"]),
    st.sampled_from(["", " ", "\n\n", ":\n"]),
    st.booleans(),
)
def test_a_letter_is_read_back_however_it_is_written(letter: str, form: str, before: str, small: bool) -> None:
    written = form.format(letter.lower() if small and form in ("({})", "{})", "option {}", "{}") else letter)
    assert extract(before + written, "letter", PLACES).answer == letter
    chain = f"Some say A is good. The answer is {written}"
    assert extract(chain, "letter", PLACES, "chain").answer == letter


@given(st.dates(), st.sampled_from(["%m/%d/%Y", "%B %d, %Y", "%d %b %Y", "%Y-%m-%d"]))
def test_a_date_is_read_back_however_it_is_written(day: object, form: str) -> None:
    year = day.year  # type: ignore[attr-defined]
    if year < 1000:
        return
    written = day.strftime(form)  # type: ignore[attr-defined]
    shown = day.strftime("%m/%d/%Y")  # type: ignore[attr-defined]
    others = ("01/02/0500", "01/03/0500")
    assert extract(written, "text-letters", (others[0], shown, others[1])).answer == "B"
    assert extract(written, "text-letters", others).answer == shown
