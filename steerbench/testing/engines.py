"""Holds an engine to its contract, beside the reference: the engine on transformers with the same model."""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from steerbench.contracts import Choice, Engine, Prompt, Request, Sampling, Surveying
from steerbench.contracts.edits import (
    Add,
    Boost,
    Bound,
    Cap,
    Clamp,
    Fade,
    LowRank,
    Positions,
    Project,
    Rotate,
    Similarity,
    Site,
)
from steerbench.contracts.edits.redrawing import orthonormal
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.errors import UserError
from steerbench.testing.findings import Findings

SITES: tuple[Site, ...] = ("head_out", "mlp_act", "resid")
OPTIONS = (" Very Accurate", " Very Inaccurate", " Neither Accurate Nor Inaccurate")
PROMPTS = (
    Prompt(start="I am the life of the party:"),
    Prompt(start="I get stressed out easily: Very Accurate; I often forget to put things back:"),
    Prompt((("system", "You are brief."), ("user", "How was the party?")), "It was"),
    Prompt((("user", "How was the party?"),)),
)
GREEDY = Sampling(max_new_tokens=12)
DRAWN = Sampling(max_new_tokens=12, temperature=1.0, top_p=0.9, seed=7)
CLOSE = 1e-3
"""Nats, and units of an activation, within which float32 computed in another order agrees."""


@dataclass(frozen=True)
class Shape:
    """What steerings are made to fit."""

    layers: int
    widths: Mapping[Site, int]


def check_engine(engine: str | type | Engine, *, parameters: Mapping[str, Any] | None = None) -> None:
    """Hold an engine to all that the harness asks of one.

    By its registered name or its class it is loaded with a tiny model, and has to answer as the reference engine does
    with the same one. An instance, whose model only it has, is held to itself alone. An edit that an engine refuses
    with a UserError is one it does not support; the unsteered model it has to run.

    Raises:
        AssertionError: it breaks its contract; every way in which it does is listed.
        UserError: nothing has that name, it takes no such parameter, or it cannot be loaded.
    """
    what = f"The engine '{engine}'" if isinstance(engine, str) else f"The engine {_name(engine)}"
    if not isinstance(engine, str | type):
        with Findings(what) as found:
            _check_alone(found, engine)
        return
    from steerbench.engines.hf.engine import HFEngine
    from steerbench.plugins.finding import find
    from steerbench.testing.tiny_models import tiny_model

    with TemporaryDirectory() as folder, Findings(what) as found:
        # Heads of a width that kernels on processors know; smaller ones they refuse.
        model = str(tiny_model(Path(folder, "tiny"), head_dim=32))
        cls: Any = find("engine", engine) if isinstance(engine, str) else engine
        usual: dict[str, Any] = {"dtype": "float32", "device": "cpu", "chat_template": None}
        loaded = cls.load(spec=model, **usual, **(parameters or {}))
        _check_alone(found, loaded, folder)
        if not found.sentences:
            _check_beside(found, loaded, HFEngine.load(model, **usual))


def _name(engine: Any) -> str:
    return engine.__name__ if isinstance(engine, type) else type(engine).__name__


# -- by itself


def _check_alone(found: Findings, engine: Engine, folder: str = "") -> None:
    identity = engine.identity()
    found.expect_identity(identity, engine.identity())
    found.expect("weights" in identity, "`identity` has no 'weights'; say there by a hash which model it is")
    told = not folder or not any(folder in value for value in identity.values())
    found.expect(told, "`identity` names the folder that the model was loaded from; tell of contents alone")
    with found.during("being kept in a WeakKeyDictionary, as methods keep what they captured,"):
        weakref.WeakKeyDictionary({engine: 1})
    with found.during("unsteered requests"):
        _check_batches(found, engine)
        _check_choices(found, engine, [UNSTEERED])
        _check_texts(found, engine)
        _check_refusals(found, engine)
    with found.during("a capture"):
        _check_captures(found, engine)
    if not found.sentences:
        with found.during("steered requests"):
            able = [one for one in steerings(_shape(engine)).values() if _supports(engine, one)]
            _check_choices(found, engine, [UNSTEERED, *able])


def _shape(engine: Engine) -> Shape:
    width = engine.capture([Request(PROMPTS[0])], ["resid"])["resid"].shape[-1]
    return Shape(engine.layers, {"head_out": engine.width, "mlp_act": engine.neurons, "resid": width})


def steerings(shape: Shape) -> dict[str, Steering]:
    """A steering of every kind of edit, by what it is, strong enough to be seen."""
    random, last = np.random.default_rng(0), shape.layers - 1

    def vector(site: Site, *rows: int) -> Any:
        return np.asarray(random.normal(size=(*rows, shape.widths[site])), dtype=np.float32)

    neurons = np.sort(random.choice(shape.widths["mlp_act"], size=8, replace=False))
    values = np.asarray(2 * random.normal(size=8), dtype=np.float32)
    front, decode = Positions("front", 3), Positions("decode")
    plane = orthonormal(2, shape.widths["resid"], random).astype(np.float32)
    reader, writer = vector("resid") / 4, vector("resid")
    one = {
        "Add at head_out": Steering((Add("head_out", 0, vector("head_out")),)),
        "Add at mlp_act": Steering((Add("mlp_act", last, vector("mlp_act")),)),
        "Add at resid": Steering((Add("resid", 1, vector("resid")),)),
        "Add to the first tokens": Steering((Add("resid", 0, vector("resid", 3), front),)),
        "Add while decoding": Steering((Add("resid", 1, vector("resid"), decode),)),
        "Cap": Steering((Cap(1, neurons, -0.05),)),
        "Boost": Steering((Boost(1, neurons, values),)),
        "Boost of a share of neurons": Steering((Boost(1, neurons, values, kept=0.5),)),
        "Project": Steering((Project("resid", 1, plane),)),
        "Rotate": Steering((Rotate("resid", 1, plane, 1.2), Rotate("resid", last, plane, 2.0, "to"))),
        "Clamp": Steering((Clamp("resid", 1, reader, writer, 1.5, 0.2, rectified=True),)),
        "LowRank": Steering((LowRank("resid", 1, reader[None], writer[None], np.ones(1, np.float32), decode),)),
        "gated by similarity": Steering((Add("resid", 1, writer, gates=(Similarity(0, reader, 0.1),)),)),
        "fading and bounded": Steering((Add("resid", 1, writer, gates=(Fade(2.0), Bound(plane[0], 0.5))),)),
    }
    return one | {"several edits": sum(one.values(), Steering()).scaled(0.5)}


def _supports(engine: Engine, steering: Steering) -> bool:
    try:
        engine.choose([Request(PROMPTS[0], steering, OPTIONS)])
    except UserError:
        return False
    return True


def _check_batches(found: Findings, engine: Engine) -> None:
    asked = [Request(prompt, options=OPTIONS) for prompt in PROMPTS] * 3
    batches = [list(batch) for batch in engine.batches(asked)]
    places = sorted(place for batch in batches for place in batch)
    found.expect(
        places == list(range(len(asked))), f"`batches` of {len(asked)} requests gave {batches}; name each place once"
    )
    again = [list(batch) for batch in engine.batches(asked)]
    found.expect(again == batches, "`batches` of the same requests is another the second time")
    lengths, tokens = engine.lengths(asked), [len(engine.tokenize(prompt)) for prompt in PROMPTS]
    found.expect(len(lengths) == len(asked), f"`lengths` of {len(asked)} requests gave {len(lengths)} numbers")
    short = any(length < own for length, own in zip(lengths, tokens, strict=False))
    found.expect(not short, f"`lengths` gave {[*lengths]}, and the prompts alone have {tokens} tokens")


def _check_choices(found: Findings, engine: Engine, those: Sequence[Steering]) -> None:
    asked = [Request(prompt, steering, OPTIONS) for steering in those for prompt in PROMPTS]
    together = list(engine.choose(asked))
    counts = [len(choice.logprobs) for choice in together]
    right = all(isinstance(choice, Choice) for choice in together) and counts == [len(OPTIONS)] * len(asked)
    if not found.expect(right, f"`choose` gave choices of {counts} options; give each of {len(asked)} requests one"):
        return
    finite = all(logprob <= CLOSE for choice in together for logprob in choice.logprobs)
    found.expect(finite, "`choose` gave log-likelihoods above 0, or nan; give log-probabilities (nats)")
    alone = [engine.choose([request])[0].logprobs for request in asked]
    for request, choice, own in zip(asked, together, alone, strict=True):
        same = np.allclose(choice.logprobs, own, rtol=0, atol=CLOSE)
        found.expect(same, f"`choose` answers otherwise in a batch than alone (to {_said(request)})")
    none = engine.choose([Request(one.prompt, one.steering.scaled(0.0), OPTIONS) for one in asked])
    plain = engine.choose([Request(one.prompt, options=OPTIONS) for one in asked])
    found.expect(list(none) == list(plain), "steerings at strength 0 are not answered exactly as no steering is")


def _check_texts(found: Findings, engine: Engine) -> None:
    asked = [Request(prompt) for prompt in PROMPTS]
    for sampling in (GREEDY, DRAWN):
        first, second = ([one.text for one in engine.generate(asked, sampling)] for _ in range(2))
        found.expect(first == second, f"`generate` says something else the second time, with {sampling}")
    alone = [engine.generate([request], GREEDY)[0] for request in asked]
    together = engine.generate(asked, GREEDY)
    found.expect(
        [o.text for o in alone] == [o.text for o in together], "`generate` says another thing alone than in a batch"
    )
    for one in together:
        ended = one.finish in ("stop", "length", "thinking", "overflow") and 0 < one.tokens <= GREEDY.max_new_tokens
        found.expect(
            ended, f"`generate` gave {one}; it has 1 to {GREEDY.max_new_tokens} tokens here, and a known finish"
        )


def _check_refusals(found: Findings, engine: Engine) -> None:
    """What cannot be run is refused in words, before anything is computed."""
    word = "party " * engine.context
    calls: dict[str, Any] = {
        "a request without options": lambda: engine.choose([Request(PROMPTS[0])]),
        "a prompt longer than the context": lambda: engine.generate([Request(Prompt(start=word))], GREEDY),
        "a steering of a layer the model lacks": lambda: engine.choose(
            [Request(PROMPTS[0], Steering((Add("resid", engine.layers, np.ones(4, np.float32)),)), OPTIONS)]
        ),
    }
    for what, call in calls.items():
        try:
            call()
        except UserError:
            continue
        except Exception as error:
            found.expect(
                False, f"{what} raised {type(error).__name__}; raise a UserError (steerbench.engines.validation)"
            )
        else:
            found.expect(False, f"{what} is answered; refuse it with a UserError (steerbench.engines.validation)")


def _check_captures(found: Findings, engine: Engine) -> None:
    asked = [Request(PROMPTS[0], options=OPTIONS[:2]), Request(PROMPTS[1], options=OPTIONS[:2])]
    seen = engine.capture(asked, SITES)
    shapes = {site: tuple(seen[site].shape) for site in SITES}
    wanted = {"head_out": engine.width, "mlp_act": engine.neurons, "resid": shapes["resid"][-1]}
    right = all(shapes[site] == (2, 2, engine.layers, wanted[site]) for site in SITES)
    found.expect(right, f"`capture` gave {shapes}; it is [requests, options, layers, dim], dim by site {wanted}")
    front = tuple(engine.capture([Request(PROMPTS[0])], ["resid"], front=2)["resid"].shape)
    found.expect(front == (1, 2, *shapes["resid"][2:]), f"`capture` of the first 2 tokens gave {front}")


def _said(request: Request) -> str:
    said = request.prompt.start or request.prompt.messages[-1][1]
    return f"'{said}' under {[type(edit).__name__ for edit in request.steering.edits] or 'no edit'}"


# -- beside the reference


def _check_beside(found: Findings, engine: Engine, reference: Engine) -> None:
    for name in ("layers", "heads", "neurons", "width", "architecture", "vocabulary"):
        own, there = getattr(engine, name), getattr(reference, name)
        found.expect(own == there, f"`{name}` is {own!r}, and the reference engine has {there!r}")
    for prompt in PROMPTS:
        same = list(engine.tokenize(prompt)) == list(reference.tokenize(prompt))
        found.expect(
            same, f"`tokenize` gives {prompt} other tokens than the reference engine; render chats by its template"
        )
    if found.sentences:
        return
    for kind, steering in {"no edit": UNSTEERED, **steerings(_shape(reference))}.items():
        if kind != "no edit" and not _supports(engine, steering):
            continue
        asked = [Request(prompt, steering, OPTIONS) for prompt in PROMPTS]
        with found.during(f"asking under {kind}"):
            for ours, there in zip(engine.choose(asked), reference.choose(asked), strict=True):
                far = np.abs(np.subtract(ours.logprobs, there.logprobs)).max()
                found.expect(bool(far < CLOSE), f"`choose` under {kind} is {far:.3g} nats off the reference engine")
            free = [Request(prompt, steering) for prompt in PROMPTS]
            texts = [[one.text for one in e.generate(free, GREEDY)] for e in (engine, reference)]
            found.expect(
                texts[0] == texts[1], f"`generate` under {kind} gave {texts[0]}, the reference engine {texts[1]}"
            )
    plain = [Request(PROMPTS[1], options=OPTIONS[:2])]
    ours_seen, there_seen = engine.capture(plain, SITES), reference.capture(plain, SITES)
    for site in SITES:
        close = np.allclose(ours_seen[site], there_seen[site], rtol=CLOSE, atol=CLOSE)
        found.expect(
            close, f"`capture` at {site} differs from the reference engine; see what `Site` is in the contracts"
        )
    if isinstance(engine, Surveying) and isinstance(reference, Surveying):
        free = [Request(prompt) for prompt in PROMPTS[:2]]
        counts, known = (one.survey(free, GREEDY, [0, 1])[1] for one in (engine, reference))
        counted = np.array_equal(counts.tokens, known.tokens) and np.array_equal(counts.positive, known.positive)
        found.expect(counted, "`survey` counts other neurons than the reference engine")
