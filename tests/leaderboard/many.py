"""Made-up published runs by the thousand: `python -m tests.leaderboard.many FOLDER --runs 2000 --samples 200`.

Half of them stand on one board, the others on three. Each is as large as a run of this project: two methods and two
rows to beat, answers of some sixty words with two verdicts, portraits of thirty layers, a calibration of eight points.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from steerbench.publishing.columns import COLUMNS
from steerbench.publishing.schema import CalibrationPoint, Edited, Portrait, Published
from tests.leaderboard.made_up import method, metric, put, run, sample

TASKS = {"papi": "sample", "personalitybench": "", "gsm8k": "gsm8k", "strategyqa": "strategyqa"}
MODELS = ("smollm2-135m", "Qwen/Qwen2.5-0.5B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", "gemma-2-2b-it", "olmo-1b")
METHODS = tuple(f"{name}{more}" for name in ("pas", "npti", "caa", "actadd", "p2") for more in ("", "+a", "+b", "+c"))
TARGETS = ("a", "b")
WORDS = ("the", "a", "model", "neighbour", "letter", "quiet", "evening", "plan", "because", "often", "worry", "gladly")
LAYERS, POINTS = 30, 8


def write_many(folder: Path, runs: int, samples: int, seed: int = 0) -> None:
    """So many runs, each of so many samples (rounded to whole items); the first are alike whatever their number."""
    rng = np.random.default_rng(seed)
    for place in range(runs):
        one = _run(place, rng)
        put(folder, one, _samples(one, max(1, round(samples / (len(one.methods) * len(TARGETS)))), rng))


def _run(place: int, rng: np.random.Generator) -> Published:
    task = list(TASKS)[0 if place % 2 else 1 + place // 2 % (len(TASKS) - 1)]
    names = [METHODS[which] for which in rng.choice(len(METHODS), 2, replace=False)]
    rows = {
        name: method(
            round(float(rng.normal(2.5, 0.5)), 3),
            p=float(rng.choice([0.001, 0.4])),
            flags=["12 % of answers were cut off at the token limit"] * int(rng.random() < 0.2),
            more={"fluency": round(float(rng.normal(3, 0.3)), 3), "missing": 0.0},
        )
        for name in names
    }
    return run(
        f"{task}-{place:05d}", rows, task, TASKS[task], MODELS[int(rng.integers(len(MODELS)))],
        seconds=round(float(rng.gamma(4, 20)), 2), portraits={name: _portrait(rng) for name in names},
        calibration={name: _calibration(rng) for name in names},
    )  # fmt: skip


def _portrait(rng: np.random.Generator) -> Portrait:
    shares = rng.random(LAYERS).round(4).tolist()
    edits = [
        Edited(site="head_out", layer=layer, kind="add", positions="all", share=share)
        for layer, share in enumerate(shares)
    ]
    return Portrait(about="Adds a direction to the heads that tell a trait best.", layers=LAYERS, edits=edits)


def _calibration(rng: np.random.Generator) -> list[CalibrationPoint]:
    losses = rng.normal(2, 0.3, POINTS).round(4).tolist()
    return [CalibrationPoint(strength=float(s), wording=0, loss=metric(loss)) for s, loss in enumerate(losses)]


def _samples(run: Published, items: int, rng: np.random.Generator) -> pl.DataFrame:
    rows = [
        sample(
            name, place, target, f"q{item}", text=_text(rng, 60), question=f"{item}: {_text(rng, 12)}?", **_judged(rng)
        )
        for place, name in enumerate(run.methods)
        for target in TARGETS
        for item in range(items)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _text(rng: np.random.Generator, words: int) -> str:
    return " ".join(WORDS[which] for which in rng.integers(len(WORDS), size=words))


def _judged(rng: np.random.Generator) -> dict[str, Any]:
    trait, fluency = rng.uniform(1, 5, 2).round(6).tolist()
    verdicts = [_verdict("trait", "extraversion", trait), _verdict("fluency", "fluency", fluency)]
    return {"verdicts": json.dumps(verdicts), "loss": abs(5 - trait)}


def _verdict(role: str, quality: str, rating: float) -> dict[str, Any]:
    details = {"projection": rating / 7}
    return {"case": f"{rating}", "role": role, "quality": quality, "rating": rating, "unscored": "", "details": details}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--samples", type=int, default=200, help="of each run")
    given = parser.parse_args(arguments)
    write_many(given.folder, given.runs, given.samples)
    print(f"{given.runs:,} runs in {given.folder}.")


if __name__ == "__main__":
    main()
