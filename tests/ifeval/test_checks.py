"""The checks: the library's own verdicts, the same every time, also where the library draws at random or gives up."""

import itertools
import logging
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import langdetect
import nltk
import pytest

from steerbench.errors import UserError
from tasks.ifeval import checks
from tasks.ifeval.checks import Instruction, InstructionVerdict, check, complaint
from tasks.ifeval.prompts import InstructedPrompt, published
from tests.ifeval.responses import RESPONSES, responses

KIND = "keywords:letter_frequency"


def counting(sign: str, relation: str = "at least", times: int = 4) -> Instruction:
    return Instruction(KIND, {"letter": sign, "let_relation": relation, "let_frequency": times})


def one(instruction: Instruction, answer: str) -> InstructionVerdict:
    (verdict,) = check([instruction], "A prompt.", answer)
    return verdict


def loose_by_hand(checker: Any, answer: str) -> bool:
    """Zhou et al. 2023, section 2.2: without the first line, the last, asterisks, in every combination."""
    lines = answer.split("\n")
    for first, last, stars in itertools.product((0, 1), (0, 1), (False, True)):
        rest = "\n".join(lines[first : len(lines) - last])
        rest = rest.strip() if first or last else rest
        rest = rest.replace("*", "") if stars else rest
        if rest.strip() and checker.check_following(rest):
            return True
    return False


def library_verdicts(prompt: InstructedPrompt, answer: str) -> list[InstructionVerdict]:
    """What the library says of the whole prompt."""
    import if_verifiable

    kinds = [instruction.kind for instruction in prompt.instructions]
    arguments = [dict(instruction.arguments) for instruction in prompt.instructions]
    sample = if_verifiable.IFEvalSample(int(prompt.id), prompt.text, kinds, arguments)
    results, _ = if_verifiable.evaluate_output_for_sample("ifeval", sample, answer)
    return [InstructionVerdict(result.strict_pass, result.loose_pass) for result in results]


def has_sign(prompt: InstructedPrompt) -> bool:
    return any(not str(i.arguments.get("letter", "a")).isalpha() for i in prompt.instructions)


@pytest.mark.real_data
def test_on_every_published_prompt_the_verdicts_are_the_librarys_for_ten_answers_to_each_of_its_kinds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks.versions()
    monkeypatch.setattr(langdetect, "detect", cache(langdetect.detect))  # most of the time, for the same few texts
    seen: dict[str, set[InstructionVerdict]] = defaultdict(set)
    compared = 0
    for prompt in published():
        for instruction in dict.fromkeys(i.kind for i in prompt.instructions):
            arguments = next(i.arguments for i in prompt.instructions if i.kind == instruction)
            for answer in responses(instruction, arguments):
                found = check(prompt.instructions, prompt.text, answer)
                if not has_sign(prompt):
                    assert found == library_verdicts(prompt, answer), (prompt.id, answer)
                    compared += 1
                for each, verdict in zip(prompt.instructions, found, strict=True):
                    assert verdict.loose >= verdict.strict
                    seen[each.kind].add(verdict)
    assert compared == (817 - 4) * 10
    assert set(seen) == set(RESPONSES)
    for kind, verdicts in seen.items():
        assert {InstructionVerdict(True, True), InstructionVerdict(False, False)} <= verdicts, kind
    assert sum(InstructionVerdict(False, True) in verdicts for verdicts in seen.values()) >= 15


@pytest.mark.real_data
def test_strict_and_loose_are_those_of_the_paper() -> None:
    from if_verifiable.ifeval import INSTRUCTION_DICT

    first = {instruction.kind: instruction for prompt in published() for instruction in prompt.instructions}
    assert len(first) == 25
    for kind, instruction in first.items():
        for answer in responses(kind, instruction.arguments):
            checker = INSTRUCTION_DICT[kind](kind)
            checker.build_description(**instruction.arguments)
            text = answer.strip()
            assert one(instruction, answer) == InstructionVerdict(
                bool(checker.check_following(text)), loose_by_hand(checker, text)
            ), (kind, answer)


def test_there_are_ten_answers_to_each_kind() -> None:
    assert {kind: len(set(texts)) for kind, texts in RESPONSES.items()} == dict.fromkeys(RESPONSES, 10)
    assert len(RESPONSES) == 25


@pytest.mark.parametrize("sign", ["#", "!", "z", "."])
@pytest.mark.parametrize("relation", ["at least", "less than"])
def test_a_sign_is_counted_as_a_letter_is(sign: str, relation: str) -> None:
    for answer in ("# # # #", "#z!.Zz z! ! #!!.", "ZZzz.", "....#\n##", "none of it"):
        many = answer.lower().count(sign) >= 4
        assert one(counting(sign, relation), answer).strict == (many if relation == "at least" else not many)


def test_a_sign_is_counted_in_what_is_left_of_an_answer_too() -> None:
    assert one(counting("#", "less than"), "####\nzzzz") == InstructionVerdict(False, True)
    assert one(counting("#", "less than"), "zzzz\nnone") == InstructionVerdict(True, True)


@pytest.mark.parametrize("answer", ["", "  \n", "<think>I will say"])
def test_an_answer_with_nothing_in_it_follows_no_instruction(answer: str) -> None:
    kinds = ("punctuation:no_comma", "change_case:english_lowercase", "punctuation:no_comma")
    assert (
        check([Instruction(kind, {}) for kind in kinds], "A prompt.", answer) == [InstructionVerdict(False, False)] * 3
    )


def test_a_verdict_on_an_ambiguous_text_is_the_same_every_time() -> None:
    spanish = Instruction("language:response_language", {"language": "es"})
    for text in ("Ok no", "hola no total", "me de la no si"):
        assert len({one(spanish, text) for _ in range(15)}) == 1


def test_an_answer_of_brackets_alone_is_no_json() -> None:
    assert one(Instruction("detectable_format:json_format", {}), "[" * 200_000) == InstructionVerdict(False, False)


def test_an_answer_without_letters_leaves_no_warning(capfd: pytest.CaptureFixture[str]) -> None:
    assert one(Instruction("language:response_language", {"language": "de"}), "1 2 3").strict
    assert "Unable to detect" not in capfd.readouterr().err
    assert checks._is_no_language_warning(logging.makeLogRecord({"msg": "another"}))


def test_abbreviations_end_no_sentence() -> None:
    one_sentence = Instruction("length_constraints:number_sentences", {"relation": "less than", "num_sentences": 2})
    assert one(one_sentence, "Dr. Smith met Mrs. Jones at 5 p.m. in Washington.").strict
    assert not one(one_sentence, "Dr. Smith left. Mrs. Jones stayed.").strict


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("keywords:existence", {}),
        ("keywords:existence", {"keywords": "rain"}),
        ("keywords:existence", {"keywords": ["rain("]}),
        ("keywords:existence", {"keywords": [1]}),
        ("keywords:frequency", {"keyword": "rain", "relation": "at least"}),
        ("keywords:frequency", {"keyword": "rain", "relation": "more than", "frequency": 2}),
        ("length_constraints:number_words", {"relation": "at least", "num_words": -5}),
        ("length_constraints:number_words", {"relation": "at least", "num_words": "5"}),
        ("punctuation:no_comma", {"num_words": 5}),
        ("combination:repeat_prompt", {}),
        (KIND, {"letter": "ab", "let_relation": "at least", "let_frequency": 4}),
        (KIND, {"letter": "*", "let_relation": "at least", "let_frequency": 4}),
        (KIND, {"letter": "é", "let_relation": "at least", "let_frequency": 4}),
        (KIND, {"letter": ["#"], "let_relation": "at least", "let_frequency": 4}),
    ],
)
def test_arguments_that_the_library_would_replace_or_stumble_over_are_refused(
    kind: str, arguments: dict[str, Any]
) -> None:
    assert complaint(Instruction(kind, arguments)) == f"the arguments {arguments} are not those of '{kind}'"


def test_a_missing_library_is_one_sentence_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    checks._library.cache_clear()
    monkeypatch.setitem(sys.modules, "punkt", None)
    with pytest.raises(UserError, match=r"needs the package punkt: run `pip install .* -e '\.\[ifeval\]'`"):
        check([counting("a")], "A prompt.", "a")
    monkeypatch.undo()
    assert one(counting("a"), "aaaa").strict


def test_the_sentence_model_is_mended_if_its_files_are_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import punkt
    from nltk.tokenize.punkt import load_punkt_params

    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(nltk.data, "path", list(nltk.data.path))
    folder = tmp_path / "nltk" / "tokenizers" / "punkt_tab" / "english"
    for _ in range(2):
        checks.provide()
        written = load_punkt_params(nltk.data.find("tokenizers/punkt_tab/english/"))
        assert written.abbrev_types == punkt.load_model("english").abbrev_types
        assert dict(written.ortho_context) == punkt.load_model("english").ortho_context
        assert (folder / "abbrev_types.txt").read_text()
        (folder / "abbrev_types.txt").write_text("")
    assert nltk.data.path.count(str(tmp_path / "nltk")) == 1
