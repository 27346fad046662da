"""Has answers rated: each case once, by the judge of its role. Verdicts are stored before the next is requested."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from steerbench.contracts import Case, Engine, Judge, Verdict
from steerbench.contracts.progress import Progress, Silent
from steerbench.errors import UserError
from steerbench.judging.answers import rated_as_spoken
from steerbench.plugins.code import judge_sources
from steerbench.records.verdicts import Verdicts, case_key


@dataclass
class Panel:
    """A run's judges by role. `budget` is the most that their verdicts may cost, over all starts of the run.

    With `ask_again`, verdicts without a rating are requested once more. Others are reused.
    """

    judges: Mapping[str, Judge]
    engine: Engine | None
    verdicts: Verdicts
    budget: float | None = None
    ask_again: bool = False
    progress: Progress = field(default_factory=Silent)

    def __post_init__(self) -> None:
        # Roles with the same judge share it.
        self._each = list({id(judge): judge for judge in self.judges.values()}.values())
        for judge in self._each:
            if self.budget is not None and not judge.priced:
                raise UserError(
                    f"A judge budget needs prices, but the judge '{judge.name}' has none; "
                    f"give {judge.name}.price_in and {judge.name}.price_out (per million tokens) with --param."
                )
        for judge in self._each:
            # A judge that refuses this model does so here, before anything is generated.
            list(judge.rate((), self.engine))
        self._digests = {id(judge): verdicts_key(judge) for judge in self._each}
        self._spent = sum(self.verdicts.used(digest).cost for digest in set(self._digests.values()))

    def rate(self, cases: Sequence[Case], salt: str = "") -> list[Verdict]:
        """A verdict for each case. Verdicts with a `salt` are kept apart from those without.

        Raises:
            UserError: a judge fails, a case has a quality that its judge does not rate, or the budget is spent.
        """
        found: dict[str, Verdict] = {}
        for judge in self._each:
            found |= self._rated(judge, {case_key(c, salt): c for c in cases if self.judges[c.role] is judge})
        return [found[case_key(case, salt)] for case in cases]

    def _rated(self, judge: Judge, cases: Mapping[str, Case]) -> dict[str, Verdict]:
        for case in cases.values():
            if case.quality not in judge.qualities:
                raise UserError(
                    f"The judge '{judge.name}' does not rate {case.quality}; it rates "
                    f"{', '.join(sorted(judge.qualities))}."
                )
        digest = self._digests[id(judge)]
        found = self.verdicts.get(digest, cases)
        if self.ask_again:
            found = {key: verdict for key, verdict in found.items() if verdict.rating is not None}
        missing = [key for key in cases if key not in found]
        if not missing:
            return found
        self.progress.rated(0, len(missing))
        for batch in rated_as_spoken(judge.rate, self._within_budget(cases[key] for key in missing), self.engine):
            rated = {missing[place]: verdict for place, verdict in batch.items()}
            self.verdicts.put(digest, {key: (cases[key], verdict) for key, verdict in rated.items()})
            self._spent += sum(verdict.usage.cost for verdict in rated.values())
            found |= rated
            self.progress.rated(len(missing) - sum(key not in found for key in missing), len(missing))
        lacking = [key for key in missing if key not in found]
        if lacking and self._exhausted:
            raise UserError(
                f"The judge budget of {self.budget:g} is spent ({self._spent:.4g}); ratings so far are kept, and the "
                "same command with a higher --judge-budget goes on from there."
            )
        if lacking:
            raise RuntimeError(f"the judge '{judge.name}' gave no verdict on {len(lacking)} of its cases")
        return found

    def _within_budget(self, cases: Iterator[Case]) -> Iterator[Case]:
        for case in cases:
            if self._exhausted:
                return
            yield case

    @property
    def _exhausted(self) -> bool:
        return self.budget is not None and self._spent >= self.budget


def refuse_self_judging(judges: Mapping[str, Judge], evaluated: Mapping[str, str], model: str) -> None:
    """Refuses a judge that is the evaluated model, by weights or name, unless its `allow_self_judge` is true.

    `evaluated` is the identity of the evaluated model's engine. A judge with `members` is refused if one of them is
    the evaluated model.

    Raises:
        UserError: a judge is the evaluated model.
    """
    for judge in judges.values():
        if judge.allow_self_judge:
            continue
        if any(_is_evaluated(one, evaluated, model) for one in (judge, *judge.members)):
            raise UserError(
                f"The judge '{judge.name}' is the evaluated model itself ({model}); name another with "
                f"--param {judge.name}.model=NAME, or allow it with --allow-self-judge."
            )


def _is_evaluated(judge: Judge, evaluated: Mapping[str, str], model: str) -> bool:
    if judge.model == model:
        return True  # checked first, because the judge's identity may need its model loaded
    told = judge.identity()
    return told.get("weights", "?") == evaluated.get("weights") or told.get("model", "?") == model


def verdicts_key(judge: Judge) -> str:
    """The key of a judge's stored verdicts. A judge with changed sources has another key."""
    return judge_digest(judge, judge_sources(judge))


def judge_digest(judge: Judge, sources: str = "") -> str:
    """A hash (128 bits, hex) of a judge's identity and sources. In a published run the identity includes the
    sources."""
    told = {"name": judge.name, **judge.identity(), **({"code": sources} if sources else {})}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
