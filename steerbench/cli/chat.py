"""`steerbench chat`: talk with a steered model and turn its strength up and down."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steerbench.cli.options import Device, Dtype, EngineName, Model, Seed, Template, finite
from steerbench.cli.startup import loading
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.contracts import Engine, Sampling
    from steerbench.contracts.steering import Steering

HELP = "/strength 2.5 sets the strength, /off stops steering, /reset forgets the conversation, /quit ends."


def chat_command(
    steering: Annotated[Path, typer.Option(metavar="FILE", help="A saved steering.", show_default=False)],
    model: Model = None,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    force: Annotated[bool, typer.Option("--force", help="Use a steering that was fitted on another model.")] = False,
    tokens: Annotated[int, typer.Option(metavar="N", help="The most tokens of an answer.", min=1)] = 256,
    temperature: Annotated[
        float, typer.Option(metavar="X", help="Sampling temperature; 0 is greedy.", min=0.0, callback=finite)
    ] = 0.0,
    seed: Seed = 0,
) -> None:
    """Talk with a model under a saved steering."""
    from steerbench.contracts import Sampling
    from steerbench.contracts.steering_file import plain
    from steerbench.engines.application import open_steering
    from steerbench.engines.fitted_on import check_fitted_on
    from steerbench.records.plan import Plan
    from steerbench.running.opening import open_engine

    loaded, provenance = open_steering(steering)
    template = str(chat_template) if chat_template else None
    plan = Plan(methods=("chat",), task="chat", model=model, engine=engine, dtype=dtype, chat_template=template)
    with loading():
        opened = open_engine(plan, device)
    if not force:
        check_fitted_on(opened, provenance, steering)
    sampling = Sampling(max_new_tokens=tokens, temperature=temperature, seed=seed)
    print(plain(f"{provenance.get('method', 'steering')} towards {provenance.get('target', 'somebody')}") + f". {HELP}")
    talk = Talk(opened, loaded)
    for line in _lines():
        if line.startswith("/"):
            if (said := talk.command(line)) is None:
                break
            print(said)
        elif line:
            print(talk.answer(line, replace(sampling, seed=seed + len(talk.turns))))


@dataclass
class Talk:
    """What was said so far, and how strongly the model is steered (1 is as the file has it)."""

    engine: "Engine"
    steering: "Steering"
    strength: float = 1.0
    turns: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, said: str, sampling: "Sampling") -> str:
        """What the model says to that, or in brackets why it says nothing; then the talk stays as it was."""
        from steerbench.contracts import Prompt, Request
        from steerbench.contracts.thoughts import UNFINISHED
        from steerbench.engines.application import at, opened
        from steerbench.errors import UserError

        turns = [*self.turns, ("user", said)]
        steering = at(self.steering, self.strength)
        request = Request(Prompt(opened(steering.prompt.as_message(), turns)), steering)
        try:
            completion = self.engine.generate([request], sampling)[0]
        except UserError as error:
            return f"({error} /reset forgets the talk.)"
        if completion.finish == "thinking":
            return f"({UNFINISHED}; give it more --tokens)"
        text = completion.text.strip()
        self.turns = [*turns, ("assistant", text)]
        return text

    def command(self, line: str) -> str | None:
        """Do as a line with a slash says; what to tell, None to end."""
        name, _, value = line.partition(" ")
        if name == "/quit":
            return None
        if name == "/reset":
            self.turns.clear()
            return "(forgotten)"
        if name == "/off":
            self.strength = 0.0
            return "(not steered)"
        if name == "/strength":
            from steerbench.engines.application import read_strength

            try:
                self.strength = read_strength(float(value))
            except ValueError:
                return f"(the strength is {self.strength:g}; /strength takes a number)"
            except UserError as error:
                return f"(the strength is {self.strength:g}) {error}"
            return f"(strength {self.strength:g})"
        return f"({HELP})"


def _lines() -> Iterator[str]:
    """What the user types, or what is piped in, line by line until its end."""
    prompt = "you> " if sys.stdin.isatty() else ""
    while True:
        try:
            yield input(prompt).strip()
        except (EOFError, KeyboardInterrupt):
            return
