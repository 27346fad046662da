"""Packages that `steerbench new` wrote, installed as pip lays them out: without a build, and so without a network."""

import shutil
import tomllib
from pathlib import Path


def laid_out(folder: Path, place: Path) -> Path:
    """Install the package in `folder` into `place`, a folder to be put on the path; returns it."""
    told = tomllib.loads((folder / "pyproject.toml").read_text())
    project, name = told["project"], told["project"]["name"].replace("-", "_")
    info = place / f"{name}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    modules = told["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]
    for module in modules:
        shutil.copy(folder / module, place)
    (info / "RECORD").write_text("".join(f"{module},,\n" for module in modules), encoding="utf-8")
    return place
