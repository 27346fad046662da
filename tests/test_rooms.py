"""The tree that CONTRIBUTING shows is the tree there is, in the order in which the import rules stack it."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]


def shown() -> list[str]:
    """The rooms in the block that begins with `cli/`, from the top."""
    [block] = re.findall(r"```\n(cli/ .*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    return [line.split()[0] for line in block.splitlines()]


def test_every_room_is_shown_and_no_other():
    house = ROOT / "steerbench"
    rooms = {f"{room.name}/" for room in house.iterdir() if (room / "__init__.py").exists()}
    files = {file.name for file in house.glob("*.py")} - {"__init__.py"}
    assert sorted(shown()) == sorted(rooms | files)


def test_rooms_are_shown_from_the_top_floor_down():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [floors] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    floor = {room: number for number, rooms in enumerate(floors) for room in rooms.split(" | ")}
    stacked = [floor[name.removesuffix("/").removesuffix(".py")] for name in shown()]
    assert len(stacked) == len(floor)
    assert all(above <= below for above, below in pairwise(stacked))


def test_every_room_says_what_it_is():
    for room in (ROOT / "steerbench").glob("*/__init__.py"):
        assert room.read_text().startswith('"""'), room.parent.name
