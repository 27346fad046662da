"""Shows a run's progress on stderr: stage, finished requests, speed, remaining time."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.errors import counted


class Speed(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f} items/s" if speed else "", style="progress.data.speed")


class Bars:
    """A `Progress` of the runner: bars on a terminal, a line per finished stage in a log, or nothing."""

    def __init__(self, quiet: bool, console: Console | None = None) -> None:
        self._console = console or screen(stderr=True)
        self._quiet = quiet
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            Speed(),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._stage, self._done, self._since = "", 0, 0.0
        self._task = self._bars.add_task("", visible=False)
        self._judge = self._bars.add_task("  rated by judges", visible=False)

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bars.stop()

    def started(self, stage: str, method: str, targets: int, requests: int) -> None:
        self._stage, self._done, self._since = (
            f"{stage} {method} · {counted(targets, 'targets')}",
            0,
            time.perf_counter(),
        )
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(self._stage, total=requests or None)

    def advance(self, requests: int) -> None:
        self._done += requests
        self._bars.advance(self._task, requests)

    def rated(self, done: int, total: int) -> None:
        self._bars.update(self._judge, completed=done, total=total, visible=done < total)

    def finished(self) -> None:
        seconds = time.perf_counter() - self._since
        if not self._quiet and not self._console.is_terminal:
            done = f", {counted(self._done, 'items')}" if self._done else ""
            self._console.print(f"{self._stage}{done}, {seconds:.1f} s", highlight=False, soft_wrap=True)
