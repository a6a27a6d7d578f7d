"""Progress bars of a terminal: how many are done, how fast, how long it will take, and what it waits for."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_shown: list[Progress] = []
"""The bars on the screen now: a wait is said on the last one."""


class _PerMinute(ProgressColumn):
    """Rows per minute of the last half minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{60 * speed:,.0f}/min", style="progress.data.speed")


def bar(name: str) -> Callable[[int, int], None]:
    """A bar that appears at the first call and leaves when (done, total) meet."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _PerMinute(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waiting]}", style="yellow"),
        console=Console(stderr=True),
        transient=True,
    )
    task = progress.add_task(name, total=None, waiting="")

    def update(done: int, total: int) -> None:
        if done >= total and not progress.live.is_started:
            return
        if not progress.live.is_started:
            progress.start()
            _shown.append(progress)
        progress.update(task, completed=done, total=total, waiting="")
        if done >= total:
            progress.stop()
            _shown.remove(progress)

    return update


def wait(seconds: float, why: str) -> None:
    """Says on the running bar, or on a line of its own, how long it waits and for what."""
    text = f"waiting {seconds:.0f} s: {why}"
    if not _shown:
        Console(stderr=True).print(text, style="yellow", highlight=False)
        return
    progress = _shown[-1]
    progress.update(progress.task_ids[-1], waiting=text)
