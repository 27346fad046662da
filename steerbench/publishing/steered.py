"""Checks how a published run was steered: hashes of edits, portraits and answers have to be consistent."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from steerbench.contracts import Dealing, Method
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import UNSTEERED, dealt
from steerbench.errors import UserError
from steerbench.plugins.composed import Composed, names
from steerbench.publishing.making import RebuiltPlan
from steerbench.publishing.recomputation import Rows
from steerbench.publishing.samples import AskedItems, Place, setting_in
from steerbench.publishing.schema import Portrait, Published
from steerbench.running.evaluation import edits_digest, prompt_digest

LEAST_ALIKE = 20
"""Number of distinct answers at which exact agreement between two steerings is no longer a coincidence."""
LONG = 30
"""Tokens of a text that two different steerings do not both generate by coincidence."""
CLOSE = 1e-9

SampleRow = Mapping[Place, Mapping[str, Any]]


def wrong_edits(published: Published, made: RebuiltPlan, samples: Rows) -> Iterator[str]:
    """Hashes of edits that cannot belong to their row; the first of each row is reported."""
    hashes = {name: {target: row["edits"] or "" for (target, _), row in rows.items()} for name, rows in samples.items()}
    for name, of_row in samples.items():
        seen: dict[tuple[str, str, Setting], str] = {}
        of_hands: dict[tuple[str, int], str] = {}
        for (target, item), sample in of_row.items():
            told = (target, sample["edits"] or "", setting_in(sample))
            if told not in seen:
                seen[told] = _of_setting(made, name, *told)
            wrong = seen[told]
            if told[1] != of_hands.setdefault((target, _hand(made, name, target, item)), told[1]):
                wrong = "its edits differ from those of the target's other items"
            if wrong:
                yield f"method '{name}', target '{target}', item '{item}': {wrong}."
                break
    for name in samples.keys() & published.portraits.keys():
        if wrong := _of_portrait(made, name, published.portraits[name], hashes[name], samples[name]):
            yield f"portraits, method '{name}': {wrong}."
    yield from _borrowed(published, made, hashes)


def wrong_sameness(published: Published, made: RebuiltPlan, asked: AskedItems, samples: Rows) -> Iterator[str]:
    """Different answers to one request, and equal answers to different requests."""
    yield from _one_request_two_answers(published, made, asked, samples)
    yield from _relabelled(made, samples)


def _hand(made: RebuiltPlan, name: str, target: str, item: str) -> int:
    """The index of the target's edits that an item was asked under; most methods have one set of edits."""
    row = made.rows.get(name)
    if row is None or target not in made.targets or not isinstance(row.method, Dealing):
        return 0
    return dealt(item, range(row.method.hands(made.targets[target])))


def _of_setting(made: RebuiltPlan, name: str, target: str, edits: str, setting: Setting) -> str:
    row, fits = made.rows.get(name), made.fits.get(name, {})
    if edits and setting.strength == 0:
        return "has edits, but its strength is 0"
    if row is None:
        return ""
    if edits and (not row.method.needs_model or row.method.changes_nothing):
        return "has edits, but the method makes none"
    if target in fits:
        try:
            expected = edits_digest(setting.apply(fits[target]))
        except UserError:
            return ""  # a wording that does not exist: `settings` reports it
        if edits != expected:
            return f"its edits are said to be {edits or 'none'!r}, but are {expected or 'none'!r}"
    return ""


def _of_portrait(made: RebuiltPlan, name: str, portrait: Portrait, hashes: Mapping[str, str], row: SampleRow) -> str:
    """Compares a portrait with the hashes: it can only contain what targets were edited by."""
    steered = sum(map(bool, hashes.values())) / len(hashes)
    widest = max((edit.share for edit in portrait.edits), default=0.0)
    if widest > steered + CLOSE:
        return f"edits {widest:.3g} of a layer on average, but only {steered:.3g} of the targets have edits"
    if abs(portrait.prompted * len(hashes) - round(portrait.prompted * len(hashes))) > CLOSE * len(hashes):
        return f"a share of {portrait.prompted:g} of {len(hashes)} targets is not a whole number of targets"
    if name in made.fits and made.rows[name].method.needs_model:
        settings = {target: setting_in(sample) for (target, _), sample in row.items()}
        fits = made.fits[name]
        try:
            prompted = sum(bool(setting.apply(fits[target]).prompt) for target, setting in settings.items())
        except UserError:
            return ""
        if abs(portrait.prompted - prompted / len(settings)) > CLOSE:
            return f"changes the prompt of {portrait.prompted:g} of the targets, but it is {prompted / len(settings):g}"
    return ""


def _borrowed(published: Published, made: RebuiltPlan, hashes: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Unrelated methods with the same edits on every target: the samples of one were copied from the other."""
    for one, other in combinations([name for name in hashes if name in made.rows], 2):
        edited = [target for target in hashes[one] if hashes[one][target] or hashes[other][target]]
        shown = any(
            e.share > 0 for name in (one, other) for e in published.portraits.get(name, Portrait(about="")).edits
        )
        alike = all(hashes[one][target] == hashes[other][target] for target in edited)
        if edited and shown and alike and _unrelated(made.rows[one].method, made.rows[other].method):
            yield f"methods '{one}' and '{other}': have the same edits on every target that either steers."


def _unrelated(one: Method, other: Method) -> bool:
    """Whether no part of one method has the type of a part of the other."""
    kinds = [{type(part) for part in (m.parts if isinstance(m, Composed) else (m,))} for m in (one, other)]
    return not any(issubclass(a, b) or issubclass(b, a) for a in kinds[0] for b in kinds[1])


def _one_request_two_answers(
    published: Published, made: RebuiltPlan, asked: AskedItems, samples: Rows
) -> Iterator[str]:
    """A run asks the unedited model each request once, so equal requests have equal answers."""
    first: dict[str, tuple[str, Place, Any]] = {}
    requests: dict[Place, str] = {}
    for name, of_row in samples.items():
        if not _leaves_prompts_alone(published, made, name):
            continue
        for place, sample in of_row.items():
            if sample["edits"]:
                continue
            if place not in requests:
                target, item = asked[place]
                requests[place] = prompt_digest(made.task.request(item, target, UNSTEERED))
            before = first.setdefault(requests[place], (name, place, _told(sample)))
            if before[2] != _told(sample):
                yield (
                    f"method '{name}', target '{place[0]}', item '{place[1]}': the answer without edits differs from "
                    f"that of '{before[0]}' for '{before[1][0]}', although the request is the same."
                )
                break


def _leaves_prompts_alone(published: Published, made: RebuiltPlan, name: str) -> bool:
    """Whether a row certainly asks the model, and with the task's own prompt."""
    row = made.rows.get(name)
    if row is None or not row.method.needs_model:
        return False
    if name in made.fits:
        return not any(fitted.prompt or fitted.alternatives for fitted in made.fits[name].values())
    portrait = published.portraits.get(name)
    return portrait is not None and portrait.prompted == 0


def _told(sample: Mapping[str, Any]) -> tuple[Any, ...]:
    logprobs = sample["logprobs"]
    return (None if logprobs is None else tuple(logprobs), *(sample[n] for n in ("text", "before", "tokens", "finish")))


def _relabelled(made: RebuiltPlan, samples: Rows) -> Iterator[str]:
    """Rows with different edits whose answers are exactly equal wherever they differ from the unedited model's."""
    plain = next((n for n, r in made.rows.items() if r.method.changes_nothing), None)
    if plain is None:
        return
    moved: dict[str, dict[Place, tuple[Any, ...]]] = defaultdict(dict)
    for name, of_row in samples.items():
        for place, sample in of_row.items():
            if sample["edits"] and _tells(sample) and (told := _told(sample)) != _told(samples[plain][place]):
                moved[name][place] = told
    for one, other in combinations(moved, 2):
        if set(names(one)) & set(names(other)):
            continue
        places = [
            place for place in moved[one] if samples[other][place]["edits"] not in ("", samples[one][place]["edits"])
        ]
        alike = {moved[one][place] for place in places}
        if len(alike) >= LEAST_ALIKE and all(moved[one][p] == _told(samples[other][p]) for p in places):
            yield f"methods '{one}' and '{other}': have different edits, but {len(places)} of their answers are equal."


def _tells(sample: Mapping[str, Any]) -> bool:
    """Whether another steering is unlikely to give the same answer."""
    return sample["logprobs"] is not None or (sample["tokens"] or 0) >= LONG
