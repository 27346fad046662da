"""Holds a method to its contract."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from steerbench.contracts import Adaptive, Control, Dealing, Engine, Method, Prompt, Request, has_dial
from steerbench.contracts.edits.checks import is_number
from steerbench.contracts.steering import Steering, flattened, load_steering
from steerbench.contracts.steering_rules import fault
from steerbench.contracts.targets import Item, Respondent, Target
from steerbench.errors import UserError
from steerbench.testing.findings import Findings
from steerbench.testing.subjects import Build, subject
from steerbench.testing.targets import people, poles
from steerbench.testing.toy_engine import toy_engine

OPTIONS = (" Very Accurate", " Very Inaccurate")
CLOSE = 1e-4
"""How far numbers may lie apart on an engine whose rounding depends on the batch; on the toy engine there is none."""


def check_method(
    method: str | type | Method,
    *,
    parameters: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
    targets: Sequence[Target] | None = None,
) -> None:
    """Hold a method (its registered name, its class or an instance) to all that the harness asks of one.

    It is fitted on `engine` (a `toy_engine` if there is none) to invented people and to poles; it has to take one kind
    of the two, or else the `targets` given.

    Raises:
        AssertionError: it breaks its contract; every way in which it does is listed.
        UserError: nothing has that name, or it takes no such parameter.
    """
    what, build = subject("method", method, parameters or {})
    with Findings(what) as found:
        built = build()
        kinds: dict[str, Sequence[Target]] = {"the targets": list(targets or ())}
        if targets is None:
            kinds = {"people": people(), "poles": poles()}
        if isinstance(built, Control):
            _check_control(found, build, next(iter(kinds.values())))
            return
        refused = []
        for kind, those in kinds.items():
            with found.during(f"`fit` of {kind}"):
                try:
                    fits = list(build().fit(_engine(built, engine), those))
                except UserError as error:
                    refused.append(f"{kind} ({error})")
                    continue
                _check_fits(found, build, engine, those, fits)
        found.expect(len(refused) < len(kinds), f"it can be fitted to nobody: {' '.join(refused)}")


def _engine(method: Method, given: Engine | None) -> Any:
    """A new toy engine each time, so that nothing kept on it hides what a fit depends on; none if none is needed."""
    return (given or toy_engine()) if method.needs_model else None


def _check_fits(
    found: Findings, build: Build, engine: Engine | None, targets: Sequence[Target], fits: Sequence[Steering]
) -> None:
    method: Method = build()
    right = found.expect(
        len(fits) == len(targets) and all(isinstance(one, Steering) for one in fits),
        f"`fit` of {len(targets)} targets gave {[type(one).__name__ for one in fits]}; give one Steering each",
    )
    if not right:
        return
    for target, fitted in zip(targets, fits, strict=True):
        wrong = next((told for edit in fitted.all_edits if (told := fault(edit))), None)
        if not found.expect(wrong is None, f"what it fitted for '{target.id}' cannot be used: the steering {wrong}"):
            return
        _check_facts(found, target, fitted)
        _check_saving(found, target, fitted)
    _check_dial(found, method, targets, fits)
    _check_again(found, build, engine, targets, fits)
    if method.needs_model:
        _check_batch(found, engine or toy_engine(), fits, CLOSE if engine else 0.0)
        if isinstance(method, Adaptive):
            found.expect_json(dict(method.adapted(engine or toy_engine())), "what `adapted` gives")
    else:
        _check_replies(found, targets, fits)


def _check_facts(found: Findings, target: Target, fitted: Steering) -> None:
    odd = {name: value for name, value in fitted.facts.items() if not is_number(value)}
    found.expect(not odd, f"the facts of '{target.id}' have to be finite numbers, but hold {odd}")


def _check_saving(found: Findings, target: Target, fitted: Steering) -> None:
    if fitted.reply is not None:  # made anew by every start, and never saved
        return
    with found.during(f"saving and loading the steering of '{target.id}'"), TemporaryDirectory() as folder:
        file = Path(folder, "steering.safetensors")
        fitted.save(file)
        read, _ = load_steering(file)
        found.expect(
            read.digest == fitted.digest,
            f"the steering of '{target.id}' is another once it is saved and loaded; build it of Steering's own fields",
        )


def _check_dial(found: Findings, method: Method, targets: Sequence[Target], fits: Sequence[Steering]) -> None:
    edited = any(fitted.edits for fitted in fits)
    found.expect(
        edited or not has_dial(method) or method.changes_nothing,
        f"its `strengths` are {method.strengths}, but no fit has an edit to make stronger; say (1.0, 1.0)",
    )
    for target, fitted in zip(targets, fits, strict=True):
        hands = method.hands(target) if isinstance(method, Dealing) else 1
        found.expect(
            hands == 1 + len(fitted.draws) or not fitted.edits,
            f"the steering of '{target.id}' has {1 + len(fitted.draws)} draws, and `hands` says {hands}",
        )


def _check_again(
    found: Findings, build: Build, engine: Engine | None, targets: Sequence[Target], fits: Sequence[Steering]
) -> None:
    """Fitted once more, backwards and alone: nothing may decide but the target, the parameters and the model."""

    def refitted(*those: Target, seed: int) -> list[Steering]:
        method = build()
        with _global_seed(seed):
            return list(method.fit(_engine(method, engine), those))

    with found.during("`fit`, called again"):
        again = refitted(*targets, seed=1)
        if not found.expect(
            all(map(_alike, again, fits)),
            "`fit` gives another steering the second time; draw from default_rng(seed) with a parameter `seed`",
        ):
            return
        backwards = refitted(*reversed(targets), seed=0)[::-1]
        alone = [one for target in targets for one in refitted(target, seed=0)]
        for target, fitted, *others in zip(targets, fits, backwards, alone, strict=True):
            found.expect(
                all(_alike(one, fitted) for one in others),
                f"the steering of '{target.id}' depends on who else is fitted; make it of that target alone",
            )


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Within, the global generators start at a seed: a fit that reads one changes with it."""
    before, python = np.random.get_state(), random.getstate()
    try:
        np.random.seed(seed)
        random.seed(seed)
        yield
    finally:
        np.random.set_state(before)
        random.setstate(python)


def _alike(one: Steering, other: Steering) -> bool:
    (header, arrays), (others, theirs) = flattened(one), flattened(other)
    same = json.dumps(header, sort_keys=True) == json.dumps(others, sort_keys=True)
    return same and all(
        arrays[name].shape == theirs[name].shape and np.allclose(arrays[name], theirs[name], rtol=CLOSE, atol=CLOSE)
        for name in arrays.keys() | theirs.keys()
    )


def _check_batch(found: Findings, engine: Engine, fits: Sequence[Steering], close: float) -> None:
    """Steerings do what they do whatever is asked beside them, and at strength 0 their edits do nothing."""
    item = Item("any", "Talk to strangers.", "You talk to strangers.", "E")
    asked = [
        Request(Prompt(start=f"{one.prompt.as_message()} Talk to strangers:"), one.at(item).scaled(strength), OPTIONS)
        for one in fits
        for strength in (1.0, 0.0)
    ]
    plain = [Request(request.prompt, options=OPTIONS) for request in asked[1::2]]
    with found.during("asking under the fitted steerings"):
        together = [choice.logprobs for choice in engine.choose(asked)]
        alone = [engine.choose([request])[0].logprobs for request in asked]
        found.expect(
            np.allclose(together, alone, rtol=0, atol=close, equal_nan=True),
            "its steerings act otherwise in a batch than alone; give each target arrays of its own",
        )
        unsteered = [choice.logprobs for choice in engine.choose(plain)]
        found.expect(
            np.allclose(together[1::2], unsteered, rtol=0, atol=close),
            "at strength 0 it still steers; put what it does into edits, which strength 0 takes away",
        )


def _check_replies(found: Findings, targets: Sequence[Target], fits: Sequence[Steering]) -> None:
    for target, fitted in zip(targets, fits, strict=True):
        if fitted.reply is None:
            found.expect(
                False,
                f"it needs no model, but the steering of '{target.id}' has no `reply`; give it one, or say needs_model",
            )
            continue
        shown = [answer.item for answer in target.shown] if isinstance(target, Respondent) else []
        for item in shown or [Item("any", "Talk to strangers.", trait="E")]:
            tick, said = fitted.reply.tick(item), fitted.reply.said(item)
            found.expect(
                said is not None or (tick is not None and is_number(tick) and 1 <= tick <= 5),
                f"its reply to item '{item.id}' for '{target.id}' is {tick!r}; a tick is a number from 1 to 5",
            )


def _check_control(found: Findings, build: Build, targets: Sequence[Target]) -> None:
    """A control is not fitted: it is shown the answers, and makes the same of them whenever it is asked."""
    answers = {
        target.id: {answer.item: answer.tick for answer in target.shown} if isinstance(target, Respondent) else {}
        for target in targets
    }
    with found.during("`reveal`"):
        first, second = (list(build().reveal(targets, answers)) for _ in range(2))
        found.expect(len(first) == len(targets), f"`reveal` of {len(targets)} targets gave {len(first)} steerings")
        found.expect(all(map(_alike, first, second)), "`reveal` gives other steerings the second time")
