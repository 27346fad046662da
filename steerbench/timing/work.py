"""What is timed: for each kind of work, a method's requests and the same requests without it.

Both sides of a round say the same "sheet" at the start of every target's prompts. Without it the unsteered
requests of all targets would be one and the same, and an engine that shares prefixes would compute them once; with
it both sides compute the same tokens in the same rows. Every round has sheets of its own, so that no engine
remembers a prompt from the round before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

from steerbench.contracts import Completion, Engine, Method, Request, Sampling, Split, Task
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Item, Target
from steerbench.errors import UserError
from steerbench.plugins.composed import fit
from steerbench.timing.recording import Call, Recorder
from steerbench.timing.schema import Group, Per, Sizes

Dial = Callable[[Steering, int, int], Steering]
"""A steering at the strength that request (or target) number so-and-so of so many is asked under."""

UNSTEERED_SIDE = "the same requests unsteered"


@dataclass(frozen=True)
class Work:
    """One side of a round: the requests it comes to, and how to do it; what was generated comes back."""

    requests: Sequence[Request]
    do: Callable[[], Sequence[Completion]]


@dataclass(frozen=True)
class Workload:
    """A case before it is timed. `sides` makes a round's work (method, reference) from the name of its sheet."""

    group: Group
    method: str
    engine: str
    reference: str
    per: Per
    sides: Callable[[str], tuple[Work, Work]]


@dataclass(frozen=True)
class Fitted:
    """A method on an engine: steerings that do steer, and what the engine was asked meanwhile."""

    name: str
    method: Method
    steerings: Sequence[Steering]
    calls: Sequence[Call]


@dataclass(frozen=True)
class Material:
    """What is asked: a task read from option likelihoods, one answered in free text, and how much of either."""

    readout: Task
    text: Task
    sizes: Sizes

    def targets(self, split: Split) -> Sequence[Target]:
        return self.readout.targets(split)[: self.sizes.targets]


def fitted_once(name: str, method: Method, engine: Engine, material: Material) -> Fitted:
    """Fit outside of any clock.

    Raises:
        UserError: the method answers without a model, or no target of the timing gets a steering.
    """
    if not method.needs_model:
        raise UserError(f"The method '{name}' answers without a model: there is nothing to time; leave it out.")
    recorder = Recorder(engine)
    targets = material.targets(Split.TEST)
    steerings = [one for one in fit(method, recorder.engine, targets) if one.edits or one.prompt]
    if not steerings:
        raise UserError(
            f"The method '{name}' changes nothing for any of the {len(targets)} targets: there is nothing to time; "
            "leave it out, or give it other parameters with --param."
        )
    return Fitted(name, method, steerings, recorder.calls)


def workload(group: Group, fitted: Fitted, engine: Engine, engine_name: str, material: Material) -> Workload | None:
    """The case of a method on an engine; None for the fit of a method that asks the engine nothing."""
    if group == "fit":
        return _fit(fitted, engine, engine_name, material) if fitted.calls else None
    if group == "generate":
        sides = _generating(fitted, engine, material)
        return Workload(group, fitted.name, engine_name, UNSTEERED_SIDE, "second per generated token", sides)
    split = Split.CALIBRATION if group == "calibrate" else Split.TEST
    dial = _mixed(fitted.method) if group == "calibrate" else _middle(fitted.method)
    sides = _choosing(fitted, engine, material, split, dial)
    return Workload(group, fitted.name, engine_name, UNSTEERED_SIDE, "second", sides)


def _fit(fitted: Fitted, engine: Engine, engine_name: str, material: Material) -> Workload:
    asked = [request for call in fitted.calls for request in call.requests]
    targets = material.targets(Split.TEST)

    def with_method() -> Sequence[Completion]:
        recorder = Recorder(engine)
        fit(fitted.method, recorder.engine, targets)
        return recorder.generated

    def without() -> Sequence[Completion]:
        return [said for call in fitted.calls for said in call.plain()]

    # A method asks what it asks: its prompts cannot say the sheet.
    works = Work(asked, with_method), Work(asked, without)
    told = "the engine alone: the same prompts captured, or generated from without counting neurons"
    return Workload("fit", fitted.name, engine_name, told, "second", lambda sheet: works)


def _choosing(
    fitted: Fitted, engine: Engine, material: Material, split: Split, dial: Dial
) -> Callable[[str], tuple[Work, Work]]:
    targets = material.targets(split)
    task, items = material.readout, {t.id: material.readout.items(t, split)[: material.sizes.items] for t in targets}

    def side(sheet: str, steerings: Sequence[Steering]) -> Work:
        requests = [
            task.request(item, target, on_sheet(steering, f"{sheet}-{number}"))
            for number, (target, steering) in enumerate(zip(targets, steerings, strict=True), 1)
            for item in items[target.id]
        ]

        def do() -> Sequence[Completion]:
            engine.choose(requests)
            return ()

        return Work(requests, do)

    steered = _dialled(fitted.steerings, len(targets), dial)
    return lambda sheet: (side(sheet, steered), side(sheet, [Steering()] * len(targets)))


def _generating(fitted: Fitted, engine: Engine, material: Material) -> Callable[[str], tuple[Work, Work]]:
    task, wanted = material.text, material.sizes.requests
    asked = [(item, target) for target in task.targets(Split.TEST) for item in task.items(target, Split.TEST)]
    spread: list[tuple[Item, Target]] = (
        [asked[place * len(asked) // wanted] for place in range(wanted)]
        if wanted <= len(asked)
        else list(islice(cycle(asked), wanted))
    )
    sampling = Sampling(max_new_tokens=material.sizes.new_tokens)

    def side(sheet: str, steerings: Sequence[Steering]) -> Work:
        requests = [
            replace(task.request(item, target, on_sheet(steering, f"{sheet}-{number}")), options=())
            for number, ((item, target), steering) in enumerate(zip(spread, steerings, strict=True), 1)
        ]
        return Work(requests, lambda: engine.generate(requests, sampling))

    steered = _dialled(fitted.steerings, wanted, _gentle(fitted.method))
    return lambda sheet: (side(sheet, steered), side(sheet, [Steering()] * wanted))


def on_sheet(steering: Steering, sheet: str) -> Steering:
    """The steering with a line before its prompt that no other target, round or side but the other one says."""
    return replace(steering, prompt=PromptChange(f"Sheet {sheet}.") + steering.prompt)


def _dialled(steerings: Sequence[Steering], wanted: int, dial: Dial) -> list[Steering]:
    """So many steerings, the fitted ones over and over, each at its own strength."""
    return [dial(one, number, wanted) for number, one in enumerate(islice(cycle(steerings), wanted))]


def _mixed(method: Method) -> Dial:
    """Strengths evenly over what calibration may try, its ends left out: at 0 nothing would be edited."""
    low, high = method.strengths
    return lambda steering, number, of: steering.scaled(low + (high - low) * (number + 1) / (of + 1))


def _gentle(method: Method) -> Dial:
    """Strengths all different, up to a twentieth of the range: the arithmetic is that of any other strength, and
    answers end about where unsteered ones do, so that both sides generate as many tokens."""
    low, high = method.strengths
    return lambda steering, number, of: steering.scaled(low + (high - low) / 20 * (number + 1) / of)


def _middle(method: Method) -> Dial:
    low, high = method.strengths
    return lambda steering, number, of: steering.scaled((low + high) / 2)
