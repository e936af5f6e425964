"""A progress bar on the terminal's error stream; silent when that is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Progress", "part", "progress_bar"]

Progress = Callable[[str, float], None]
"""Called with the step in words and the share done, 0 to 1."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """A progress that fills only the stretch from start to stop of another."""
    return lambda words, share: progress(words, start + (stop - start) * share)


def _silent(_words: str, _share: float) -> None:
    """A progress that shows nothing."""


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Progress]:
    """Yield a Progress that draws one bar; nothing is drawn when quiet or when stderr is not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Starting", total=1.0)
        yield lambda words, share: bar.update(task, description=words, completed=share)
