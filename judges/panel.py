"""The judge `panel`: the mean of several judges' standardised ratings.

Judges use the scale of 1 to 5 differently: one rates everybody about 4, another spreads its ratings. So each member's
ratings are standardised by its ratings of fixed texts: the answers in `axis_answers.csv`, ten per trait and end. The
run's own ratings are not used, so a verdict does not depend on what else is rated. The trait's mean is subtracted. The
difference is divided by one standard deviation within traits, the same for all traits, so that a member has little
weight on a trait whose ends it hardly separates. A member rates these texts once; its verdicts are kept in the user's
cache, by its identity.

rating = 1 + 4 * sigmoid(mean of the members' standardised ratings)

So an answer that all members rate like their average text is rated 3, and near there one standard deviation is one
point. Without a rating from every member the panel has none, because a mean of the others would be on another scale.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from pydantic.dataclasses import dataclass

from judges.texts import PoleAnswer, answers
from steerbench.contracts import Case, Engine, Judge, Usage, Verdict
from steerbench.contracts.targets import TRAITS
from steerbench.errors import UserError
from steerbench.judging.answers import without_thoughts
from steerbench.judging.panel import Panel
from steerbench.plugins.code import judge_sources
from steerbench.plugins.plugin import construct, resolve
from steerbench.records.verdicts import Verdicts
from steerbench.storage.files import cache_folder

FORMULA = "1 + 4 * sigmoid(mean of the members' (rating - the trait's mean) / sd on the fixed texts)"
DRAWN = 64
"""Cases drawn at once; every member rates them before the next are drawn."""


LEAST = 0.01
"""Ratings with a smaller standard deviation than this count as all alike."""


class Scale(NamedTuple):
    """Mean of a member's ratings of the fixed texts on one trait, and their standard deviation within traits."""

    mean: float
    sd: float


Scales = Mapping[str, Scale]
"""By trait."""


@dataclass(frozen=True)
class JudgePanel(Judge):
    """Rates traits with the comma-separated `judges`. Those that have a parameter `model` get this one.

    Raises:
        UserError: a judge does not exist, is named twice, needs the evaluated model or does not rate all five traits.
    """

    judges: str = "axis,local-llm"
    model: str | None = None
    allow_self_judge: bool = False

    name = "panel"
    qualities = frozenset(TRAITS.values())
    needs_model = False

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if len(names) < 2 or len(set(names)) < len(names):
            raise UserError(f"A panel needs two different judges or more; panel.judges is '{self.judges}'.")
        for member in self.members:
            if member.needs_model or not self.qualities <= frozenset(member.qualities):
                raise UserError(
                    f"The judge '{member.name}' cannot be in a panel: "
                    "a member rates all five traits without the evaluated model."
                )

    @cached_property
    def members(self) -> Sequence[Judge]:
        return [self._member(name.strip()) for name in self.judges.split(",")]

    def _member(self, name: str) -> Judge:
        takes_it = self.model is not None and "model" in resolve("judge", name).parameters
        built: Judge = construct("judge", name, {"model": self.model} if takes_it else {})
        return built

    @property
    def engine(self) -> str:
        """The engine that a member loads for itself; "" if none does."""
        return next((member.engine for member in self.members if member.engine), "")

    @property
    def priced(self) -> bool:
        return all(member.priced for member in self.members)

    @property
    def built_on(self) -> frozenset[str]:
        return frozenset().union(*(member.built_on for member in self.members))

    def identity(self) -> Mapping[str, str]:
        """The members' identities and sources under their names, and a digest of the fixed texts."""
        told = {"rating": FORMULA, "standardised on": _digest(answers())}
        for member in self.members:
            told |= {f"{member.name}: {key}": value for key, value in member.identity().items()}
            told[f"{member.name}: code"] = judge_sources(member)
        return told

    @without_thoughts
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """As in the contract. The members' scales are measured first, if they are not cached.

        Raises:
            UserError: a member fails, or cannot rate one of the fixed texts.
        """
        numbered = enumerate(cases)
        while drawn := list(islice(numbered, DRAWN)):
            asked = [case for _, case in drawn]
            said = {member.name: _rated(member, asked) for member in self.members}
            yield {
                place: self._verdict(case.quality, {name: verdicts[i] for name, verdicts in said.items()})
                for i, (place, case) in enumerate(drawn)
            }

    @cached_property
    def _scales(self) -> Mapping[str, Scales]:
        return {member.name: scales_of(member) for member in self.members}

    def _verdict(self, quality: str, said: Mapping[str, Verdict]) -> Verdict:
        usage = sum((verdict.usage for verdict in said.values()), Usage())
        if unscored := [name for name, verdict in said.items() if verdict.rating is None]:
            return Verdict(None, f"{unscored[0]}: {said[unscored[0]].unscored}", usage=usage)
        details = {
            name: {"rating": verdict.rating, **self._scales[name][quality]._asdict()} for name, verdict in said.items()
        }
        return Verdict(rating(details), details={"members": details}, usage=usage)

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """How a verdict contradicts its members' ratings; "" if it does not."""
        if verdict.rating is None or identity.get("rating") != FORMULA:
            return ""
        try:
            again = rating(verdict.details["members"])
        except (KeyError, TypeError, AttributeError, ZeroDivisionError):
            return "its details have no ratings of the members"
        return "" if abs(again - verdict.rating) < 1e-6 else f"its members' ratings come to {again:.4g}"


def rating(members: Mapping[str, Mapping[str, Any]]) -> float:
    """From 1 to 5, by each member's rating, mean and standard deviation."""
    standardised = [(said["rating"] - said["mean"]) / said["sd"] for said in members.values()]
    return 1 + 4 / (1 + math.exp(-sum(standardised) / len(standardised)))


def scales_of(member: Judge) -> Scales:
    """A member's scale on each trait. Its verdicts on the fixed texts are kept in the user's cache.

    Raises:
        UserError: the member leaves a fixed text unrated, or rates all of them alike.
    """
    asked = answers()
    with Verdicts.in_file(cache_folder() / "judge-scales.sqlite") as kept:
        cases = [Case("", TRAITS[one.trait], one.question, one.text) for one in asked]
        verdicts = Panel({"": member}, None, kept).rate(cases)
    of_traits = [[v.rating for one, v in zip(asked, verdicts, strict=True) if one.trait == trait] for trait in TRAITS]
    if any(rating is None for ratings in of_traits for rating in ratings):
        raise UserError(f"The judge '{member.name}' cannot be in a panel: it leaves some of the fixed texts unrated.")
    measured = np.array(of_traits, dtype=np.float64)
    sd = float(np.sqrt(measured.var(axis=1).mean()))
    if sd < LEAST:
        raise UserError(f"The judge '{member.name}' cannot be in a panel: it rates all of the fixed texts alike.")
    return {quality: Scale(float(mean), sd) for quality, mean in zip(TRAITS.values(), measured.mean(1), strict=True)}


def _rated(judge: Judge, cases: Sequence[Case]) -> list[Verdict]:
    found: dict[int, Verdict] = {}
    for batch in judge.rate(cases, None):
        found |= batch
    return [found[place] for place in range(len(cases))]


def _digest(texts: Sequence[PoleAnswer]) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
