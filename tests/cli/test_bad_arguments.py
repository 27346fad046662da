"""What is handed over and cannot be meant: every command refuses it in one sentence, and writes nothing."""

import hashlib
import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from safetensors.numpy import save_file
from steerbench_testkit import ToyEngine

from steerbench.cli.main import run
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute

TOY = "--task toy --engine toy --model toy-model"
SUITE = 'model = "toy-model"\nengine = "toy"\ntask = "toy"\nmethods = ["toy-push"]\n[[runs]]\nname = "one"\n'
DEEP = "[" * 100_000
FILES = {
    "e.txt": "hello\n",
    "deep.toml": f"x = {DEEP}",
    "tables.toml": "x = " + "{a=" * 100_000,
    "lists.toml": f"[[runs]]\nname = {'[' * 100}{']' * 100}\n",
    "nan.toml": f"{SUITE}strength = nan\n",
    "nobody.toml": SUITE.replace("toy-model", ""),
    "seed.toml": f"{SUITE}seed = -1\n",
    "twice.toml": f'{SUITE}methods = ["toy-push", "toy-push"]\n',
    "two-names.toml": f'{SUITE}param.toy-push.size = 1.0\nparam."toy-push.size" = 2.0\n',
    "deep.json": DEEP,
    "deep.jsonl": DEEP,
    "deep/config.json": DEEP,
    "run/steering.jinja": "{{ messages }}",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run."""
    folder = tmp_path_factory.mktemp("made") / "run"
    plan = Plan(methods=("toy-push",), task="toy", model="toy-model", engine="toy", budget=2, trivial=False)
    execute(prepare(plan, engine=ToyEngine()), folder)
    return folder


@pytest.fixture
def here(tmp_path, finished, monkeypatch):
    """A folder with some of everything, in which a command is run."""
    shutil.copytree(finished, tmp_path / "run")
    shutil.copytree(finished, tmp_path / "garbage")
    (tmp_path / "garbage" / LEDGER).write_bytes(b"no ledger" * 1000)
    (tmp_path / "deep").mkdir()
    (tmp_path / "empty").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "named.gguf").write_bytes(b"GGUF\x03\0\0\0")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "its/base"}))
    save_file({}, tmp_path / "adapter" / "adapter_model.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


BAD = {
    # Empty values, of any option of any command
    'run --method ""': "--method is empty; give it a value, or leave it out.",
    'run --method toy-push --model ""': "--model is empty",
    "run --method toy-push --out=": "--out is empty",
    'run --method toy-push --dataset " "': "--dataset is empty",
    'report run --out ""': "--out is empty",
    'show ""': "An argument is empty",
    'site build --out ""': "--out is empty",
    'serve --steering ""': "--steering is empty",
    "run --method toy-push --param toy-push.size=": "--param toy-push.size= cannot be read",
    "suite nobody.toml": "run 'one': model cannot be ''",
    # Names
    "run --method pas,,npti": "--method pas,,npti lacks a name before or after a comma",
    "run --method pas,": "lacks a name before or after a comma",
    "run --method pas,pas": "--method names 'pas' twice; leave one out.",
    "run --method pas --method pas": "--method names 'pas' twice",
    "run --method pas+pas": "'pas+pas' names 'pas' twice",
    "run --method unsteered --task personalitybench --pole E+,extraversion+": "names extraversion+ twice",
    "run --method unsteered --task personalitybench --pole E+,,O+": "--pole E+,,O+ lacks a name",
    "bench --method toy-push --groups fit,fit": "--groups names 'fit' twice",
    "tradeoff --method pas --cost gsm8k,gsm8k": "--cost names 'gsm8k' twice",
    "report run --metrics error,error": "--metrics names 'error' twice",
    "report run run/run.json": "The run run is named twice",
    "suite twice.toml": "methods names 'toy-push' twice",
    # Parameters
    f"run --method toy-push {TOY} --param toy-push.size=1 --param toy-push.size=2": "toy-push.size is given twice",
    f"run --method toy-push {TOY} --param toy-push.size=1 --param toy-push.size=1": "toy-push.size is given twice",
    f"run --method toy-push {TOY} --param toy-push.size=NaN": "toy-push.size cannot be nan: give a finite number.",
    f"run --method toy-push {TOY} --param toy-push.size={DEEP}": "toy-push.size cannot be '[[[[",
    "run --method pas --respondents 5 --param papi.respondents=6": "papi.respondents is given twice",
    "sweep --method pas --param k=2 --param k=2": "--param k=2 is given twice",
    "sweep --method pas --param k=1,2 --param pas.heads=3": "pas.heads is fixed at 3, but k sweeps it",
    "suite two-names.toml": "param gives toy-push.size twice",
    # Sizes
    "run --method pas --limit 5 --respondents 5": "papi.respondents is given twice",
    "run --method unsteered --task arithmetic-sample --respondents 5": "does not count respondents: give its size by",
    "run --method unsteered --task personalitybench --respondents 5": "does not count respondents: give its size by",
    "run --method pas --respondents 0": "Invalid value for '--respondents'",
    "run --method pas --limit -3": "Invalid value for '--limit'",
    # Numbers out of range
    "run --method pas --seed -1": "Invalid value for '--seed'",
    "fit --method pas --pole E+ --out a.safetensors --seed -1": "Invalid value for '--seed'",
    "suite seed.toml": "run 'one': seed cannot be -1",
    "run --method pas --budget 1": "Invalid value for '--budget'",
    "run --method pas --budget 1000000": "Invalid value for '--budget'",
    "run --method pas --strength nan": "--strength is nan; give a finite number",
    "run --method pas --judge-budget inf": "--judge-budget is inf; give a finite number",
    "suite nan.toml": "strength cannot be nan",
    # Files for folders, folders for files, and files that are something else
    "report run --out empty": "Invalid value for '--out'",
    f"run --method toy-push {TOY} --out e.txt": "Invalid value for '--out'",
    "export run --out e.txt": "Invalid value for '--out'",
    "human export run --out empty": "Invalid value for '--out'",
    "show e.txt": "There is no finished run in e.txt: it holds no run.json.",
    "run --method pas --dataset e.txt": "There is no PAPI inventory 'e.txt'",
    "run --method pas --task personalitybench --dataset e.txt": "There is no PersonalityBench dataset 'e.txt'",
    "run --method pas --task personalitybench --dataset deep.jsonl": "is not valid JSON",
    "run --resume garbage": "garbage/ledger.sqlite is not a steerbench ledger",
    "site build --results empty --out e.txt": "e.txt exists and is not a site of steerbench",
    "publish --check empty": "empty holds nothing that is published: nothing was checked",
    "publish deep.json": "deep.json is nested more than",
    "bench compare deep.json deep.json": "deep.json is not a timing file",
    "human import deep.json deep.json": "deep.json is not the key of a study",
    "suite deep.toml": "deep.toml is nested more than 24 levels deep; no suite needs that.",
    "suite tables.toml": "tables.toml is nested more than",
    "suite lists.toml": "lists.toml is nested more than",
    # Models that are none
    "run --method unsteered --model e.txt": "e.txt is a file; name the folder of a transformers model",
    "run --method unsteered --model deep/config.json": "deep/config.json is a file; name its folder, deep.",
    "run --method unsteered --model deep": "deep/config.json cannot be read",
    "run --method unsteered --model named.gguf": "named.gguf is a GGUF file",
    "run --method unsteered --model adapter": "merge it into its base model 'its/base'",
    f"run --method unsteered --model {'a' * 5000}": "There is no model 'aaa",
    # What typer refuses
    "run --bogus": "No such option: --bogus",
    "bogus": "No such command 'bogus'; steerbench --help says what it takes.",
    "show": "Missing argument 'run'; steerbench show --help says what it takes.",
    "run --method pas --protocol loose": "Invalid value for '--protocol'",
    f"show {'a' * 5000}": "cannot be used (File name too long)",
}


@pytest.mark.parametrize(("line", "sentence"), BAD.items(), ids=[line[:60] for line in BAD])
def test_a_bad_argument_is_one_sentence_on_stderr_exit_code_2_and_nothing_written(
    here, line, sentence, monkeypatch, capsys
):
    before = contents(here)
    monkeypatch.setattr(sys, "argv", ["steerbench", *shlex.split(line)])
    with pytest.raises(SystemExit) as ended:
        run()
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert sentence in told.err
    assert told.err.count("\n") == 1
    assert contents(here) == before


def ended_well(line, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["steerbench", *shlex.split(line)])
    with pytest.raises(SystemExit) as ended:
        run()
    told = capsys.readouterr()
    assert ended.value.code == 0, told.err
    return told.out


def test_a_file_of_a_run_stands_for_the_run(here, monkeypatch, capsys):
    shown = ended_well("show run", monkeypatch, capsys)
    assert ended_well("show run/run.json", monkeypatch, capsys) == shown
    assert ended_well(f"run --resume run/{LEDGER}", monkeypatch, capsys) == shown


@pytest.mark.parametrize(
    ("task", "option", "parameters"),
    [
        ("papi", "limit", {"respondents": 3}),
        ("papi", "respondents", {"respondents": 3}),
        ("papi-causal", "limit", {"respondents": 3}),
        ("papi-dark-triad", "limit", {"respondents": 3}),
        ("personalitybench", "limit", {"questions": 3}),
        ("gsm8k", "limit", {"limit": 3}),
        ("ifeval", "limit", {"limit": 3}),
        ("perplexity", "limit", {"limit": 3}),
    ],
)
def test_one_option_sizes_every_task_by_what_it_counts(task, option, parameters, monkeypatch, capsys):
    import steerbench.cli.run as command

    started = []
    monkeypatch.setattr(sys.modules[command.__name__], "_start", lambda plan, *_: started.append(plan))
    ended_well(f"run --method unsteered --task {task} --{option} 3", monkeypatch, capsys)
    assert started[0].task_parameters == parameters


def test_a_site_is_built_in_an_empty_folder_and_again_also_in_the_one_we_are_in(here, monkeypatch, capsys):
    (here / "results").mkdir()
    for folder in (here / "empty", here / "site"):
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder if folder.name == "site" else here)
        out, results = (".", "../results") if folder.name == "site" else ("empty", "results")
        for _ in range(2):
            ended_well(f"site build --results {results} --out {out}", monkeypatch, capsys)
            assert (folder / "index.html").is_file()
            monkeypatch.chdir(folder if folder.name == "site" else here)
    assert not [path.name for path in here.iterdir() if path.name.startswith(".")]
