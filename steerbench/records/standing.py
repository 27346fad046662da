"""A method's standing: what its tests show. Tables, reports and the site all use these words.

A method *moves the model* if it beats the unsteered model and the placebo. It *beats constants* if it beats every row
that ignores the target. It *beats the reference* if it beats every statistical prediction from the target's answers.
Each is an intersection-union test: every p must be below .05, without correction, because all must hold (Berger 1982).
That a method is *worse* than some row may hold for any of them, so it is Holm-corrected.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

from pydantic import Field

from steerbench.contracts import FEWEST, Role
from steerbench.contracts.roles import CONSTANT, PLACEBO, REFERENCE, UNSTEERED
from steerbench.storage.json_models import FrozenModel

SIGNIFICANT = 0.05
MOVES: tuple[Role, ...] = (UNSTEERED, PLACEBO)

State = Literal["tested", "off", "too few", "cannot tell", "not tested"]


class ComparisonLike(Protocol):
    """The fields that `contracts.Comparison` and `results.ComparisonRecord` share."""

    @property
    def against(self) -> str: ...
    @property
    def difference(self) -> float | None: ...
    @property
    def p(self) -> float | None: ...
    @property
    def p_holm(self) -> float | None: ...
    @property
    def n(self) -> int: ...
    @property
    def smallest(self) -> float | None: ...


class Standing(FrozenModel):
    """How a method stands on its board.

    `moves`, `constants` and `reference` are None where the board has no such row. `not_better` names the rows that the
    method does not significantly beat, `worse` those that significantly beat it. `measures_cost`: the task measures
    what steering damages, so no loss is the best result; `smallest` is the loss against the unsteered model that the
    test detects with 80 % power. `why` is the reason for "cannot tell", or for doubt. `steered` of `targets` have a
    nonzero strength. `over` names the units of the tests.
    """

    state: State
    why: str = ""
    moves: bool | None = None
    constants: bool | None = None
    reference: bool | None = None
    not_better: list[str] = Field(default_factory=list)
    worse: list[str] = Field(default_factory=list)
    measures_cost: bool = False
    smallest: float | None = None
    steered: int
    targets: int
    over: str = "targets"

    @property
    def words(self) -> str:
        """The standing in one sentence without its full stop."""
        if self.state == "off":
            return "off: calibration chose strength 0 for every target"
        if self.state == "too few":
            return f"too few {self.over} for any difference to be significant"
        if self.state == "cannot tell":
            return f"cannot tell: {self.why}"
        if self.state == "not tested":
            return "not tested: no row to compare with"
        found = "; ".join(self._findings())
        return f"{found}, though {self.why}" if self.why else found

    def _findings(self) -> Iterator[str]:
        if self.measures_cost and not self.worse:
            found = "" if self.smallest is None else f" (one of {self.smallest:.2g} would be, four times in five)"
            yield f"no loss found{found}"
            return
        if self.worse:
            yield f"worse than {', '.join(self.worse)}"
        shown = [self.reference, self.constants, self.moves]
        named = ["beats the reference", "beats constants", "moves the model"]
        yield from (words for holds, words in zip(shown, named, strict=True) if holds)
        if rest := [name for name in self.not_better if name not in self.worse]:
            yield f"not better than {', '.join(rest)}"

    @property
    def shown(self) -> bool:
        """Whether the method beats every row of the board or, on a cost task, shows no loss."""
        if self.state != "tested":
            return False
        return not self.worse and (self.measures_cost or not self.not_better)


def standing_of(
    comparisons: Sequence[ComparisonLike],
    roles: Mapping[str, Role],
    strengths: Mapping[str, float],
    cannot_tell: str = "",
    measures_cost: bool = False,
    over: str = "targets",
    doubt: str = "",
) -> Standing:
    """The standing of a method from its comparisons with the rows that have a role.

    A non-empty `cannot_tell` overrides every test. `doubt` does so unless the method is shown to move the model.
    """
    tests = [one for one in comparisons if one.against in roles]
    steered = sum(strength != 0 for strength in strengths.values())
    base = Standing(state="tested", measures_cost=measures_cost, steered=steered, targets=len(strengths), over=over)
    if strengths and not steered:
        return base.model_copy(update={"state": "off"})
    if cannot_tell:
        return base.model_copy(update={"state": "cannot tell", "why": cannot_tell})
    if not tests:
        return base.model_copy(update={"state": "not tested"})
    if max(one.n for one in tests) < FEWEST:
        return base.model_copy(update={"state": "too few"})

    def beats(*wanted: Role) -> bool | None:
        of_role = [one for one in tests if roles[one.against] in wanted]
        return all(map(is_better, of_role)) if of_role else None

    moves = beats(*MOVES)
    if doubt and not (moves and {roles[one.against] for one in tests} >= set(MOVES)):
        return base.model_copy(update={"state": "cannot tell", "why": doubt})
    losses = [one.smallest for one in tests if roles[one.against] == UNSTEERED]
    return base.model_copy(
        update={
            "why": doubt,
            "moves": moves,
            "constants": beats(CONSTANT),
            "reference": beats(REFERENCE),
            "not_better": [one.against for one in tests if not is_better(one)],
            "worse": [one.against for one in tests if is_worse(one)],
            "smallest": losses[0] if measures_cost and losses else None,
        }
    )


def is_better(one: ComparisonLike) -> bool:
    """Whether the loss is significantly lower than the other row's; p is uncorrected (see the module)."""
    return one.p is not None and one.p < SIGNIFICANT and one.difference is not None and one.difference < 0


def is_worse(one: ComparisonLike) -> bool:
    """Whether the loss is significantly higher than the other row's; p is Holm-corrected over all comparisons."""
    return one.p_holm is not None and one.p_holm < SIGNIFICANT and one.difference is not None and one.difference > 0
