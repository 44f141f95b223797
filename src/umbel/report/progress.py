"""A progress bar on the error stream, for work that takes longer than a glance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def bar(steps: Iterable[int], what: str, total: int, *, console: Console | None = None) -> Iterator[int]:
    """Pass steps through and show how far they are; the bar is gone when they are done.

    Parameters
    ----------
    steps
        What is passed through.
    what
        A word for the work: ``"bootstrap"``.
    total
        How many steps there are.
    console
        Where it is drawn; default: the error stream.

    Examples
    --------
    >>> import io
    >>> list(bar(range(3), "bootstrap", 3, console=Console(file=io.StringIO())))
    [0, 1, 2]
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for step in steps:
            yield step
            progress.advance(task)
