"""How problems are put to a model: reasoning in two stages (Kojima et al. 2022), with examples, or by options."""

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
"""What the second stage has the model finish."""


def reasoning(problem: Problem, change: PromptChange, examples: Sequence[Problem] = ()) -> Prompt:
    """The problem as the user's turn, and the start of a reasoning answer; with examples, nothing but them to go by."""
    question = shown(problem)
    if examples:
        solved = [
            f"Question: {shown(example)}\nAnswer: {example.meta['solution']} The answer is {example.gold[0]}."
            for example in examples
        ]
        question = "\n\n".join([EXAMPLES, *solved, f"Question: {question}\nAnswer:"])
    return Prompt(_messages(question, change), "" if examples else THINK)


def asking(problem: Problem, change: PromptChange, said: str) -> Prompt:
    """The second stage: what was said, and the start of a sentence that states the answer."""
    letters = ", ".join(f"({problem.letter_of(n)})" for n in range(len(problem.choices)))
    trigger = ASKING[problem.kind].format(letters=letters)
    return Prompt(_messages(shown(problem), change), f"{THINK}{said.rstrip()}\n\n{trigger}")


def choosing(problem: Problem, change: PromptChange) -> Prompt:
    """The problem with its choices, of which the likeliest letter is the answer."""
    return Prompt(_messages(shown(problem), change), ANSWER)


def letters(problem: Problem) -> tuple[str, ...]:
    """What may follow `choosing`, in the order of the choices."""
    return tuple(f" {problem.letter_of(n)}" for n in range(len(problem.choices)))


def shown(problem: Problem) -> str:
    """Question and lettered choices."""
    choices = [f"({problem.letter_of(n)}) {choice}" for n, choice in enumerate(problem.choices)]
    return "\n".join([problem.question, *choices])


def _messages(question: str, change: PromptChange) -> tuple[tuple[str, str], ...]:
    said = change.as_message()
    return (*((("system", said),) if said else ()), ("user", question))
