"""`steerbench publish FILE.json` as a user has it."""

from steerbench.timing.files import write_timing
from tests.timing.rounds import noisy_file


def test_a_timing_is_published_and_checked(steerbench, tmp_path):
    write_timing(noisy_file(0, 0.05), tmp_path / "speed.json")
    done = steerbench("publish", "speed.json")
    assert done.returncode == 0, done.stderr
    path = tmp_path / done.stdout.strip()
    assert path.parent == tmp_path / "leaderboard/speed"
    done = steerbench("publish", "--check", "leaderboard/speed")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 published timings, and every ratio follows from its rounds.\n"

    path.write_text(path.read_text().replace('"cores": 2', '"cores": 64'))
    done = steerbench("publish", "--check", "leaderboard/speed")
    assert done.returncode == 2
    assert f"{path.name} has to be called '2026-01-01-" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_none_is_one_sentence(steerbench, tmp_path):
    done = steerbench("publish", "nowhere.json", "--out", "elsewhere")
    assert done.returncode == 2
    assert done.stderr == "error: There is no file nowhere.json with a timing.\n"
    (tmp_path / "empty.json").write_text("{}")
    done = steerbench("publish", "empty.json", "--out", "elsewhere")
    assert done.returncode == 2
    assert "empty.json is not a timing that this version can read: created (Field required)." in done.stderr
    assert not (tmp_path / "elsewhere").exists()
