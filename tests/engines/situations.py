"""Steerings and requests that meet the engine's every path, for the tiny models' dimensions."""

from dataclasses import replace
from typing import Any

import numpy as np

from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import (
    EVERYWHERE,
    Add,
    Boost,
    Bound,
    Cap,
    Clamp,
    Edit,
    Facing,
    Fade,
    LowRank,
    Positions,
    Project,
    Rotate,
    Similarity,
    Site,
    Vector,
)
from steerbench.contracts.edits.redrawing import orthonormal
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine

DECODE = Positions("decode")
LABELS = (" Very Accurate", " Very Inaccurate", " Neither Accurate Nor Inaccurate", " Very", "!")


def add(engine: HFEngine, site: Site, layer: int, positions: Positions = EVERYWHERE, seed: int = 0) -> Add:
    rng = np.random.default_rng([seed, layer])
    rows = (positions.front,) if positions.kind == "front" else ()
    return Add(site, layer, rng.normal(size=(*rows, engine.modules.width(site))).astype(np.float32), positions)


def neurons(engine: HFEngine, layer: int, positions: Positions = EVERYWHERE, seed: int = 0) -> tuple[Edit, Edit]:
    """A cap and a boost that have a neuron in common."""
    rng = np.random.default_rng([seed, layer])
    chosen = rng.choice(engine.modules.width("mlp_act"), size=13, replace=False)
    values = rng.normal(size=7).astype(np.float32) * 2
    return Cap(layer, chosen[:7], -0.05, positions), Boost(layer, chosen[6:], values, positions)


def steerings(engine: HFEngine) -> dict[str, Steering]:
    """By name; edits that every engine has, alone and composed."""
    last = engine.layers - 1
    one = {
        "unsteered": UNSTEERED,
        "heads everywhere": Steering(tuple(add(engine, "head_out", n) for n in range(engine.layers))),
        "heads from layer 2": Steering((add(engine, "head_out", 2, seed=1),)),
        "residual in decode": Steering((add(engine, "resid", 1, DECODE), add(engine, "resid", last, DECODE))),
        "residual, one row for each of 3": Steering((add(engine, "resid", 0, Positions("front", 3)),)),
        "residual, the same for 5": Steering(
            (
                Add(
                    "resid",
                    1,
                    np.linspace(-1, 1, engine.modules.width("resid"), dtype=np.float32),
                    Positions("front", 5),
                ),
            )
        ),
        "a front longer than any prompt": Steering((add(engine, "resid", 0, Positions("front", 200)),)),
        "neurons": Steering(neurons(engine, 1)),
        "neurons in decode": Steering(neurons(engine, 2, DECODE)),
        "activations": Steering((add(engine, "mlp_act", 3), add(engine, "mlp_act", 3, DECODE, seed=2))),
    }
    cap, boost = neurons(engine, 2, seed=3)
    late = neurons(engine, 2, DECODE, seed=4)[1]
    assert isinstance(boost, Boost)
    assert isinstance(late, Boost)
    one["neurons, some left out"] = Steering(
        (cap, replace(boost, kept=0.5), replace(boost, kept=0.9), replace(late, kept=0.5))
    )
    everything = sum((s for s in one.values()), Steering())
    return {
        **one,
        "everything": everything,
        "everything twice as strong": everything.scaled(2.0),
        "everything against": everything.scaled(-1.5),
        "everything at strength 0": everything.scaled(0.0),
    }


def mapped(engine: HFEngine) -> dict[str, tuple[Edit, ...]]:
    """Edits that depend on a token's values, and gates, at every site and kind of position."""
    rng, width = np.random.default_rng(7), engine.modules.width

    def directions(site: Site, count: int) -> Vector:
        return orthonormal(count, width(site), rng).astype(np.float32)

    def rows(site: Site, count: int) -> Vector:
        return (rng.normal(size=(count, width(site))) / 4).astype(np.float32)

    state = directions("resid", 1)[0]
    seldom = Similarity(0, rows("resid", 1)[0], 0.1)
    never, always = Similarity(1, state, 1.0), Similarity(1, state, 1.0, "below")
    bound = Bound(directions("resid", 1)[0], 0.1)
    return {
        "projection": (Project("resid", 1, directions("resid", 2)), Project("mlp_act", 2, directions("mlp_act", 1))),
        "projection of heads": (Project("head_out", 2, directions("head_out", 3), DECODE, 0.5),),
        "rotation": (Rotate("resid", 1, directions("resid", 2), 0.8), Rotate("resid", 1, directions("resid", 2), 2.5)),
        "rotation to": (Rotate("resid", 2, directions("resid", 2), 1.2, "to"),),
        "clamp": (Clamp.along("resid", 2, rows("resid", 1)[0], 1.5),),
        "clamp of a feature": (
            Clamp("resid", 1, rows("resid", 1)[0], rows("resid", 1)[0] * 4, 0.7, 0.1, True, Positions("front", 4)),
        ),
        "low rank": (LowRank("resid", 2, rows("resid", 4), rows("resid", 4), np.ones(4, np.float32)),),
        "low rank of heads": (
            LowRank("head_out", 3, rows("head_out", 1), rows("head_out", 1), np.ones(1, np.float32)),
        ),
        "gated by similarity": (
            replace(add(engine, "resid", 2, seed=5), gates=(seldom,)),
            replace(add(engine, "head_out", 3, seed=5), gates=(always,)),
            replace(add(engine, "resid", 3, DECODE, seed=6), gates=(replace(seldom, side="below"), Fade(2.0))),
        ),
        "gated shut": (replace(add(engine, "resid", 3, seed=7), gates=(never,)),),
        "fading": (replace(add(engine, "resid", 1, seed=8), gates=(Fade(1.5),)),),
        "where it faces a direction": (
            replace(add(engine, "head_out", 1, seed=9), gates=(Facing(directions("head_out", 1)[0], 0.05),)),
        ),
        "bounded": (replace(add(engine, "resid", 1, seed=9), gates=(bound,), strength=2.0),),
        "neurons gated": tuple(
            replace(edit, gates=(seldom,) if n else (Fade(3.0),)) for n, edit in enumerate(neurons(engine, 3, seed=9))
        ),
        "all of it": (
            Rotate("resid", 2, directions("resid", 2), 0.4, gates=(seldom,)),
            Project("resid", 2, directions("resid", 1)),
            Clamp.along("resid", 2, rows("resid", 1)[0], 0.5),
            add(engine, "resid", 2, seed=11),
            replace(add(engine, "resid", 2, DECODE, seed=12), gates=(bound, Fade(2.0))),
        ),
    }


STARTS = (
    "I am the life of the party: Very Accurate; I get stressed out easily: Moderately Inaccurate; ",
    "I am the life of the party: Very Accurate; I get stressed out easily: Very Inaccurate; often ",
)
ENDS = ("I often forget to put things back:", "things:", "I am the life of the party; things back:", "I")


def requests(engine: HFEngine, options: tuple[str, ...] = LABELS, **chosen: Any) -> list[Request]:
    """Every steering asks shared and lone prompts, in a mixed order."""
    asked = []
    for number, steering in enumerate((chosen or steerings(engine)).values()):
        prompts = [Prompt(start=start + end) for start in STARTS[: 1 + number % 2] for end in ENDS]
        prompts.append(Prompt((("system", f"You are {number}."), ("user", "party?")), "Option ("))
        prompts.append(Prompt(start="Very Accurate, Very Inaccurate"))
        asked += [
            Request(p, steering, options[: 1 + (i + number) % 5] if options else ()) for i, p in enumerate(prompts)
        ]
    order = np.random.default_rng(0).permutation(len(asked))
    return [asked[i] for i in order]
