"""A run is named by the code of every plug-in that it uses: what of it counts, and what is told of a change."""

import pytest

from steerbench.bridges.steered import Steered
from steerbench.contracts.steering import UNSTEERED
from steerbench.errors import UserError
from steerbench.judging.panel import verdicts_key
from steerbench.plugins.code import changes
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import differences
from steerbench.running.preparing import prepare
from steerbench.running.rejudging import prepare_again
from steerbench.running.runner import execute
from tests.code_identity.conftest import PLAN, as_in_a_new_process, edit, identity, write

EDITS = {
    "method:kit-push": ("kit/push.py", "self.size = SIZE", "self.size = 2 * SIZE"),
    "task:kit-task": ("kit/task.py", "class Task(RatedTask):", "class Task(RatedTask):\n    respondents: int = 2"),
    "judge:kit-judge": ("kit/judge.py", "class Judge(ToyJudge):", "class Judge(ToyJudge):\n    lenience: float = 0.0"),
    "engine:kit-engine": ("kit/engine.py", "class Engine(ToyEngine):", "class Engine(ToyEngine):\n    width: int = 2"),
}


@pytest.mark.parametrize("of", EDITS)
def test_a_plug_in_edited_in_place_is_another_run_told_in_words_and_edited_back_the_same_one(kit, of):
    file, old, new = EDITS[of]
    before = identity()
    edit(kit / file, old, new)
    after = identity()
    assert after.digest != before.digest
    kind, name = of.split(":")
    assert differences(before.fields, after.fields) == [
        f"the sources of the {kind} '{name}' changed since it was started"
    ]
    edit(kit / file, new, old)
    assert identity() == before


def test_what_the_method_imports_and_the_files_beside_it_count_and_what_it_does_not_use_does_not(kit):
    before = identity()
    for file, old, new in (("kit/amounts.py", "0.5", "0.25"), ("kit/words/list.txt", "calm", "wild")):
        edit(kit / file, old, new)
        assert identity().digest != before.digest
        edit(kit / file, new, old)
    edit(kit / "kit" / "other.py", "class Other(Push):", "class Other(Push):\n    size = 9.0")
    write(kit / "kit" / ".notes", "hidden")
    edit(kit / "kit" / "push.py", '"""Pushes."""', '"""Pushes up."""  # and on')
    assert identity() == before


def test_another_version_of_the_distribution_is_another_run(kit):
    before = identity()
    edit(kit / "kit-0.1.dist-info" / "METADATA", "Version: 0.1", "Version: 0.2")
    told = differences(before.fields, identity().fields)
    assert "the method 'kit-push' was of kit 0.1 and is now of kit 0.2" in told
    assert len(told) == 4


def test_a_run_that_kept_no_record_of_its_code_is_told_of_as_such(kit):
    now = identity()
    then = {name: value for name, value in now.fields.items() if name != "code"}
    assert differences(then, now.fields) == ["the code was not recorded when it was started"]


def test_the_parts_of_a_composed_method_what_a_row_is_matched_to_and_the_reference_count(kit):
    composed = PLAN.model_copy(update={"methods": ("toy-words+kit-push",)})
    matched = PLAN.model_copy(
        update={"methods": ("toy-random",), "method_parameters": {"toy-random": {"of": "kit-push"}}}
    )
    floor = PLAN.model_copy(update={"methods": ("toy-silent",), "rule": "fluency-floor"})
    assert {"method:toy-words", "method:kit-push"} <= identity(composed).fields["code"].keys()
    assert {"method:toy-random", "method:kit-push"} <= identity(matched).fields["code"].keys()
    assert "method:toy-words" in identity(floor).fields["code"]
    assert "method:toy-words" not in identity(floor.model_copy(update={"rule": "best-score"})).fields["code"]


def test_verdicts_and_answers_kept_elsewhere_are_kept_by_the_code_too(kit):
    def keys():
        as_in_a_new_process()
        prepared = prepare(PLAN)
        return verdicts_key(prepared.judges["trait"]), Steered(prepared.engine, None, UNSTEERED, 1.0, {}).key

    judged, answered = keys()
    edit(kit / "kit" / "judge.py", *EDITS["judge:kit-judge"][1:])
    assert keys()[0] != judged
    assert keys()[1] == answered
    edit(kit / "kit" / "engine.py", *EDITS["engine:kit-engine"][1:])
    assert keys()[1] != answered


def test_rating_again_by_an_edited_judge_asks_it_anew_and_keeps_the_code_that_made_the_answers(kit, tmp_path):
    prepared = prepare(PLAN)
    run = prepared.folder(tmp_path)
    execute(prepared, run)
    judged = verdicts_key(prepared.judges["trait"])
    as_in_a_new_process()
    again = prepare_again(run, {}, {})
    edit(kit / "kit" / "judge.py", *EDITS["judge:kit-judge"][1:])
    edit(kit / "kit" / "push.py", *EDITS["method:kit-push"][1:])
    as_in_a_new_process()
    by_another = prepare_again(run, {}, {})
    assert by_another.identity.digest != again.identity.digest
    then, now = again.identity.fields["code"], by_another.identity.fields["code"]
    assert {of for of in then if then[of] != now[of]} == {"judge:kit-judge"}
    assert verdicts_key(by_another.judges["trait"]) != judged


def test_a_ledger_of_other_code_is_refused_with_what_changed(kit, tmp_path):
    prepared = prepare(PLAN)
    execute(prepared, tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    edit(kit / "kit" / "push.py", *EDITS["method:kit-push"][1:])
    as_in_a_new_process()
    with pytest.raises(
        UserError,
        match=r"a different one \(the sources of the method 'kit-push' changed since it was started\); start a new",
    ):
        execute(prepare(PLAN), tmp_path / "run")
    assert (tmp_path / "run" / LEDGER).exists()


def test_digests_alone_are_told_of_as_sources():
    assert changes("a", "b") == ["the sources changed"]
    assert changes("a", "a") == []
