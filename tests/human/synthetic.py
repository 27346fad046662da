"""Made-up sources and people, so that every figure of a study is known beforehand."""

import json
from pathlib import Path

from steerbench.human.responses import Decision, Response
from steerbench.human.sources import RatedAnswer, Sources, TargetQuestion
from steerbench.human.study import Study, make_study, pairs_of

METHODS = ("strong-method", "weak-method", "no-method")


def sources(questions=6, methods=METHODS, texts=None, ratings=None):
    """Each question under both ends; `texts` and `ratings` are by (method, asked), else telling and 3.0."""
    asked = [
        TargetQuestion(f"extraversion{'+' if high else '-'}", f"q{number}", "E", high, f"Question {number}?")
        for number in range(questions)
        for high in (True, False)
    ]
    text = texts or (lambda method, a: f"answer {METHODS.index(method)} to {a.item} {a.target}")
    rating = ratings or (lambda method, a: 3.0)
    said = {method: {a: RatedAnswer(text(method, a), rating(method, a)) for a in asked} for method in methods}
    return Sources({"run": "0" * 64}, "axis", said)


def study(mode="rank", seed=0, **told) -> Study:
    return make_study(sources(**told), None, mode, seed)


def respond(key, annotator, prefer, only=None):
    """A person who puts first whoever `prefer(question name, question, methods)` gives the most; equals are ties."""
    decisions = []
    for name, question in key.questions.items():
        if only is not None and name not in only:
            continue
        worth = {answer: prefer(name, question, shown.methods) for answer, shown in question.answers.items()}
        screens = [list(worth)] if key.mode == "rank" else [list(pair) for pair in pairs_of(list(worth))]
        for answers in screens:
            places = sorted({worth[a] for a in answers}, reverse=True)
            order = [[a for a in answers if worth[a] == place] for place in places]
            decisions.append(Decision(question=name, order=order, ms=1500))
    response = Response(format="steerbench-human-1", study=key.study, annotator=annotator, answers=decisions, check="")
    return response.model_copy(update={"check": response.own_check()})


def by_method(worth):
    """Prefers answers by their (first) method alone."""
    return lambda name, question, methods: worth[methods[0]]


def saved(response, path: Path, **changed) -> Path:
    path.write_text(json.dumps({**response.model_dump(), **changed}))
    return path
