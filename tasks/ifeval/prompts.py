"""IFEval's prompts and their instructions, read from the published file."""

from dataclasses import dataclass
from pathlib import Path

from steerbench.datasets.fetch import path_of
from steerbench.toolkit.rows import FileRow, json_lines
from tasks.ifeval.checks import Instruction, complaint

DATASET = "ifeval"


@dataclass(frozen=True)
class InstructedPrompt:
    """A prompt, and the instructions in it that can be checked."""

    id: str
    text: str
    instructions: tuple[Instruction, ...]


def published() -> list[InstructedPrompt]:
    """The 541 prompts of the dataset.

    Raises:
        UserError: as in `read`, or the dataset is not available.
    """
    return read(path_of(DATASET, "input_data.jsonl"))


def read(path: Path) -> list[InstructedPrompt]:
    """The prompts of a file in the published format. Arguments that are null count as missing.

    Raises:
        UserError: a line is not a prompt with instructions that can be checked, two lines have the same key, or the
            library of checks is not installed.
    """
    found: dict[str, InstructedPrompt] = {}
    for row in json_lines(path):
        prompt = _prompt(row)
        if prompt.id in found:
            raise row.broken(f"the key {prompt.id} is in an earlier line too")
        found[prompt.id] = prompt
    return list(found.values())


def _prompt(row: FileRow) -> InstructedPrompt:
    key, kinds, arguments = (row.fields.get(name) for name in ("key", "instruction_id_list", "kwargs"))
    if type(key) is not int:
        raise row.broken("the field 'key' is not a whole number")
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):
        raise row.broken("the field 'instruction_id_list' is not a list of instructions")
    if not isinstance(arguments, list) or not all(isinstance(one, dict) for one in arguments):
        raise row.broken("the field 'kwargs' is not a list of arguments")
    if len(arguments) != len(kinds):
        raise row.broken(f"there are {len(kinds)} instructions, but arguments for {len(arguments)}")
    instructions = tuple(
        Instruction(kind, {name: value for name, value in given.items() if value is not None})
        for kind, given in zip(kinds, arguments, strict=True)
    )
    for instruction in instructions:
        if wrong := complaint(instruction):
            raise row.broken(wrong)
    return InstructedPrompt(str(key), row.text("prompt"), instructions)
