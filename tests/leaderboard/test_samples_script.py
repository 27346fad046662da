"""The scripts that carry samples to the browser: what is in them, and that samples of strangers do no harm there."""

import json
import math

import polars as pl
import pytest

from leaderboard.build import build
from leaderboard.pages.samples import LONGEST
from steerbench.errors import UserError
from tests.leaderboard.made_up import put, run, samples

VERDICT = {"case": "0", "role": "trait", "quality": "a", "rating": 4.0, "unscored": "", "details": {"said": "4"}}


def changed(**values):
    """The samples of a run, the first row with other values; the row is of method pas, target a, item q0."""
    frame = samples(run("one"), items=2)
    rows = frame.rows(named=True)
    return pl.DataFrame([rows[0] | values, *rows[1:]], schema=frame.schema)


def built(tmp_path, frame):
    put(tmp_path / "results", run("one"), frame)
    build(tmp_path / "results", tmp_path / "site")
    return tmp_path / "site" / "runs" / "one"


def script(path):
    head, _, data = path.read_text(encoding="utf-8").removesuffix(");\n").partition(",")
    assert head == f'steerbenchData("runs/one/{path.name}"'
    return json.loads(data)


def test_answers_stand_in_the_order_of_the_questions(tmp_path):
    folder = built(tmp_path, samples(run("one"), items=2).sample(fraction=1, shuffle=True, seed=1))
    questions = script(folder / "questions.js")
    assert sorted(questions) == [[t, f"q{n}", f"What does q{n} ask?"] for t in "ab" for n in range(2)]
    for place, name in enumerate(("pas", "unsteered", "always-3")):
        answers = script(folder / f"method-{place}.js")
        assert [answer[0] for answer in answers] == [f"{name} answers {item} as {t}." for t, item, _ in questions]
        assert [answer[3] for answer in answers] == [0.5 * place + int(item[1:]) for _, item, _ in questions]
    assert answers[0][5] == [["trait", questions[0][0], 4.0, "", {"said": "4"}]]


def test_what_a_method_was_not_asked_is_left_out(tmp_path):
    folder = built(tmp_path, samples(run("one"), items=2)[1:])
    assert [answer is None for answer in script(folder / "method-0.js")].count(True) == 1
    assert None not in script(folder / "method-1.js")


def test_numbers_among_a_judges_words_are_rounded(tmp_path):
    told = [VERDICT | {"details": {"projection": 0.70833190922, "tokens": 100, "empty": False}}]
    folder = built(tmp_path, changed(verdicts=json.dumps(told)))
    words = script(folder / "method-0.js")[0][5][0][4]
    assert words == {"projection": "0.7083", "tokens": "100", "empty": "False"}


def test_log_likelihoods_that_are_no_numbers_and_long_texts_are_shown_inert(tmp_path):
    logprobs = [-1.0, -math.inf, math.nan, None]
    frame = changed(text=None, logprobs=logprobs, before="x" * 5000)
    folder = built(tmp_path, frame.with_columns(question=pl.lit("y" * 5000)))
    answer = script(folder / "method-0.js")[0]
    assert answer[0] == [-1.0, None, None, None]
    assert len(answer[1]) == len(script(folder / "questions.js")[0][2]) == LONGEST


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"method": "other"}, "answers for a method that the run does not have"),
        ({"method": None}, "has a row without method"),
        ({"target": None}, "has a row without target"),
        ({"strength": None}, "has a row without strength"),
        ({"unscored": None}, "has a row without unscored"),
        ({"strength": math.inf}, "has a strength that is not a number"),
        ({"loss": math.nan}, "has a loss that is not a number"),
        ({"tick": -math.inf}, "has a tick that is not a number"),
        ({"verdicts": "["}, "has a verdict of another format"),
        ({"verdicts": "[" * 90_000}, "has a verdict of another format"),
        ({"verdicts": '{"a": 1}'}, "has a verdict of another format"),
        ({"verdicts": "[1]"}, "has a verdict of another format"),
        ({"verdicts": "7"}, "has a verdict of another format"),
        *(
            ({"verdicts": json.dumps([VERDICT | change])}, "has a verdict of another format")
            for change in (
                {"rating": math.nan}, {"rating": 1e400}, {"rating": 10**500}, {"rating": "5"}, {"rating": True},
                {"details": None}, {"details": ["x"]},
            )
        ),
    ],
)  # fmt: skip
def test_samples_that_are_none_are_refused_by_name_and_nothing_is_built(tmp_path, values, complaint):
    with pytest.raises(UserError) as caught:
        built(tmp_path, changed(**values))
    assert str(caught.value) == f"samples.parquet of 'one' {complaint}."
    assert not (tmp_path / "site").exists()
