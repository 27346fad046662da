"""Published trade-offs from next to the folder of runs, and pairs of ordinary runs of an effect and a cost."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaderboard.row import dataset_of
from leaderboard.text import value
from steerbench.contracts.roles import UNSTEERED
from steerbench.errors import UserError
from steerbench.publishing.schema import Published
from steerbench.publishing.tradeoff_schema import PublishedTradeoff, folder_beside, read_published_tradeoff
from steerbench.running.strengths import chosen_in

NAMED = 5
"""Maximum refused trade-offs named in one error."""


@dataclass(frozen=True)
class EffectAndCost:
    """A run that measured an effect and one that measured a cost, at the same strengths of the same methods."""

    effect: Published
    cost: Published

    @property
    def methods(self) -> list[str]:
        """The methods with a value in both runs, and the unsteered model; other trivial rows steer nothing.

        A prompt is left out if the cost was measured with another wording than calibration chose.
        """
        return [
            name
            for name, row in self.effect.methods.items()
            if (name == UNSTEERED or not row.trivial)
            and all(_headline(run, name) is not None for run in self.runs)
            and _same_row(*self.runs, name)
        ]

    @property
    def runs(self) -> tuple[Published, Published]:
        return self.effect, self.cost

    def at(self, method: str) -> tuple[float, float]:
        """A method's effect and cost: the headlines of the two boards."""
        effect, cost = (_headline(run, method) for run in self.runs)
        assert effect is not None
        assert cost is not None
        return effect, cost

    def front(self) -> list[str]:
        """The undominated methods by increasing effect: no other is as good in both and better in one."""
        sides = [1 if run.higher_is_better else -1 for run in self.runs]
        good = {name: [sign * at for sign, at in zip(sides, self.at(name), strict=True)] for name in self.methods}

        def beaten(name: str) -> bool:
            own = good[name]
            return any(other[0] >= own[0] and other[1] >= own[1] and other != own for other in good.values())

        return sorted((name for name in good if not beaten(name)), key=lambda name: self.at(name))


def read_tradeoffs(results: Path, runs: Sequence[Published]) -> list[PublishedTradeoff]:
    """The published trade-offs next to the folder of runs, by name; none if there is no such folder.

    Raises:
        UserError: one cannot be read, or names a run that is not published.
    """
    ids = {run.id for run in runs}
    tradeoffs, refused = [], []
    for path in sorted(folder_beside(results).glob("*.json")):
        try:
            tradeoff = read_published_tradeoff(path)
            if lacking := [id for id in tradeoff.runs if id not in ids]:
                raise UserError(f"{path} names the run '{lacking[0]}', which is not among the published runs.")
            tradeoffs.append(tradeoff)
        except UserError as error:
            refused.append(str(error))
    if refused:
        more = f" And {len(refused) - NAMED} more." if len(refused) > NAMED else ""
        raise UserError(" ".join(refused[:NAMED]) + more)
    return tradeoffs


def doses_of(tradeoffs: Iterable[PublishedTradeoff]) -> dict[str, PublishedTradeoff]:
    """The trade-off of each of its runs. Such a run does not show a method at its best strength."""
    return {id: tradeoff for tradeoff in tradeoffs for id in tradeoff.runs}


def pairs_of(runs: Sequence[Published]) -> list[EffectAndCost]:
    """Pairs of an effect and a cost run outside trade-offs, in the order of the effect's board and model.

    A cost run that fits several runs of one board, because they chose the same strengths, is left out.
    """
    effects = [run for run in runs if not run.measures_cost and run.plan.protocol == "strict"]
    found = []
    for cost in runs:
        if not cost.measures_cost or not (cost.plan.strengths or cost.plan.strength is not None):
            continue
        by_board: defaultdict[tuple[str, str], list[Published]] = defaultdict(list)
        for effect in effects:
            if effect.plan.task != cost.plan.task and _same_strengths(effect, cost):
                by_board[effect.plan.task, dataset_of(effect)].append(effect)
        found += [EffectAndCost(those[0], cost) for those in by_board.values() if len(those) == 1]
    steered = [pair for pair in found if len(set(pair.methods) - {UNSTEERED}) > 0]
    return sorted(steered, key=lambda pair: tuple(_order(pair)))


def _same_strengths(effect: Published, cost: Published) -> bool:
    """Whether a cost was measured on the effect's model and at its strengths."""
    if effect.model != cost.model or effect.identity.get("engine") != cost.identity.get("engine"):
        return False
    if cost.plan.strengths:
        return cost.plan.strengths == chosen_in(effect.methods).strengths
    return cost.plan.strength == effect.plan.strength


def _same_row(effect: Published, cost: Published, name: str) -> bool:
    one, other = effect.methods[name], cost.methods[name]
    worded = all(one.wordings.get(target, 0) == other.wordings.get(target, 0) for target in other.strengths)
    return one.settings == other.settings and worded


def _order(pair: EffectAndCost) -> Iterator[str]:
    yield from (pair.effect.plan.task, dataset_of(pair.effect), pair.effect.model, pair.effect.id)
    yield from (pair.cost.plan.task, pair.cost.id)


def _headline(run: Published, method: str) -> float | None:
    row = run.methods.get(method)
    return value(next(iter(row.metrics.values()), None)) if row else None
