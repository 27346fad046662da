"""IFEval's prompts with the instructions in them, read from the published file."""

from dataclasses import dataclass
from pathlib import Path

from steerbench.datasets.fetch import path_of
from steerbench.toolkit.rows import FileRow, json_lines
from tasks.ifeval.checks import Instruction, complaint

DATASET = "ifeval"


@dataclass(frozen=True)
class InstructedPrompt:
    """What is asked, and what of it can be checked."""

    id: str
    text: str
    instructions: tuple[Instruction, ...]


def published() -> list[InstructedPrompt]:
    """The 541 prompts of the dataset.

    Raises:
        UserError: as `read`; or the dataset cannot be had.
    """
    return read(path_of(DATASET, "input_data.jsonl"))


def read(path: Path) -> list[InstructedPrompt]:
    """The prompts of a file in the published format; arguments that are null count as not there.

    Raises:
        UserError: a line is no prompt with instructions that can be checked, or its key stands in two; or the
            library of checks is not installed.
    """
    found: dict[str, InstructedPrompt] = {}
    for row in json_lines(path):
        prompt = _prompt(row)
        if prompt.id in found:
            raise row.broken(f"the key {prompt.id} stands in an earlier line too")
        found[prompt.id] = prompt
    return list(found.values())


def _prompt(row: FileRow) -> InstructedPrompt:
    key, kinds, arguments = (row.fields.get(name) for name in ("key", "instruction_id_list", "kwargs"))
    if type(key) is not int:
        raise row.broken("the field 'key' is no whole number")
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):
        raise row.broken("the field 'instruction_id_list' is no list of instructions")
    if not isinstance(arguments, list) or not all(isinstance(one, dict) for one in arguments):
        raise row.broken("the field 'kwargs' is no list of arguments")
    if len(arguments) != len(kinds):
        raise row.broken(f"there are {len(kinds)} instructions and arguments for {len(arguments)}")
    instructions = tuple(
        Instruction(kind, {name: value for name, value in given.items() if value is not None})
        for kind, given in zip(kinds, arguments, strict=True)
    )
    for instruction in instructions:
        if wrong := complaint(instruction):
            raise row.broken(wrong)
    return InstructedPrompt(str(key), row.text("prompt"), instructions)
