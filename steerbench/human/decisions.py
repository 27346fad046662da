"""People's decisions as pairwise comparisons and as ranks, from which all figures are computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from steerbench.human.responses import Response
from steerbench.human.study import Key, StudyQuestion, pairs_of

Signs = Mapping[tuple[str, str], int]
"""One person's comparisons on one question, by pair of blind names in alphabetical order: +1 if the first is better,
-1 if the second is, 0 for no difference."""


@dataclass(frozen=True)
class QuestionDecisions:
    """One person's decisions on one question. `cluster` is the number of the question's text, shared by both poles."""

    annotator: int
    name: str
    question: StudyQuestion
    cluster: int
    signs: Signs

    @property
    def whole(self) -> bool:
        """Whether all pairs of answers were compared."""
        return len(self.signs) == len(pairs_of(list(self.question.answers)))

    def answer_ranks(self) -> dict[str, float]:
        """By blind name: the answer's rank (1 is best, ties share the mean)."""
        return _ranks(self.signs)

    def method_ranks(self) -> dict[str, float]:
        return _ranks(self.of_methods())

    def of_methods(self) -> dict[tuple[str, str], int]:
        """The signs by pair of methods in alphabetical order. Methods with the same answer count as no difference."""
        answer_of = {method: name for name, shown in self.question.answers.items() for method in shown.methods}
        found = {}
        for first, second in combinations(sorted(answer_of), 2):
            one, other = answer_of[first], answer_of[second]
            if one == other:
                found[first, second] = 0
            elif (one, other) in self.signs:
                found[first, second] = self.signs[one, other]
            elif (other, one) in self.signs:
                found[first, second] = -self.signs[other, one]
        return found


def judged(key: Key, responses: Sequence[Response]) -> list[QuestionDecisions]:
    """Every person's decisions, with questions in the key's order."""
    clusters = {item: place for place, item in enumerate(dict.fromkeys(q.item for q in key.questions.values()))}
    found = []
    for annotator, response in enumerate(responses):
        signs: dict[str, dict[tuple[str, str], int]] = {}
        for decision in response.answers:
            signs.setdefault(decision.question, {}).update(_signs(decision.order))
        for name, question in key.questions.items():
            if name in signs:
                found.append(QuestionDecisions(annotator, name, question, clusters[question.item], signs[name]))
    return found


def _ranks(signs: Signs) -> dict[str, float]:
    """Ranks from 1 (best); answers without a difference share the mean of their ranks."""
    places = {name: 1.0 for pair in signs for name in pair}
    for (first, second), sign in signs.items():
        places[first] += (1 - sign) / 2
        places[second] += (1 + sign) / 2
    return places


def _signs(order: Sequence[Sequence[str]]) -> dict[tuple[str, str], int]:
    place = {answer: rank for rank, group in enumerate(order) for answer in group}
    return {
        (first, second): (place[first] < place[second]) - (place[first] > place[second])
        for first, second in pairs_of(list(place))
    }
