"""What is timed: for each kind of work, a method's requests and the same requests without the method.

Both sides of a round begin each target's prompts with the same line, the "sheet". Without it the unsteered requests of
all targets would be identical, and an engine that shares prefixes would compute them once. With it both sides compute
the same tokens in the same rows. Every round has its own sheets, so that no engine has a prompt cached.
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
"""From a steering, an index and a count to the steering at the strength of request (or target) `index` of `count`."""

UNSTEERED_SIDE = "the same requests unsteered"


@dataclass(frozen=True)
class Work:
    """One side of a round: its requests, and a function that runs them and returns what was generated."""

    requests: Sequence[Request]
    do: Callable[[], Sequence[Completion]]


@dataclass(frozen=True)
class Workload:
    """A case before timing. `sides` makes the work of a round (method, reference) from the name of its sheet."""

    group: Group
    method: str
    engine: str
    reference: str
    per: Per
    sides: Callable[[str], tuple[Work, Work]]


@dataclass(frozen=True)
class Fitted:
    """A fitted method: its steerings that change something, and the engine calls during fitting."""

    name: str
    method: Method
    steerings: Sequence[Steering]
    calls: Sequence[Call]


@dataclass(frozen=True)
class Material:
    """What is asked: a task with option likelihoods, a task with free text, and the sizes."""

    readout: Task
    text: Task
    sizes: Sizes

    def targets(self, split: Split) -> Sequence[Target]:
        return self.readout.targets(split)[: self.sizes.targets]


def fitted_once(name: str, method: Method, engine: Engine, material: Material) -> Fitted:
    """Fit a method, untimed.

    Raises:
        UserError: the method needs no model, or changes nothing for any target.
    """
    if not method.needs_model:
        raise UserError(f"The method '{name}' answers without a model, so there is nothing to time; leave it out.")
    recorder = Recorder(engine)
    targets = material.targets(Split.TEST)
    steerings = [one for one in fit(method, recorder.engine, targets) if one.edits or one.prompt]
    if not steerings:
        raise UserError(
            f"The method '{name}' changes nothing for any of the {len(targets)} targets, so there is nothing to time; "
            "leave it out, or give it other parameters with --param."
        )
    return Fitted(name, method, steerings, recorder.calls)


def workload(group: Group, fitted: Fitted, engine: Engine, engine_name: str, material: Material) -> Workload | None:
    """The case of a method on an engine; None for the fit of a method that does not use the engine."""
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

    # A method builds its own prompts, so they cannot begin with the sheet.
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
    """The steering with the sheet before its prompt: a line shared by the two sides of this target and round only."""
    return replace(steering, prompt=PromptChange(f"Sheet {sheet}.") + steering.prompt)


def _dialled(steerings: Sequence[Steering], wanted: int, dial: Dial) -> list[Steering]:
    """`wanted` steerings: the fitted ones in turn, each at its own strength."""
    return [dial(one, number, wanted) for number, one in enumerate(islice(cycle(steerings), wanted))]


def _mixed(method: Method) -> Dial:
    """Strengths evenly spaced over the calibration range without its ends, since strength 0 edits nothing."""
    low, high = method.strengths
    return lambda steering, number, of: steering.scaled(low + (high - low) * (number + 1) / (of + 1))


def _gentle(method: Method) -> Dial:
    """Distinct strengths up to a twentieth of the range. The computation is that of any strength, and answers are about
    as long as unsteered ones, so both sides generate about as many tokens."""
    low, high = method.strengths
    return lambda steering, number, of: steering.scaled(low + (high - low) / 20 * (number + 1) / of)


def _middle(method: Method) -> Dial:
    low, high = method.strengths
    return lambda steering, number, of: steering.scaled((low + high) / 2)
