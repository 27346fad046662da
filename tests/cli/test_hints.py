"""Every command that a message names exists, and takes the options that the message gives it."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from steerbench.cli.app import app
from steerbench.errors import installing

ROOT = Path(__file__).parents[2]
OTHERS = {
    *("--port", "--api-key", "--max-num-seqs"),
    *("--model_args", "--tasks", "--num_fewshot", "--apply_chat_template", "--gen_kwargs", "--model-base-url"),
    *("--no-deps", "--merge", "--benchmark-json"),
}
"""Options of vLLM's server, the other harnesses, pip, gguf-split and pytest, which messages name too."""
NAMED = re.compile(r"(?:`|^ *|\n *|-> )steerbench ([^`\n]*)", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z_-]*[a-z]")


def texts(tree: ast.AST) -> Iterator[str]:
    """All texts that are shown: f-strings with an X for each value, and no docstrings but those of commands."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node) if part is not node}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def messages() -> list[tuple[str, str]]:
    """(file, text) of every text in the code."""
    folders = ("steerbench", "methods", "tasks", "judges", "leaderboard")
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return [(str(file.relative_to(ROOT)), text) for file in files for text in texts(ast.parse(file.read_text("utf-8")))]


MESSAGES = messages()
COMMANDS = [
    (file, found.strip().rstrip(".,;:)"))
    for file, text in MESSAGES
    for found in NAMED.findall(text)
    if found.strip() and found[0] != "X"
]


def resolved(words: list[str]):
    """The command that the first words name, and the words after them."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def options_of(command) -> set[str]:
    own = {name for one in command.params for name in (*one.opts, *one.secondary_opts) if name.startswith("--")}
    for inner in getattr(command, "commands", {}).values():
        own |= options_of(inner)
    return own


def test_commands_are_found_in_the_messages_of_all_parts():
    assert len(COMMANDS) >= 15
    assert {"steerbench", "tasks"} <= {file.partition("/")[0] for file, _ in COMMANDS}


@pytest.mark.parametrize(("file", "named"), COMMANDS, ids=lambda text: text[:50])
def test_a_command_in_a_message_exists_and_takes_what_it_is_given(file, named):
    words = re.sub(r"\(.*", "", named).split()
    command, rest = resolved(words)
    assert not hasattr(command, "commands") or words[:1] in (["bench"],), f"{file}: `steerbench {named}`"
    if getattr(command, "allow_extra_args", False) or command.context_settings.get("allow_extra_args"):
        return
    taken = options_of(command) | {"--help"}
    assert [word for word in rest if word.startswith("--") and word.partition("=")[0] not in taken] == []
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    values = {word for place, word in enumerate(rest) if place and rest[place - 1].startswith("--")}
    given = [word for word in rest if not word.startswith("--") and word not in values]
    most = sum(one.nargs if one.nargs > 0 else 99 for one in arguments)
    assert len(given) <= most, f"{file}: `steerbench {named}` has {given}"


def test_every_option_in_a_message_is_an_option_of_some_command():
    known = options_of(typer.main.get_command(app)) | {"--help", "--version"} | OTHERS
    shown = [(file, text) for file, text in MESSAGES if not file.startswith("leaderboard/")]
    wrong = {
        (file, option)
        for file, text in shown
        if " " in text.strip()
        for option in OPTION.findall(text)
        if option not in known
    }
    assert wrong == set()


def test_what_is_to_be_installed_is_an_extra_of_a_clone():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    called = [
        argument.value
        for folder in ("steerbench", "methods", "tasks", "judges", "leaderboard")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "installing"
        for argument in node.args
    ]
    assert len(called) >= 6
    assert set(called) <= set(extras)
    found = [extra for _, text in MESSAGES for extra in re.findall(r"\.\[([\w-]+)\]", text) if extra != "X"]
    assert set(found) <= set(extras)
    # No index has the package.
    assert [file for file, text in MESSAGES if "steerbench[" in text] == []
    assert "-c constraints.txt -e '.[charts]'" in installing("charts")
    assert (ROOT / "constraints.txt").is_file()
