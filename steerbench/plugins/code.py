"""The code of a run, as its identity holds it: of the harness and of each plug-in, the distribution and the sources.

A plug-in's sources are its module's and those of all that the module imports from its own distribution and from
steerbench, with the files that lie beside them in their packages (`sources`). Comments, docstrings and layout do not
count (`source_text`). So another method, the command line or a package that the run does not use may change, and the
run stays the same one.

What cannot be seen: modules imported by a name that is made up while running, files outside the packages, and the
libraries that a plug-in calls (the engine's identity has the versions of those that compute for it).
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import Distribution, distribution
from typing import Any

from steerbench.contracts import Engine, Judge
from steerbench.plugins.finding import Kind, available
from steerbench.plugins.sources import digest, tops_of

HARNESS = "harness"
_HARNESS_MODULE = "steerbench.running.runner"

Code = Mapping[str, str]
"""`distribution` and `version`, or the `module` of what belongs to no distribution; and `sha256` of the sources."""


@cache
def harness_code() -> Code:
    """What every run goes through: the runner, and all of steerbench that it needs."""
    return _code(distribution("steerbench"), frozenset([_HARNESS_MODULE]))


def code_of(kind: Kind, name: str, *built: object) -> Code:
    """The code of a plug-in, by its name and by what was built of it; one of them has to be there."""
    point = available(kind).get(name)
    modules = frozenset(type(one).__module__ for one in built)
    return _code(point.dist, modules | {point.module}) if point is not None else _code(None, modules)


def sources_of(module: str) -> str:
    """sha256 of a module's sources: for what a plug-in of one keeps from one run to another."""
    return digest([module], _tops("steerbench"))


def engine_sources(engine: Engine) -> str:
    """sha256 of an engine's sources: for what is kept by its answers, beside the engine's identity."""
    return code_of("engine", engine.name, engine)["sha256"]


def judge_sources(judge: Judge) -> str:
    """sha256 of a judge's sources, then that of the engine's that it loads for itself, if it does."""
    codes = [code_of("judge", judge.name, judge), *(code_of("engine", name) for name in own_engine(judge))]
    return "+".join(code["sha256"] for code in codes)


def judge_identity(judge: Judge) -> dict[str, str]:
    """What a run's identity says of a judge: what the judge says, and as `code` its sources."""
    return {**judge.identity(), "code": judge_sources(judge)}


def own_engine(judge: Judge) -> list[str]:
    """The engine that a judge loads for itself: the one that its attribute `engine` names."""
    return [judge.engine] if judge.engine in available("engine") else []


def changes(then: Any, now: Any) -> list[str]:
    """What the code of two runs (`Code` by what it is of), or two digests of sources, differ in, in words.

    What only one of them needs is left out: that they are of other plug-ins, their identities say elsewhere.
    """
    if then == now:
        return []
    if then is None or now is None:
        return ["the code was not recorded when it was started" if then is None else "the code is not recorded now"]
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return ["the sources changed"]
    edited, moved = [], []
    for key in sorted(then.keys() & now.keys()):
        before, after = _belongs_to(then[key]), _belongs_to(now[key])
        if before != after:
            moved.append(f"{_spoken(key)} was of {before} and is now of {after}")
        elif then[key] != now[key]:
            edited.append(_spoken(key))
    told = f"the sources of {' and of '.join(edited)} changed since it was started"
    return [told, *moved] if edited else moved


def _spoken(key: str) -> str:
    kind, _, name = key.partition(":")
    return f"the {kind} '{name}'" if name else f"the {kind}"


def _belongs_to(code: Code) -> str:
    return f"{code['distribution']} {code['version']}" if "distribution" in code else f"the module {code.get('module')}"


@cache
def _tops(name: str) -> frozenset[str]:
    return frozenset(tops_of(distribution(name)))


@cache
def _code(of: Distribution | None, modules: frozenset[str]) -> Code:
    # A plug-in may lean on any of steerbench; of that, too, only what it imports counts.
    steerbench = _tops("steerbench")
    if of is None:
        return {"module": ", ".join(sorted(modules)), "sha256": digest(modules, steerbench)}
    named = {"distribution": of.name, "version": of.version}
    return {**named, "sha256": digest(modules, steerbench | _tops(of.name))}
