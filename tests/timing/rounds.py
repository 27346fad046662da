"""Timing files with rounds of known noise."""

from collections.abc import Sequence

import numpy as np

from steerbench.timing.ratios import ratio_of
from steerbench.timing.schema import GROUPS, Machine, Round, SideMeasurement, Sizes, TimingCase, TimingFile

MACHINE = Machine(device="cpu", cpu="abacus", cores=2, threads=1, memory_bytes=1, system="Linux x86_64")


def side(seconds: float, generated: int = 0) -> SideMeasurement:
    return SideMeasurement(
        seconds=seconds, requests=4, prompt_tokens=80, generated_tokens=generated, peak_memory_bytes=1_000_000
    )


def rounds_of(method: Sequence[float], reference: Sequence[float], generated: tuple[int, int] = (0, 0)) -> list[Round]:
    return [
        Round(
            alternation=place // 2,
            pair=place % 2,  # type: ignore[arg-type]
            method_first=bool((place // 2 + place % 2) % 2),
            method=side(one, generated[0]),
            reference=side(other, generated[1]),
        )
        for place, (one, other) in enumerate(zip(method, reference, strict=True))
    ]


def case(rounds: list[Round], group: str = "choose", method: str = "pas", engine: str = "hf") -> TimingCase:
    per = "second per generated token" if group == "generate" else "second"
    return TimingCase(
        group=group,  # type: ignore[arg-type]
        method=method,
        engine=engine,
        reference="the same requests unsteered",
        per=per,  # type: ignore[arg-type]
        rounds=rounds,
        ratio=ratio_of(rounds, per),  # type: ignore[arg-type]
    )


def noisy_case(
    rng: np.random.Generator, noise: float, ratio: float = 1.05, alternations: int = 3, **named: str
) -> TimingCase:
    """Either side's seconds vary by `noise` (standard deviation of their logarithm), apart from each other."""
    method, reference = np.exp(noise * rng.normal(size=(2, 2 * alternations)))
    return case(rounds_of((ratio * method).tolist(), reference.tolist()), **named)


def timing_file(cases: Sequence[TimingCase], machine: Machine = MACHINE, model: str = "smollm2-135m") -> TimingFile:
    return TimingFile(
        created="2026-01-01T00:00:00+00:00",
        clock="wall",
        alternations=3,
        sizes=Sizes(),
        machine=machine,
        versions={"steerbench": "0.1.0"},
        model=model,
        engines={"hf": {"weights": "w"}},
        methods={one.method: {one.method: {}} for one in cases},
        cases=list(cases),
    )


def noisy_file(seed: int, noise: float, methods: Sequence[str] = ("pas", "npti", "actadd")) -> TimingFile:
    rng = np.random.default_rng(seed)
    return timing_file([noisy_case(rng, noise, group=group, method=name) for group in GROUPS for name in methods])
