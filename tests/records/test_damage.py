"""Ledgers that are not as they were written: every door says so in a sentence, and none goes on with them."""

import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.publishing.publish import publish
from steerbench.records.export import read_samples
from steerbench.records.found_ledgers import LEDGER, check_sound, read_plan, reading
from steerbench.records.ledger import TABLES, Ledger
from steerbench.records.plan import Identity, Plan
from steerbench.records.results import RESULT, read_result
from steerbench.running.preparing import prepare
from steerbench.running.rejudging import prepare_again
from steerbench.running.runner import execute
from steerbench.studies.comparison import measured_losses
from tests.publishing.world import RATED, finished
from tests.records.test_ledger import IDENTITY, PLAN

ONE_SENTENCE = re.compile(r"[^\n]*\.")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run with everything in its ledger that there can be."""
    patch = pytest.MonkeyPatch()
    patch.setenv("STEERBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield finished(tmp_path_factory.mktemp("made") / "run", RATED)
    patch.undo()


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount


def content(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


DOORS = {
    "show, resume of a finished run": read_result,
    "resume": lambda run: read_plan(run / LEDGER),
    "export": read_samples,
    "compare": measured_losses,
    "publish": lambda run: publish(run, run.parent / "results"),
    "rejudge": lambda run: prepare_again(run, {}, {}),
    "going on": lambda run: going_on(run),
}


def going_on(run: Path) -> None:
    (run / RESULT).unlink()
    execute(prepare(RATED), run)


def test_a_ledger_that_nobody_touched_passes_every_door(run):
    for door in DOORS.values():
        door(run)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE samples SET outcome = replace(outcome, 'at', 'up') WHERE split = 'test'",
        "UPDATE samples SET score = json_set(score, '$.loss', 0.0) WHERE json_extract(score, '$.loss') > 0",
        "UPDATE verdicts SET rating = 5.0 - rating WHERE rating IS NOT NULL",
    ],
    ids=["completion", "score", "verdict"],
)
def test_a_changed_answer_score_or_verdict_is_seen_at_every_door(run, door, statement):
    change(run / LEDGER, statement)
    before = content(run / LEDGER)
    with pytest.raises(UserError, match=r"was damaged or changed from outside .*: put a copy of it back, or start"):
        door(run)
    assert content(run / LEDGER) == before
    assert not (run.parent / "results").exists()


def columns() -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(f"{TABLES};\n")
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (name, column)
            for name in names
            for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({name})").fetchall()
            if kind
        ]


@pytest.mark.parametrize(("table", "column"), columns())
def test_a_change_of_any_column_is_seen(run, table, column):
    """Of numbers the last bit."""
    new = f'CASE typeof("{column}") WHEN \'text\' THEN "{column}" || \' \' ELSE "{column}" * 1.0000000000000002 + 1 END'
    if table == "meta" and column == "key":
        new = "'created '"
    where = "key = 'created'" if table == "meta" else f'"{column}" IS NOT NULL'
    if table == "fits":
        with Ledger.open(run / LEDGER, *_own(run)) as ledger:
            ledger.record_fits("toy-push", "test", {"p1": ("a", "b")}, 1.0)
    check_sound(run / LEDGER)
    change(
        run / LEDGER,
        f'UPDATE {table} SET "{column}" = {new} WHERE rowid = (SELECT max(rowid) FROM {table} WHERE {where})',
    )
    with pytest.raises(UserError, match=f"the rows of the table '{table}' do not match their seal"):
        check_sound(run / LEDGER)


def _own(run: Path) -> tuple[Identity, Plan]:
    result = read_result(run)
    return Identity(result.identity, result.digest), result.plan


@pytest.mark.parametrize("table", ["meta", "samples", "choices", "stages", "verdicts", "seals"])
def test_a_row_that_was_taken_out_or_put_in_by_hand_is_seen(run, table):
    rows = [(run / LEDGER, f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")]
    if table not in ("seals", "meta"):
        other = run.parent / "other.sqlite"
        shutil.copy(run / LEDGER, other)
        first = {"stages": "stage", "choices": "target", "verdicts": "judge", "samples": "target"}[table]
        with closing(sqlite3.connect(other)) as connection, connection:
            connection.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table} LIMIT 1")
            connection.execute(f"UPDATE one SET {first} = 'put in'")
            connection.execute(f"INSERT INTO {table} SELECT * FROM one")
        rows.append((other, "PRAGMA user_version"))
    for path, statement in rows:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)
        with pytest.raises(UserError, match="damaged or changed from outside"):
            check_sound(path)


def test_bytes_changed_anywhere_are_seen_or_change_nothing(run, tmp_path):
    """The oracle is what SQLite reads of the file as it was."""
    whole, right = (run / LEDGER).read_bytes(), content(run / LEDGER)
    rng, seen, own = random.Random(0), 0, _own(run)
    for number in range(300):
        place, broken = rng.randrange(len(whole)), bytearray(whole)
        broken[place : place + number % 3 * 30 + 1] = rng.randbytes(number % 3 * 30 + 1)
        path = tmp_path / f"{number}" / LEDGER
        path.parent.mkdir()
        path.write_bytes(broken)
        told = ""
        try:
            with reading(path) as connection:
                assert "\n".join(connection.iterdump()) == right
        except UserError as error:
            told = str(error)
            with pytest.raises(UserError):
                Ledger.open(path, *own)
        assert not told or ONE_SENTENCE.fullmatch(told)
        seen += bool(told)
        shutil.rmtree(path.parent)
    assert seen > 100


def test_a_ledger_cut_short_anywhere_is_seen(run, tmp_path):
    whole, rng = (run / LEDGER).read_bytes(), random.Random(1)
    path = tmp_path / "cut" / LEDGER
    path.parent.mkdir()
    for length in [0, 1, 100, 4096, len(whole) - 4096, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(40))]:
        path.write_bytes(whole[:length])
        with pytest.raises(UserError) as told:
            read_plan(path)
        assert ONE_SENTENCE.fullmatch(str(told.value))


KILLED = """
import os, sys
from pathlib import Path
from tests.records.test_ledger import IDENTITY, PLAN, Ledger, Split, sample
ledger = Ledger.open(Path(sys.argv[1]), IDENTITY, PLAN)
for item in "abc":
    ledger.record("pas", Split.TEST, 0, [sample(item=item)], "evaluate", 1.0)
os._exit(9)
"""


@pytest.mark.parametrize("log", ["whole", "cut", "flipped", "gone", "empty"])
def test_of_a_killed_run_whose_log_is_lost_or_damaged_what_was_synced_before_is_gone_on_with(tmp_path, log):
    path = tmp_path / "run" / LEDGER
    subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=Path(__file__).parents[2], check=False)
    beside = path.with_name(f"{LEDGER}-wal")
    written = bytearray(beside.read_bytes())
    if log == "gone":
        beside.unlink()
    elif log != "whole":
        cut = len(written) - 3000 if log == "cut" else 0
        written[len(written) * 3 // 4] ^= 1
        beside.write_bytes(written if log == "flipped" else written[:cut])
    with Ledger.open(path, IDENTITY, PLAN) as ledger:
        kept = {item for _, item in ledger.answered("pas", "test", 0)}
    assert kept in ({*""}, {*"a"}, {*"ab"}, {*"abc"})
    assert kept == {*"abc"} or log != "whole"
    check_sound(path)


def test_a_run_of_an_older_steerbench_is_read_and_sealed_when_it_goes_on(run):
    with closing(sqlite3.connect(run / LEDGER)) as connection, connection:
        connection.execute("DROP TABLE seals")
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    assert len(read_samples(run))
    with Ledger.open(run / LEDGER, *_own(run)):
        pass
    check_sound(run / LEDGER)
    change(run / LEDGER, "UPDATE samples SET strength = 7")
    with pytest.raises(UserError, match="the rows of the table 'samples' do not match their seal"):
        check_sound(run / LEDGER)


def test_seals_taken_away_are_missed_and_so_is_a_sample_of_an_older_run_that_is_no_json(run):
    change(run / LEDGER, "UPDATE meta SET value = '2' WHERE key = 'schema'")
    with closing(sqlite3.connect(run / LEDGER)) as connection, connection:
        connection.execute("DROP TABLE seals")
        connection.execute("UPDATE samples SET score = substr(score, 2) WHERE rowid = 3")
    with pytest.raises(UserError, match="a sample cannot be read"):
        read_samples(run)
    change(run / LEDGER, "UPDATE meta SET value = '3' WHERE key = 'schema'")
    with pytest.raises(UserError, match="its seals are missing"):
        read_samples(run)


def test_what_a_run_writes_over_stays_sealed(tmp_path):
    path = tmp_path / LEDGER
    with Ledger.open(path, IDENTITY, PLAN) as ledger:
        for budget in (64, 32):
            ledger.set_token_budget(budget)
            ledger.record_fits("pas", "test", {"t": (f"{budget}", "d")}, 1.0)
    check_sound(path)


def test_a_run_in_a_folder_that_nobody_can_write_to_is_read(made, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: no file system can be mounted here ({done.stderr.strip()})")
    try:
        run = shutil.copytree(made, disk / "run")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert read_result(run).targets == 2
        assert sorted(path.name for path in run.iterdir()) == sorted(path.name for path in made.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)
