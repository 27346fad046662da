"""The ledger: nothing twice, nothing half, and a sentence for whatever stands in the way."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from steerbench.contracts import Choice, Completion, Score, Split
from steerbench.contracts.setting import Setting
from steerbench.errors import UserError
from steerbench.records.found_ledgers import read_plan, reading
from steerbench.records.ledger import Ledger
from steerbench.records.plan import Identity, Plan
from steerbench.records.samples import Sample

PLAN = Plan(methods=("pas",), task="papi")
IDENTITY = Identity({"engine": {"weights": "abc"}, "task": {"dataset": "d"}}, "1" * 64)


def sample(target="t", item="i", outcome=None, **changes):
    fields = {"setting": Setting(), "prompt": "p", "edits": "", "score": Score(0.5, {"answer": 3})} | changes
    return Sample(target, item, outcome=outcome or Choice((-0.1, -2.5)), **fields)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "run" / "ledger.sqlite", IDENTITY, PLAN) as ledger:
        yield ledger


def test_no_sample_is_held_twice_and_the_chunk_that_repeats_one_leaves_nothing(ledger):
    ledger.record("pas", Split.TEST, 0, [sample(item="a")], "evaluate", 1.0)
    with pytest.raises(sqlite3.IntegrityError):
        ledger.record("pas", Split.TEST, 0, [sample(item="b"), sample(item="a")], "evaluate", 1.0)
    assert ledger.answered("pas", Split.TEST, 0) == {("t", "a")}
    assert ledger.seconds() == {"pas": {"evaluate": 1.0}}


def test_an_interrupted_chunk_leaves_nothing(ledger):
    def samples():
        yield sample(item="a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.record("pas", Split.TEST, 0, samples(), "evaluate", 1.0)
    assert ledger.answered("pas", Split.TEST, 0) == set()
    assert ledger.seconds() == {}


@pytest.mark.parametrize("outcome", [Choice((-1 / 3, -1e-300, -0.1 - 0.2)), Completion("é\n\ud83d", 3, "length")])
def test_outcomes_come_back_to_the_last_bit(ledger, outcome):
    ledger.record("pas", Split.TEST, 0, [sample(outcome=outcome)], "evaluate", 1.0)
    assert ledger.unedited("pas", Split.TEST, 0) == {"p": outcome}
    scored = ledger.scored("pas", Split.TEST, 0)["t", "i"]
    assert (scored.score.loss, scored.score.record) == (0.5, {"answer": 3})


def test_only_outcomes_of_the_unedited_model_are_lent_to_others(ledger):
    rows = [
        sample(item="a", prompt="x"),
        sample(item="b", prompt="y", edits="e"),
        sample(item="c", prompt="", outcome=3.0),
    ]
    ledger.record("pas", Split.TEST, 0, rows, "evaluate", 1.0)
    assert set(ledger.unedited("pas", Split.TEST, 0)) == {"x"}
    assert ledger.unedited("pas", Split.TEST, 1) == {}


def test_tokens_are_those_of_the_result_not_of_calibration(ledger):
    ledger.record("pas", Split.CALIBRATION, 0, [sample(outcome=Completion("a", 50, "stop"))], "calibrate", 1.0)
    ledger.record(
        "pas", Split.TEST, 0, [sample(item=i, outcome=Completion(i, 4, "stop")) for i in "ab"], "evaluate", 1.0
    )
    ledger.record("pas", Split.TEST, 0, [sample(item="c", outcome=Choice((float("-inf"), -1.0)))], "evaluate", 1.0)
    assert ledger.tokens("pas") == 8


def test_choices_are_frozen(ledger):
    ledger.freeze("pas", {"t": Setting(2.5, 1)}, {"t": 0.5})
    with pytest.raises(sqlite3.IntegrityError):
        ledger.freeze("pas", {"t": Setting(3.0)}, {"t": 0.4})
    assert ledger.choices("pas") == {"t": Setting(2.5, 1)}


def test_the_samples_of_the_chosen_setting_become_the_result(ledger):
    for step, strength in enumerate([0.0, 2.0, 2.0]):
        rows = [sample(setting=Setting(strength), outcome=Choice((float(-step), 0.0)))]
        ledger.record("pas", Split.CALIBRATION, step, rows, "calibrate", 1.0)
    ledger.copy_chosen("pas", {"t": Setting(2.0)})
    assert ledger.unedited("pas", Split.TEST, 0) == {"p": Choice((-1.0, 0.0))}


def test_seconds_add_up_over_chunks(ledger):
    for item in "abc":
        ledger.record("pas", Split.TEST, 0, [sample(item=item)], "evaluate", 0.25)
    ledger.record_fits("pas", Split.TEST, {"t": ("f", "d")}, 2.0)
    assert ledger.seconds() == {"pas": {"evaluate": 0.75, "fit": 2.0}}


# -- opening


def test_a_ledger_is_gone_on_with_and_keeps_its_plan(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path, IDENTITY, PLAN, token_budget=512) as ledger:
        ledger.record("pas", Split.TEST, 0, [sample()], "evaluate", 1.0)
    with Ledger.open(path, IDENTITY, PLAN, token_budget=4096) as ledger:
        assert ledger.answered("pas", Split.TEST, 0) == {("t", "i")}
        assert ledger.token_budget() == 512
    assert read_plan(path) == PLAN


def test_the_ledger_of_another_run_is_refused_and_the_difference_named(tmp_path):
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path, IDENTITY, PLAN).__exit__()
    other = Identity({"engine": {"weights": "xyz"}, "task": {"dataset": "d"}}, "2" * 64)
    with pytest.raises(UserError, match=r'is a different one .engine.weights was "abc" and is now "xyz".; start a new'):
        Ledger.open(path, other, PLAN)
    Ledger.open(path, IDENTITY, PLAN).__exit__()


def test_a_ledger_of_a_newer_schema_is_refused(tmp_path):
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path, IDENTITY, PLAN).__exit__()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(UserError, match=r"newer steerbench \(schema 99, this one reads 3\); upgrade steerbench"):
        Ledger.open(path, IDENTITY, PLAN)
    with pytest.raises(UserError, match="newer steerbench"):
        read_plan(path)


def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_is(tmp_path):
    text = tmp_path / "text" / "ledger.sqlite"
    text.parent.mkdir()
    text.write_text("a shopping list, " * 100)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    for path in (text, foreign):
        before = path.read_bytes()
        with pytest.raises(UserError, match="is not a steerbench ledger"):
            Ledger.open(path, IDENTITY, PLAN)
        with pytest.raises(UserError, match="is not a steerbench ledger"):
            read_plan(path)
        assert path.read_bytes() == before


def test_a_ledger_whose_making_was_cut_short_is_made_again(tmp_path):
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    with Ledger.open(path, IDENTITY, PLAN) as ledger:
        assert ledger.meta()["digest"] == IDENTITY.digest


def test_a_missing_run_is_told(tmp_path):
    with (
        pytest.raises(UserError, match=r"There is no run in .*: it holds no ledger\.sqlite"),
        reading(tmp_path / "ledger.sqlite"),
    ):
        pass


HOLD = """
import sys
from pathlib import Path
from tests.records.test_ledger import IDENTITY, PLAN, Ledger
with Ledger.open(Path(sys.argv[1]), IDENTITY, PLAN):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_two_processes_cannot_write_one_run_and_a_killed_one_frees_it(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path, IDENTITY, PLAN):
        pass
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="Another process is writing the run in"):
            Ledger.open(path, IDENTITY, PLAN)
        with pytest.raises(UserError, match="Another process is writing the run in"):
            read_plan(path)
        process.kill()
    Ledger.open(path, IDENTITY, PLAN).__exit__()


def mounted(folder: Path, options: str):
    """A small file system of its own, or a loud skip: root may write past permissions, so they show nothing."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: no file system can be mounted here ({done.stderr.strip()})")


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    mounted(disk, "size=256k")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_and_what_was_committed_stays(small_disk):
    path = small_disk / "ledger.sqlite"
    written = []

    def fill(ledger):
        for number in range(10_000):
            long = sample(item=f"{number}", outcome=Completion("x" * 999, 9, "stop"))
            ledger.record("pas", Split.TEST, 0, [long], "evaluate", 1.0)
            written.append(number)

    with Ledger.open(path, IDENTITY, PLAN) as ledger, pytest.raises(UserError, match="is full; free some space"):
        fill(ledger)
    assert len(written) > 5
    # The user frees some space, and starts again.
    subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
    with Ledger.open(path, IDENTITY, PLAN) as ledger:
        assert len(ledger.answered("pas", Split.TEST, 0)) == len(written)


def test_a_read_only_folder_is_told(small_disk):
    path = small_disk / "run" / "ledger.sqlite"
    with Ledger.open(path, IDENTITY, PLAN):
        pass
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for place in (path, small_disk / "new" / "ledger.sqlite"):
        with pytest.raises(UserError, match=r"cannot be written to.*; choose another"):
            Ledger.open(place, IDENTITY, PLAN)


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT TESTED: root writes past permissions (the mount test stands in)")
def test_a_folder_without_permission_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written to"):
        Ledger.open(tmp_path / "run" / "ledger.sqlite", IDENTITY, PLAN)


def test_the_ledger_is_a_plain_sqlite_file_that_anyone_can_read(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path, IDENTITY, PLAN) as ledger:
        ledger.record("pas", Split.TEST, 0, [sample()], "evaluate", 1.0)
    with sqlite3.connect(path) as connection:
        (outcome,) = connection.execute("SELECT outcome FROM samples").fetchone()
    connection.close()
    assert json.loads(outcome) == {"logprobs": [-0.1, -2.5]}


def test_an_answer_that_overflowed_is_not_rated_again(ledger):
    lost, said = Completion("I", 1, "overflow"), Completion("I", 1, "stop")
    samples = [
        sample(item="lost", outcome=lost, score=Score(None, unscored="it overflowed")),
        sample("t", "said", said),
    ]
    ledger.record("pas", Split.TEST, 0, samples, "evaluate", 1.0)
    ledger.rate_again()
    assert set(ledger.pending("pas", Split.TEST, 0)) == {("t", "said")}
    assert ledger.scored("pas", Split.TEST, 0)["t", "lost"].score.unscored == "it overflowed"
