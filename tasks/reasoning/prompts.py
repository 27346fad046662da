"""Prompts for problems: reasoning in two stages (Kojima et al. 2022), with solved examples, or by options."""

from collections.abc import Sequence

from steerbench.contracts import Prompt
from steerbench.contracts.steering import PromptChange
from tasks.reasoning.problems import Kind, Problem

THINK = "Let's think step by step."
EXAMPLES = "Some problems and how they are solved:"
ANSWER = "Answer:"

ASKING: dict[Kind, str] = {
    "number": "So the answer, as a number, is",
    "yes-no": "So the answer, yes or no, is",
    "letter": "So of the choices {letters} the answer is",
    "text-letters": "So of the choices {letters} the answer is",
}
"""The start of the second stage's answer, which the model completes."""


def reasoning(problem: Problem, change: PromptChange, examples: Sequence[Problem] = ()) -> Prompt:
    """The problem as the user's turn, and the start of a reasoning answer; with examples, without that start."""
    question = shown(problem)
    if examples:
        solved = [
            f"Question: {shown(example)}\nAnswer: {example.meta['solution']} The answer is {example.gold[0]}."
            for example in examples
        ]
        question = "\n\n".join([EXAMPLES, *solved, f"Question: {question}\nAnswer:"])
    return Prompt(_messages(question, change), "" if examples else THINK)


def asking(problem: Problem, change: PromptChange, said: str) -> Prompt:
    """The second stage: the reasoning so far, and the start of a sentence that states the answer."""
    letters = ", ".join(f"({problem.letter_of(n)})" for n in range(len(problem.choices)))
    trigger = ASKING[problem.kind].format(letters=letters)
    return Prompt(_messages(shown(problem), change), f"{THINK}{said.rstrip()}\n\n{trigger}")


def choosing(problem: Problem, change: PromptChange) -> Prompt:
    """The problem with its choices; the most likely letter is the answer."""
    return Prompt(_messages(shown(problem), change), ANSWER)


def letters(problem: Problem) -> tuple[str, ...]:
    """The options after `choosing`, in the order of the choices."""
    return tuple(f" {problem.letter_of(n)}" for n in range(len(problem.choices)))


def shown(problem: Problem) -> str:
    """The question and its lettered choices."""
    choices = [f"({problem.letter_of(n)}) {choice}" for n, choice in enumerate(problem.choices)]
    return "\n".join([problem.question, *choices])


def _messages(question: str, change: PromptChange) -> tuple[tuple[str, str], ...]:
    said = change.as_message()
    return (*((("system", said),) if said else ()), ("user", question))
