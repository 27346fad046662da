"""Holds a judge to its contract."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steerbench.contracts import Case, Engine, Judge, Verdict
from steerbench.contracts.edits.checks import is_number
from steerbench.testing.findings import Findings
from steerbench.testing.subjects import subject
from steerbench.testing.toy_engine import toy_engine

TEXTS = (
    "I love a crowded room, and I talk to everybody in it.",
    "I would rather stay at home with a book, and say nothing.",
    "I worry about everything all the time.",
    "the the the the the the the the",
    "",
    "你好 \x00 ½",
)
SECRET = re.compile(r"(?i)\b(api[_ ]?key|secret|token|password)\b")
CLOSE = 1e-4


def check_judge(
    judge: str | type | Judge,
    *,
    parameters: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
    texts: Sequence[str] = TEXTS,
) -> None:
    """Hold a judge (its registered name, its class or an instance) to all that the harness asks of one.

    It rates `texts` in each of its qualities. One that measures by the evaluated model is given `engine`, a
    `toy_engine` if there is none; others are given none. A judge that asks a server asks it about thirty times.

    Raises:
        AssertionError: it breaks its contract; every way in which it does is listed.
        UserError: nothing has that name, it takes no such parameter, or it cannot be had.
    """
    what, build = subject("judge", judge, parameters or {})
    with Findings(what) as found:
        built: Judge = build()
        model = (engine or toy_engine()) if built.needs_model else None
        found.expect(bool(built.qualities), "`qualities` is empty; name what it rates (a trait, or fluency)")
        found.expect_identity(built.identity(), build().identity())
        _check_secrets(found, built)
        quality = min(built.qualities, default="")
        cases = [Case("trait", quality, "What are you like?", text) for text in texts]
        cases += [Case("trait", other, "", texts[0]) for other in sorted(built.qualities) if other != quality]
        with found.during("`rate`"):
            _check_protocol(found, built, cases, model)
            verdicts = _check_verdicts(found, built, cases, model)
            if not found.sentences:
                _check_independence(found, built, cases, verdicts, model)
                _check_contradiction(found, built, cases, verdicts)


def _check_secrets(found: Findings, judge: Judge) -> None:
    """An identity is published: nothing in it may open a door."""
    keys = {value for name, value in os.environ.items() if SECRET.search(name.replace("_", " ")) and len(value) > 7}
    for name, value in judge.identity().items():
        hidden = not SECRET.search(name) and not any(key in value for key in keys)
        found.expect(hidden, f"`identity` has a secret in '{name}', and it is published; leave it out")


def _check_protocol(found: Findings, judge: Judge, cases: Sequence[Case], engine: Engine | None) -> None:
    """Rating nothing asks nothing, and cases are drawn as they come: one that never comes is not waited for."""
    nothing = [batch for batch in judge.rate((), engine) if batch]
    found.expect(not nothing, f"`rate` of no cases gave {nothing}; it has to end without a verdict")
    rated = judge.rate(iter(cases[:1]), engine)
    generator = isinstance(rated, Iterator)
    found.expect(generator, f"`rate` gave a {type(rated).__name__}; yield verdicts as they are had, in a generator")
    places = [place for batch in rated for place in batch]
    found.expect(places == [0], f"`rate` of one case gave verdicts on the places {places}; it is place 0, once")


def _check_verdicts(
    found: Findings, judge: Judge, cases: Sequence[Case], engine: Engine | None
) -> Mapping[int, Verdict]:
    places = [place for batch in judge.rate(cases, engine) for place in batch]
    each = sorted(places) == list(range(len(cases)))
    found.expect(
        each, f"`rate` of {len(cases)} cases gave verdicts on {sorted(places)}; give each case one, by its place"
    )
    verdicts = rated(judge, cases, engine)
    for place, verdict in verdicts.items():
        told = f"the verdict on {cases[place].answer[:30]!r}"
        if not found.expect(isinstance(verdict, Verdict), f"{told} is a {type(verdict).__name__}, and no Verdict"):
            continue
        if verdict.rating is None:
            found.expect(bool(verdict.unscored), f"{told} has no rating and no reason; say why in `unscored`")
        else:
            within = is_number(verdict.rating) and 1 <= verdict.rating <= 5
            found.expect(within, f"{told} has the rating {verdict.rating!r}; a rating is a number from 1 to 5")
            found.expect(not verdict.unscored, f"{told} has a rating, and a reason for having none")
        found.expect_json(dict(verdict.details), f"{told} has details that")
    some = any(verdict.rating is not None for verdict in verdicts.values())
    found.expect(some, "it rated none of the texts; give `texts` that it can rate")
    return verdicts


def _check_independence(
    found: Findings, judge: Judge, cases: Sequence[Case], verdicts: Mapping[int, Verdict], engine: Engine | None
) -> None:
    """A text is rated the same in any company, and where it comes twice."""
    backwards = rated(judge, cases[::-1], engine)
    twice = rated(judge, [cases[0], *cases[:2]], engine)
    for place, case in enumerate(cases):
        same = _same(backwards[len(cases) - 1 - place], verdicts[place])
        found.expect(same, f"the verdict on {case.answer[:30]!r} depends on the other cases; rate each by itself")
    alike = _same(twice[0], twice[1]) and _same(twice[1], verdicts[0])
    found.expect(alike, "a text that comes twice is rated in two ways; seed what is drawn, or set the temperature to 0")


def _same(one: Verdict, other: Verdict) -> bool:
    if one.rating is None or other.rating is None:
        return one.rating is other.rating
    return abs(one.rating - other.rating) < CLOSE


def _check_contradiction(found: Findings, judge: Judge, cases: Sequence[Case], verdicts: Mapping[int, Verdict]) -> None:
    """What a judge says of others' verdicts, it does not say of those it gives itself."""
    identity = judge.identity()
    today = type(judge).former(identity) is None
    found.expect(today, "`former` takes today's identity for an earlier one; give None for it")
    for place, verdict in verdicts.items():
        if told := judge.contradiction(cases[place], verdict, identity):
            found.expect(
                False, f"`contradiction` finds fault with its own verdict on {cases[place].answer[:30]!r}: {told}"
            )


def rated(judge: Judge, cases: Sequence[Case], engine: Engine | None) -> dict[int, Verdict]:
    """All verdicts, by place."""
    return {place: verdict for batch in judge.rate(cases, engine) for place, verdict in batch.items()}
