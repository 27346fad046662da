"""Greedy text after "Option", read as a person reads it; None where two readings are possible."""

import pytest

from steerbench.contracts import Completion, Split
from steerbench.contracts.thoughts import UNFINISHED
from tasks.papi.readouts import TextReadout
from tasks.papi.task import PAPI

FORMS = [
    (" (b)", 4),
    (" b", 4),
    (" b, I think", 4),
    (" d) moderately inaccurate", 2),
    (" a. Very Accurate", 5),
    (" **D**", 2),
    (" `D`", 2),
    (" 'D'", 2),
    (" \u201cD\u201d", 2),
    (" \uff24", 2),
    (" \uff08\uff24\uff09", 2),
    (" \U0001d403", 2),
    (" D\u3002", 2),
    (" <b>D</b>", 2),
    (" \\boxed{\\text{D}}", 2),
    ("\u200bD", 2),
    (" option d", 2),
    (" [D]", 2),
    (" (D", 2),
    (" D: Moderately Inaccurate", 2),
    (" D \u2013 Moderately Inaccurate", 2),
    (" MODERATELY inaccurate", 2),
    (" Moderately\u00a0Inaccurate", 2),
    (" neither accurate nor inaccurate", 3),
    (": the answer is (C).", 3),
    (": I'd go with b.", 4),
    (" A seems right", 5),
    (" D D", 2),
]

OTHER_WORDS = [
    (": A person like me picks (D)", 2),
    (": I'd say a little", None),
    (" A little of both", None),
    (" a person", None),
    (" I would say so", None),
    (" I am E", 1),
    (" e.g. parties", None),
    (" E-mail", None),
    (" C++", None),
    (" B12", None),
    (" DE", None),
    (" c'mon", None),
]

DENIED = [
    (": not (A) but (D)", 2),
    (": anything but B", None),
    (": nothing but B", 4),
    (": B is wrong", None),
    (": (A) is incorrect. (D) is right", 2),
    (": (A) Very Accurate isn't right, (D) is", 2),
    (": rather D than A", 2),
    (": I choose A over D", 5),
    (": instead of A, D", 2),
    (": neither (A) nor (B)", None),
    (": I don't think it's B", None),
    (": it's not very accurate", None),
    (": not Very Accurate but Moderately Accurate", 4),
    (": wrong: A", None),
    (": B: no", None),
    (" B, no doubt", 4),
    (" B because A is too strong", 4),
    (" Is it A? I pick D", 2),
]

SEVERAL = [
    (" A or B", None),
    (" A/B", None),
    (" A or b", None),
    (" b, c", None),
    (" between A and C", None),
    (" A to C", None),
    (" A-D", None),
    (" A->D", None),
    (" A? B? C.", 3),
    (" (D) Moderately Inaccurate, not (B) Moderately Accurate", 2),
    (" A B", None),
    (" D, maybe E", None),
    (" A. Or B?", None),
    (" (A) or (F)", None),
    (" F or A", None),
    (" (F)", None),
    (" Moderately or Very Accurate", None),
    (" Moderately Accurate or Very Accurate", None),
    ("s: (A) Very Accurate (B) Moderately Accurate", None),
    (" (D) Very Accurate", None),
    (" D. Very Accurate", None),
    (" (D)\nVery Accurate", None),
    (" Very Accurate (D)", None),
    (" (D) Very", None),
    (" (A) Inaccurate", None),
    (" (A) Accurate", 5),
]

TAKEN_BACK = [
    (" A. No, wait: D", 2),
    (" A, no wait, D", 2),
    (" A... actually D", 2),
    (" A. No, D.", 2),
    (" (A)? No, (D).", 2),
    (" Very Accurate. I mean Very Inaccurate", 1),
    (" A. Wait,", None),
    (" A. Wait, that is too strong for D", None),
    (" A. Wait, yes, A", 5),
    (" B. No doubt about it", 4),
]


@pytest.mark.parametrize(("text", "tick"), [*FORMS, *OTHER_WORDS, *DENIED, *SEVERAL, *TAKEN_BACK])
def test_the_one_option_that_is_stated_is_read_however_it_is_written(text: str, tick: float | None) -> None:
    assert TextReadout("careful").read(Completion(text, 5, "length"))[0] == tick


@pytest.mark.parametrize("parser", ["careful", "published"])
def test_neither_parser_reads_what_was_thought(parser: str) -> None:
    readout = TextReadout(parser)  # type: ignore[arg-type]
    assert readout.read(Completion("<think>(A)?</think> (D)", 9, "stop"))[0] == 2
    assert readout.read(Completion("<think> (A)", 9, "length"))[0] is None
    assert readout.read(Completion("", 9, "thinking", thoughts="(A)?"))[0] is None


def test_an_answer_that_never_left_its_thoughts_says_so() -> None:
    task = PAPI(readout="generate", respondents=2)
    task.unseal()
    target = task.targets(Split.TEST)[0]
    item = task.items(target, Split.TEST)[0]
    said = [Completion("", 9, "thinking"), Completion("<think> (A)", 9, "length"), Completion(" F", 9, "stop")]
    assert [task.score(item, target, one).unscored == UNFINISHED for one in said] == [True, True, False]
