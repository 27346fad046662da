"""Holds a task to its contract."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from steerbench.contracts import Continued, Request, Sampling, Score, Split, Task
from steerbench.contracts.edits import Add
from steerbench.contracts.edits.checks import is_number
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.testing.answers import Place, outcomes, scored
from steerbench.testing.boards import check_board
from steerbench.testing.findings import Findings
from steerbench.testing.subjects import subject

T = TypeVar("T")

TARGETS, ITEMS = 4, 10
"""Asked for: so many targets, and so many items of each."""
ALL = 10**9
WORDS = "Speak as a lighthouse keeper would."


def check_task(task: str | type | Task, *, parameters: Mapping[str, Any] | None = None) -> None:
    """Hold a task (its registered name, its class or an instance that is still sealed) to what the harness asks of one.

    No model is asked: the task is given answers of every kind that an engine can give, readable and not. Its board is
    made of all its items, as in a run; make a large task small by its `parameters`.

    Raises:
        AssertionError: it breaks its contract; every way in which it does is listed.
        UserError: nothing has that name, it takes no such parameter, or its data cannot be had.
    """
    what, build = subject("task", task, parameters or {})
    with Findings(what) as found:
        sealed: Task = copy.deepcopy(build())
        opened: Task = copy.deepcopy(sealed)
        found.expect_identity(sealed.identity(), build().identity())
        found.expect(isinstance(sealed.sampling, Sampling), f"`sampling` is {sealed.sampling!r}, and no Sampling")
        opened.unseal()
        same = opened.identity() == sealed.identity()
        found.expect(same, "`unseal` changes the identity; let it open the answers and nothing else")
        with found.during("handing out targets and items"):
            _check_targets(found, sealed, opened)
        if found.sentences:
            return
        places: list[Place] = []
        with found.during("`request`"):
            places = list(_places(opened, TARGETS, ITEMS))
            _check_requests(found, opened, places)
        if found.sentences:
            return
        _check_sealing(found, sealed, places)
        _check_scores(found, opened, places)
        _check_second_stage(found, opened, places)
        check_board(found, opened, list(_places(opened, ALL, ALL)))


def _check_targets(found: Findings, sealed: Task, opened: Task) -> None:
    splits = [Split.CALIBRATION, Split.TEST] if sealed.chooses_strengths else [Split.TEST]
    ids = {split: [target.id for target in opened.targets(split)] for split in splits}
    for split, those in ids.items():
        found.expect(bool(those), f"`targets` of {split} is empty; name whom to steer towards")
        found.expect(len({*those}) == len(those), f"two targets of {split} have the same id")
    found.expect(len({tuple(those) for those in ids.values()}) == 1, f"the splits have different targets: {ids}")
    for target in opened.targets(Split.TEST):
        asked = {split: [item.id for item in opened.items(target, split)] for split in splits}
        for split, those in asked.items():
            found.expect(bool(those), f"`items` of '{target.id}' for {split} is empty")
            twice = sorted({one for one in those if those.count(one) > 1})
            found.expect(not twice, f"`items` of '{target.id}' for {split} has the ids {twice} twice")
        both = sorted({*asked.get(Split.CALIBRATION, ())} & {*asked[Split.TEST]})
        found.expect(not both, f"the items {both} of '{target.id}' are in both splits; an item calibrates or tests")


def _places(task: Task, targets: int, items: int) -> Iterator[Place]:
    for target in _spread(task.targets(Split.TEST), targets):
        for item in _spread(task.items(target, Split.TEST), items):
            yield Place(target, item, task.request(item, target, UNSTEERED))


def _spread(those: Sequence[T], most: int) -> list[T]:
    """So many of them, from all of the list: its first may be of one kind."""
    return [those[place * len(those) // most] for place in range(most)] if len(those) > most else list(those)


def _check_requests(found: Findings, task: Task, places: Sequence[Place]) -> None:
    edited = Steering((Add("resid", 0, np.ones(4, np.float32)),), PromptChange(WORDS))
    for place in places:
        where = f"the request for item '{place.item.id}'"
        asked, again = (task.request(place.item, place.target, edited) for _ in range(2))
        if not found.expect(isinstance(asked, Request), f"{where} is a {type(asked).__name__}, and no Request"):
            return
        told = " ".join([asked.prompt.start, *(content for _, content in asked.prompt.messages)])
        found.expect(bool(told.strip()), f"{where} has an empty prompt")
        found.expect(asked.steering.edits == edited.edits, f"{where} leaves out the steering's edits; pass it on")
        found.expect(WORDS in told, f"{where} leaves out `steering.prompt`; put its `as_message()` before the item")
        found.expect(WORDS not in str(place.request.prompt), f"{where} has the words of another steering")
        found.expect((asked.prompt, asked.options) == (again.prompt, again.options), f"{where} is not the same twice")
        found.expect(len({*asked.options}) == len(asked.options), f"{where} has an option twice: {asked.options}")


def _check_sealing(found: Findings, sealed: Task, places: Sequence[Place]) -> None:
    """A task that chooses strengths keeps its test items, or what answers to them are worth, until that is done."""
    if not sealed.chooses_strengths:
        return
    place = places[0]
    try:
        sealed.items(place.target, Split.TEST)
        sealed.score(place.item, place.target, outcomes(place.request)[0])
    except Exception:
        return
    found.expect(False, "test items are handed out and scored before `unseal` was called; raise a RuntimeError there")


def _check_scores(found: Findings, task: Task, places: Sequence[Place]) -> None:
    losses = 0
    for place in places:
        for outcome in outcomes(place.request):
            call = f"`score` of item '{place.item.id}' for {outcome}"
            with found.during(call):
                score = scored(found, task, place, outcome)
                if score is not None:
                    losses += score.loss is not None
                    _check_score(found, call, score)
    some = losses > 0 or not task.chooses_strengths or bool(found.sentences)
    found.expect(some, "no answer has a loss, so no strength can be chosen; give one, or say chooses_strengths = False")


def _check_score(found: Findings, call: str, score: Score) -> None:
    if score.loss is None:
        told = bool(score.unscored or score.record)
        found.expect(told, f"{call} gives no loss, no record and no reason; say why in `unscored`")
    else:
        found.expect(is_number(score.loss), f"{call} gives the loss {score.loss!r}; a loss is a finite number")
        alone = score.unscored in ("", UNFINISHED)  # the harness adds that an answer never left its thoughts
        found.expect(alone, f"{call} gives a loss and a reason for having none ({score.unscored!r})")
    found.expect(score.cost is None or is_number(score.cost), f"{call} gives the cost {score.cost!r}, and no number")
    found.expect_json(dict(score.record), f"{call} gives a record that")


def _check_second_stage(found: Findings, task: Task, places: Sequence[Place]) -> None:
    if not isinstance(task, Continued):
        return
    for place in places:
        call = f"`follow_up` of item '{place.item.id}'"
        for said in outcomes(Request(place.request.prompt)):
            with found.during(call):
                asked = task.follow_up(place.item, place.target, UNSTEERED, said)  # type: ignore[arg-type]
                right = asked is None or (isinstance(asked, Request) and not asked.options)
                found.expect(right, f"{call} gave {asked!r}; it is a Request without options, or None")
