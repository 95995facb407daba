"""A live line on the terminal while a network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .callbacks import Callback, Trained

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_UNSHOWN = ("seconds", "learning_rate")
_BAR = 16  # columns


class Progress(Callback):
    """Epoch, a bar, the numbers of the last epoch, time left.  Silent where stderr is not a terminal.

    `updates` is the number of updates in an epoch: the bar moves inside epochs too, and the time left is known in the first.
    """

    def __init__(self, epochs: int, updates: int) -> None:
        self.epochs, self.updates = epochs, updates
        self._first = self._done = 0  # updates before this fit, epochs finished in it
        self._bar: Bar | None = None

    def on_fit_begin(self, trainer: Trained) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), BarColumn(bar_width=_BAR),
            TextColumn("{task.description}"), TimeRemainingColumn(), TextColumn("left"),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._first, self._done = trainer.updates, 0
        self._task = bar.add_task(
            "compiling", total=self.epochs * self.updates, epoch=min(1, self.epochs), epochs=self.epochs
        )
        bar.start()

    def on_chunk_end(self, trainer: Trained) -> None:
        if self._bar is not None:
            description = "" if self._done == 0 else None  # None: as it is
            self._bar.update(self._task, completed=trainer.updates - self._first, description=description)

    def on_epoch_end(self, trainer: Trained, logs: Mapping[str, float]) -> bool | None:
        if self._bar is None:
            return None
        self._done += 1
        numbers = [f"{name} {value:.4g}" for name, value in logs.items() if name not in _UNSHOWN]
        room = self._bar.console.width - len(f"epoch {self.epochs}/{self.epochs}") - _BAR - len(" 0:00:00 left ") - 2
        while len("  ".join(numbers)) > room:  # else rich would cut the time left
            numbers.pop()
        self._bar.update(self._task, description="  ".join(numbers), epoch=min(self._done + 1, self.epochs))
        return None

    def on_fit_end(self, trainer: Trained) -> None:
        if self._bar is not None:
            self._bar.update(self._task, epoch=self._done)
            self._bar.stop()
