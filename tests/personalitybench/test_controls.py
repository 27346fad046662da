"""PersonalityBench's controls: a deaf judge judges nobody; where words move no model, nothing found says nothing."""

import pytest

from methods.description_prompt import DescriptionPrompt
from steerbench import bank
from steerbench.contracts import Scored
from steerbench.contracts.targets import Blend, Respondent, TraitPole
from steerbench.errors import UserError
from steerbench.plugins.composed import fit
from tasks.personalitybench.metrics import ROLES, summarise
from tests.personalitybench.test_metrics import grid

LOW, HIGH = TraitPole("N", False), TraitPole("O", True)


def said(**rows: list[Scored]) -> str:
    """Why no method can be judged, or why it is doubtful whether one can."""
    found = summarise({name.replace("_", "-"): row for name, row in rows.items()}, 0)
    return found.cannot_tell or found.doubt


def test_a_pole_is_described_by_the_bank_and_a_blend_by_each_of_its_poles() -> None:
    first, second, both = fit(DescriptionPrompt(), None, [LOW, HIGH, Blend((LOW, HIGH))])  # type: ignore[arg-type]
    assert first.prompt.system.endswith(bank.descriptions("N", False)[0])
    assert second.prompt.system.endswith(bank.descriptions("O", True)[0])
    assert both.prompt.system == f"{first.prompt.system}\n\n{second.prompt.system}"
    with pytest.raises(UserError, match="description-prompt has no description of 'p1'"):
        DescriptionPrompt().fit(None, [Respondent("p1", ())])


def test_a_judge_and_a_model_that_show_the_poles_leave_the_board_its_say() -> None:
    assert said(fixed_text=grid(1, lift=1.0), description_prompt=grid(2, lift=1.0)) == ""
    assert said() == ""


def test_a_judge_that_does_not_tell_the_poles_apart_judges_nobody() -> None:
    assert said(fixed_text=grid(1, lift=-1.0), description_prompt=grid(2, lift=1.0)).startswith("the judge cannot read")


def test_a_model_that_does_not_follow_a_description_leaves_it_in_doubt_what_nothing_means() -> None:
    found = summarise({"fixed-text": grid(1, lift=1.0), "description-prompt": grid(3, lift=-0.5)}, 0)
    assert found.doubt.startswith("the model does not follow even a description of the pole (separation -")
    assert not found.cannot_tell


def test_no_more_boards_of_unmoved_models_are_judged_than_may_be() -> None:
    judged = sum(said(description_prompt=grid(seed, questions=3)) == "" for seed in range(40))
    assert judged <= 5  # of 40, 2 are expected at most: more than 5 in one of 70 times


def test_too_few_questions_and_one_pole_alone_say_nothing() -> None:
    assert said(description_prompt=grid(1, questions=1, gaps=False, lift=-1.0)) == ""
    high = [one for one in grid(1, lift=-1.0) if one.target.endswith("+")]
    assert said(description_prompt=high) == ""


def test_a_control_is_no_row_to_beat() -> None:
    rows = {"m": grid(1), "unsteered": grid(2), "description-prompt": grid(3, lift=1.0), "fixed-text": grid(4)}
    summary = summarise(rows, 0)
    assert ROLES["description-prompt"] == "control"
    assert [one.against for one in summary.comparisons["m"]] == ["unsteered", "fixed-text"]
    assert "description-prompt" not in summary.comparisons
