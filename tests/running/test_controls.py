"""Controls, the only rows that see the answers they are asked for: who is shown what, and when."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
from steerbench_testkit import TESTED, Silent, ToyTask, Words

from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Answer, Item
from steerbench.errors import UserError
from steerbench.plugins.composed import Composed
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan, PlanRow
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute

PLAN = Plan(methods=("toy-words",), task="toy", model="toy-model", engine="toy", budget=2, trivial=False)


@dataclass
class Told(Silent):
    """Says to every item what the answer to it is, and notes what it was handed."""

    name: str = "told"
    handed: list = field(default_factory=list)

    def reveal(self, targets, answers):
        self.handed.append(answers)
        return [
            Steering(by_item={item.id: PromptChange(f"It is {tick}.") for item, tick in answers[t.id].items()})
            for t in targets
        ]


class Revealing(ToyTask):
    """Its control is asked the first two of the items that measure."""

    baselines: ClassVar = {"told": "control", "toy-silent": "unsteered"}

    def answers(self, target):
        assert self.unsealed, "answers were asked for while they were sealed"
        return {item: self.tick(target.id, item) for item in TESTED[:2]}

    def unread(self, metrics):
        return ""


@dataclass
class Spy(Words):
    """A method that keeps all it is ever handed."""

    name: str = "spy"
    handed: list = field(default_factory=list)

    def fit(self, engine, targets):
        self.handed += targets
        return super().fit(engine, targets)


def prepared(*rows):
    found = prepare(PLAN)
    return replace(found, task=Revealing(), rows=[PlanRow(m.name, m, {m.name: {}}, role) for m, role in rows])


def test_a_control_is_asked_what_it_was_shown_and_each_item_after_its_own_words(tmp_path):
    run = prepared((Told(), "control"))
    execute(run, tmp_path)
    asked = sorted(request.prompt.start for request in run.engine.asked)
    task = run.task
    people = ["p0", "p1", "p2"]
    assert asked == sorted({f"It is {task.tick(p, i)}.|{i.text}" for p in people for i in TESTED[:2]})
    assert len(read_samples(tmp_path)) == len(people) * 2
    assert not (tmp_path / "steerings").exists()


def test_a_method_beside_a_control_is_never_handed_an_answer_that_measures(tmp_path):
    told, spy = Told(), Spy()
    execute(prepared((told, "control"), (spy, None)), tmp_path)
    assert [set(answers) for answers in told.handed] == [{"p0", "p1", "p2"}]
    shown = {answer.item for target in spy.handed for answer in target.shown}
    assert spy.handed
    assert not shown & set(TESTED)


def test_a_run_with_a_control_goes_on_with_the_same_words(tmp_path):
    first = execute(prepared((Told(), "control")), tmp_path / "one")
    run = prepared((Told(), "control"))
    execute(run, tmp_path / "two")
    (tmp_path / "two" / "run.json").unlink()
    again = prepared((Told(), "control"))
    assert execute(again, tmp_path / "two").methods == first.methods
    assert again.engine.asked == []


class StoppedError(RuntimeError):
    pass


def test_answers_are_handed_out_when_every_setting_is_frozen_and_not_before(tmp_path):
    class Sealed(Revealing):
        def unseal(self):
            raise StoppedError

    told = Told()
    run = prepared((told, "control"), (Words(), None))
    with pytest.raises(StoppedError):
        execute(replace(run, task=Sealed()), tmp_path)
    assert told.handed == []


def test_a_method_that_wants_answers_and_is_no_control_of_the_task_is_refused(monkeypatch):
    monkeypatch.setattr(Words, "reveal", Told.reveal, raising=False)
    with pytest.raises(UserError, match=r"^'toy-words' must be shown the answers it is asked for, which only a"):
        prepare(PLAN)


def test_a_control_cannot_be_composed():
    with pytest.raises(UserError, match="'told' is shown the answers it is asked for"):
        Composed("told+toy-words", (Told(), Words()))
    with pytest.raises(UserError, match="cannot be composed"):
        Steering(by_item={"i1": PromptChange("It is 1.")}) + Steering()


def test_what_is_said_before_one_item_comes_after_what_is_said_before_all(tmp_path):
    one, other = Item("i1", "One."), Item("i2", "Two.")
    shown = Answer(one, 5)
    steering = Steering(prompt=PromptChange("All."), by_item={"i1": PromptChange("One.", (shown,))})
    assert steering.at(one).prompt == PromptChange("All.\n\nOne.", (shown,))
    assert steering.at(other).prompt == PromptChange("All.")
    assert steering.scaled(0.5).at(one).prompt == steering.at(one).prompt
    assert not steering.at(one).by_item


def test_what_is_said_before_single_items_is_in_no_steering_file(tmp_path):
    with pytest.raises(UserError, match="says something else before every item, as controls do"):
        Steering(by_item={"i1": PromptChange("One.")}).save(tmp_path / "one.safetensors")
    assert Steering(by_item={"i1": PromptChange("One.")}).digest != Steering().digest
