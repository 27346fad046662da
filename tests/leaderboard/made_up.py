"""Published runs of no model: as many and as strange as a test wants them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from steerbench.contracts import Role
from steerbench.contracts.flags import Flag
from steerbench.publishing.columns import COLUMNS
from steerbench.publishing.samples import write_samples
from steerbench.publishing.schema import SAMPLES, Published, write_published
from steerbench.records.plan import Plan
from steerbench.records.results import (
    ComparisonRecord,
    JudgeCheck,
    JudgeResult,
    MethodResult,
    MethodTiming,
    MetricRecord,
    Timings,
)
from steerbench.records.standing import standing_of

TRIVIAL = {"unsteered": 4.0, "always-3": 3.0}
ROLES: dict[str, Role] = {
    "unsteered": "unsteered",
    "random-direction": "placebo",
    "always-3": "constant",
    "trait-mean": "reference",
    "ceiling": "ceiling",
    "copy": "control",
}
"""Of the rows that tests compare with; a board has those of `TRIVIAL` unless a test wants others."""
UNITS = 30


def metric(value: float | None, spread: float = 0.2, n: int = UNITS) -> MetricRecord:
    ends = (None, None) if value is None else (value - spread, value + spread)
    return MetricRecord(value=value, low=ends[0], high=ends[1], n=n)


def comparison(
    against: str, difference: float, p: float, n: int = UNITS, smallest: float | None = 0.4
) -> ComparisonRecord:
    """With an interval of half a point to both sides."""
    low, high = difference - 0.5, difference + 0.5
    return ComparisonRecord(
        against=against, difference=difference, p=p, p_holm=p, low=low, high=high, n=n, smallest=smallest
    )


def method(
    value: float | None,
    role: Role | None = None,
    p: float | Mapping[str, float] = 0.001,
    difference: float | Mapping[str, float] = -1.0,
    flags: Sequence[Flag | str] = (),
    more: Mapping[str, float] | None = None,
    against: Sequence[str] = tuple(TRIVIAL),
    strengths: Mapping[str, float] | None = None,
    **board: Any,
) -> MethodResult:
    """Error `value`; a method is compared with rows that have a role, at `p` and `difference`, by name if they differ.

    Its standing is that of these comparisons; `board` is what a standing is told of the whole board.
    """
    chosen = dict(strengths or ({"a": 1.5, "b": 0.5} if role is None else {"a": 1.0, "b": 1.0}))
    compared = [] if role else [comparison(name, _of(difference, name), _of(p, name)) for name in against]
    metrics = {"error": metric(value), "error A": metric(value, 0.5), "individual r": metric(0.25)}
    return MethodResult(
        role=role,
        standing=None if role else standing_of(compared, ROLES, chosen, **({"over": "people"} | board)),
        settings={"it": {"seed": 0}},
        metrics=metrics | {name: metric(v) for name, v in (more or {}).items()},
        comparisons=compared,
        flags=list(flags),
        strengths=chosen,
        wordings={},
        items=60,
        unscored=0,
        generated_tokens=100,
    )


def _of(given: float | Mapping[str, float], name: str) -> float:
    return given[name] if isinstance(given, Mapping) else given


def run(
    id: str,
    methods: Mapping[str, MethodResult] | None = None,
    task: str = "papi",
    dataset: str = "sample",
    model: str = "smollm2-135m",
    protocol: str = "strict",
    seconds: float = 2.0,
    **fields: Any,
) -> Published:
    """A run with the rows of `TRIVIAL` too, unless they are among its methods."""
    rows = dict(methods or {"pas": method(2.0)})
    rows |= {name: method(value, ROLES[name]) for name, value in TRIVIAL.items() if name not in rows}
    plan = Plan(methods=("pas",), task=task, model=model, protocol=protocol)  # type: ignore[arg-type]
    whole: dict[str, Any] = {
        "id": id,
        "digest": hashlib.sha256(id.encode()).hexdigest(),
        "identity": {
            "task": {"dataset": dataset},
            "engine": {"engine": "hf", "dtype": "bfloat16"},
            "steerbench": "0.1.0",
        },
        "plan": plan,
        "model": model,
        "command": f"steerbench run --method pas --task {task}",
        "targets": 30,
        "higher_is_better": False,
        "methods": rows,
        "judges": {"trait": judge()},
        "deviations": [] if protocol == "strict" else ["strength chosen on the test items"],
        "timings": Timings(
            methods={name: MethodTiming(fit=seconds, evaluate=seconds) for name in rows}, peak_memory_bytes=3 * 2**30
        ),
        "samples_sha256": "0" * 64,
        "over": "people",
    }
    return Published(**(whole | fields))


def judge() -> JudgeResult:
    check = JudgeCheck(
        texts=40, auc={"trait": 0.93}, retest=0.0, length_bias=0.01, position_bias=None, unscored=0.0, seen=0.5
    )
    return JudgeResult(
        name="axis",
        identity={"encoder": "small"},
        check=check,
        verdicts=120,
        unscored=1,
        calls=120,
        prompt_tokens=0,
        completion_tokens=0,
        cost=0.0,
    )


def write(folder: Path, *runs: Published, items: int = 2) -> Path:
    """Puts them there, each with samples: `items` rated texts of every target and method."""
    for one in runs:
        put(folder, one, samples(one, items))
    return folder


def put(folder: Path, run: Published, samples: pl.DataFrame) -> None:
    """A run and its samples, whose hash it names."""
    path = folder / run.id / SAMPLES
    path.parent.mkdir(parents=True, exist_ok=True)
    write_samples(samples, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    write_published(run.model_copy(update={"samples_sha256": digest}), path.parent)


def samples(run: Published, items: int) -> pl.DataFrame:
    rows = [
        sample(method, place, target, f"q{item}")
        for place, method in enumerate(run.methods)
        for target in ("a", "b")
        for item in range(items)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def sample(method: str, place: int, target: str, item: str, **values: Any) -> dict[str, Any]:
    """One answer and its verdict; methods differ in their losses by half a point."""
    loss = 0.5 * place + int(item[1:]) % 3
    verdict = {"case": "0", "role": "trait", "quality": target, "rating": 4.0, "unscored": "", "details": {"said": "4"}}
    row = dict.fromkeys(COLUMNS) | {
        "method": method,
        "target": target,
        "item": item,
        "question": f"What does {item} ask?",
        "strength": 1.5,
        "wording": 0,
        "text": f"{method} answers {item} as {target}.",
        "before": "",
        "tokens": 6,
        "finish": "stop",
        "verdicts": json.dumps([verdict]),
        "unscored": "",
        "loss": loss,
        "edits": "",
    }
    return row | values
