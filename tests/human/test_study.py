import json
from collections import Counter
from html.parser import HTMLParser

import pytest

from steerbench.errors import UserError
from steerbench.human.page import render
from steerbench.human.study import make_study, read_key, write_key
from tests.human.synthetic import METHODS, sources, study


class Scripts(HTMLParser):
    """What a browser finds in the page's scripts, by their id."""

    def __init__(self):
        super().__init__()
        self.found, self._in = {}, None

    def handle_starttag(self, tag, attributes):
        self._in = dict(attributes).get("id", "code") if tag == "script" else None

    def handle_data(self, data):
        if self._in is not None:
            self.found[self._in] = self.found.get(self._in, "") + data

    def handle_endtag(self, tag):
        self._in = None


def data_of(page):
    parser = Scripts()
    parser.feed(page)
    return json.loads(parser.found["study"])


@pytest.mark.parametrize("mode", ["rank", "compare"])
def test_the_page_names_no_method_rating_run_or_judge(mode):
    made = study(mode, ratings=lambda method, asked: 3.14159)
    page = render(made.page)
    for word in (*METHODS, "3.14159", "rating", "axis", "0" * 64, made.key.salt):
        assert word not in page
    assert data_of(page) == made.page


def test_the_key_says_whose_every_answer_of_the_page_is():
    made = study()
    for question in made.page["questions"]:
        key = made.key.questions[question["id"]]
        for answer in question["answers"]:
            (method,) = key.answers[answer["id"]].methods
            assert answer["text"] == f"answer {METHODS.index(method)} to {key.item} {key.target}"
        assert question["more"] == ("more extraverted" if key.high else "less extraverted")


def test_an_answer_s_place_in_the_page_does_not_tell_its_method():
    made = make_study(sources(questions=100), 200, "rank", 0)
    places = Counter()
    for question in made.page["questions"]:
        for place, answer in enumerate(question["answers"]):
            places[made.key.questions[question["id"]].answers[answer["id"]].methods[0], place] += 1
    assert sum(places.values()) == 200 * 3
    assert all(45 <= places[method, place] <= 90 for method in METHODS for place in range(3))


def test_the_same_seed_draws_the_same_study_and_another_one_another():
    assert study(seed=3) == study(seed=3)
    assert study(seed=3).key.study != study(seed=4).key.study


def test_who_has_the_texts_but_not_the_ratings_cannot_draw_the_order_again():
    assert study().key.salt != study(ratings=lambda method, asked: 3.1).key.salt


def test_answers_in_the_same_words_are_shown_once():
    made = study(texts=lambda m, a: f"same {a}" if m != "no-method" else f"other {a}")
    for question in made.key.questions.values():
        assert sorted(sorted(shown.methods) for shown in question.answers.values()) == [
            ["no-method"],
            ["strong-method", "weak-method"],
        ]


def test_a_question_that_all_answer_alike_is_not_asked():
    made = study(texts=lambda m, a: "alike" if a.item == "q0" else f"{m} {a}")
    assert {question.item for question in made.key.questions.values()} == {f"q{n}" for n in range(1, 6)}


def test_targets_take_turns():
    counts = Counter(question.target for question in study().key.questions.values())
    assert counts == {"extraversion+": 6, "extraversion-": 6}
    few = make_study(sources(questions=50), 7, "rank", 1)
    assert sorted(Counter(q.target for q in few.key.questions.values()).values()) == [3, 4]


def test_more_questions_than_there_are_is_an_error():
    with pytest.raises(UserError, match="only 12 questions"):
        make_study(sources(), 13, "rank", 0)


def test_ten_methods_cannot_be_ranked_but_can_be_compared():
    ten = [f"m{n}" for n in range(10)]
    made = sources(questions=1, methods=ten, texts=lambda m, a: f"{m} {a}")
    with pytest.raises(UserError, match="--mode compare"):
        make_study(made, None, "rank", 0)
    assert make_study(made, None, "compare", 0).key.screens == 2 * 45


def test_hostile_answers_lie_inert_in_the_page():
    hostile = "</script><script>alert(1)</script><!-- <script> ]]> & \u2028 \x00"
    made = study(texts=lambda m, a: f"{hostile} {m[0]} {a}")
    page = render(made.page)
    assert page.count("<script") == 2
    assert "<!-- " not in page.partition("<script")[2]
    assert data_of(page) == made.page


def test_a_key_survives_a_round_trip_and_a_changed_one_is_refused(tmp_path):
    key = study().key
    path = tmp_path / "study-key.json"
    write_key(key, path)
    write_key(key, path)
    assert read_key(path) == key
    path.write_text(path.read_text().replace('"strong-method"\n', '"weak-method"\n', 1))
    with pytest.raises(UserError, match=r"study-key\.json was changed"):
        read_key(path)


def test_another_study_s_key_is_not_written_over(tmp_path):
    write_key(study(seed=1).key, tmp_path / "key.json")
    with pytest.raises(UserError, match="key of another study"):
        write_key(study(seed=2).key, tmp_path / "key.json")


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, '{"study": "x"}', "\xff"])
def test_what_is_no_key_is_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "key.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"key\.json is not the key of a study"):
        read_key(tmp_path / "key.json")
