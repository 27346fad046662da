"""The fitted steerings of a run: fitted once, saved next to the ledger, and loaded at every later start."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast
from urllib.parse import quote

from steerbench.contracts import Engine, Method, Split
from steerbench.contracts.progress import Progress
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import Steering, load_steering
from steerbench.contracts.targets import Target
from steerbench.engines.fitted_on import model_digest
from steerbench.engines.validation import check_fits
from steerbench.errors import UserError
from steerbench.plugins.composed import fit
from steerbench.records.ledger import Ledger
from steerbench.storage.files import understandable


@dataclass(frozen=True, eq=False)
class Fits:
    """Fits methods for a run in its `folder`."""

    engine: Engine | None
    folder: Path
    ledger: Ledger
    progress: Progress

    def of(self, name: str, method: Method, split: Split, targets: Sequence[Target]) -> list[Steering]:
        """Each target's steering of unit strength.

        Fits that needed a model are always loaded from their files, even at the first start, so that every start uses
        exactly the same arrays.
        """
        engine = cast(Engine, self.engine)
        if not method.needs_model:
            return fit(method, engine, targets)
        saved = self._saved(name, split, targets)
        if saved is None:
            self.progress.started("fit", name, len(targets), 0)
            started = time.perf_counter()
            steerings = fit(method, engine, targets)
            check_fits(name, engine, targets, steerings)
            self._save_all(name, split, targets, steerings, time.perf_counter() - started)
            saved = self._saved(name, split, targets)
            self.progress.finished()
        if saved is None:
            raise UserError(f"The fits of '{name}' in {self.folder} cannot be read back; check the disk.")
        return saved

    def keep(self, name: str, target: Target, setting: Setting, fitted: Steering) -> None:
        """Saves a target's steering at its chosen strength, for use elsewhere."""
        steering = setting.apply(fitted)
        file = Path("steerings", quote(name), f"{quote(target.id)}.safetensors")
        nothing = not (steering.edits or steering.prompt) or steering.by_item
        if nothing or (self.folder / file).exists():
            return
        provenance = {"method": name, "target": target.id, "strength": repr(setting.strength), **facts_of(steering)}
        if self.engine is not None:
            provenance["model"] = model_digest(self.engine)
        self._save(steering, file, provenance)

    def _save_all(
        self, name: str, split: Split, targets: Sequence[Target], steerings: Sequence[Steering], seconds: float
    ) -> None:
        files: dict[str, tuple[str, str]] = {}
        for target, steering in zip(targets, steerings, strict=True):
            file = Path("fits", quote(name), split, f"{quote(target.id)}.safetensors")
            self._save(steering, file, facts_of(steering))
            files[target.id] = str(file), steering.digest
        self.ledger.record_fits(name, split, files, seconds)

    def _saved(self, name: str, split: Split, targets: Sequence[Target]) -> list[Steering] | None:
        """The fits of an earlier start; None unless all are there and undamaged."""
        files = self.ledger.fits(name, split)
        loaded = []
        for target in targets:
            file, digest = files.get(target.id, ("", ""))
            if not file or not (self.folder / file).exists():
                return None
            steering, provenance = load_steering(self.folder / file)
            if steering.digest != digest:
                return None
            loaded.append(replace(steering, facts=json.loads(provenance.get(FACTS, "{}"))))
        return loaded

    def _save(self, steering: Steering, file: Path, provenance: Mapping[str, str]) -> None:
        path = self.folder / file
        with understandable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            steering.save(path, provenance)


FACTS = "facts"
"""The key in a steering file's provenance that holds the facts of its fit."""


def facts_of(steering: Steering) -> dict[str, str]:
    """`Steering.facts` as JSON for a steering file's provenance; empty without facts."""
    return {FACTS: json.dumps(dict(steering.facts), sort_keys=True)} if steering.facts else {}
