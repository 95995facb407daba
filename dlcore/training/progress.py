"""A live line on the terminal while a network is trained."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, TextIO

from .callbacks import Callback, Trained
from .figures import label, shown

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_UNSHOWN = ("seconds", "learning_rate")
_BAR = 16  # columns
_PAUSE = 0.1  # seconds between two drawings: each takes about a millisecond of the thread that trains


def _never_ends_a_run(method: Callable[..., None]) -> Callable[..., None]:
    """An error of the display switches it off with one line, and training goes on."""

    @wraps(method)
    def guarded(self: Progress, *arguments: object) -> None:
        if self.off:
            return
        try:
            method(self, *arguments)
        except (Exception, SystemExit) as error:  # rich ends the program where the reader of its output has gone
            self.off = True
            self.leave_terminal()
            # a log record, not a warning: where warnings are errors, that would end the run
            logging.getLogger("dlcore").warning(
                "the progress line is off, training goes on: %s: %s", type(error).__name__, error
            )

    return guarded


class Progress(Callback):
    """Epoch, a bar, the numbers of the last epoch, time left.  Silent where stderr is not a terminal.

    `updates` is the number of updates in an epoch: the bar moves inside epochs too, and the time left is known in the first.
    `off`: an error has switched it off.
    """

    def __init__(self, epochs: int, updates: int, *, all_labels: bool = False) -> None:
        self.epochs, self.updates, self.all_labels = epochs, updates, all_labels
        self._first = self._done = 0  # updates before this fit, epochs finished in it
        self._drawn = 0.0
        self._bar: Bar | None = None
        self.off = False

    @_never_ends_a_run
    def on_fit_begin(self, trainer: Trained) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        console.on_broken_pipe = _raise  # type: ignore[method-assign]  # rich's own also leads stdout to nowhere
        self._bar = bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), BarColumn(bar_width=_BAR),
            TextColumn("{task.description}", markup=False), TimeRemainingColumn(), TextColumn("left"),
            console=console, disable=not console.is_terminal,
            auto_refresh=False,  # a thread of rich's could fail where nothing catches it
            redirect_stdout=_is_terminal(sys.stdout),  # what a callback prints to a file stays there
        )  # fmt: skip
        self._first, self._done = trainer.updates, 0
        self._task = bar.add_task(
            "compiling", total=self.epochs * self.updates, epoch=min(1, self.epochs), epochs=self.epochs
        )
        bar.start()
        self._draw(at_once=True)

    @_never_ends_a_run
    def on_chunk_end(self, trainer: Trained) -> None:
        description = "" if self._done == 0 else None  # None: as it is
        self._live().update(self._task, completed=trainer.updates - self._first, description=description)
        self._draw()

    @_never_ends_a_run
    def on_epoch_end(self, trainer: Trained, logs: Mapping[str, float]) -> None:
        self._done += 1
        numbers = [
            f"{label(name, self.all_labels)} {shown(name, value)}"
            for name, value in logs.items()
            if name not in _UNSHOWN
        ]
        room = self._live().console.width - len(f"epoch {self.epochs}/{self.epochs}") - _BAR - len(" 0:00:00 left ") - 2
        while numbers and len("  ".join(numbers)) > room:  # else rich would cut the time left
            numbers.pop()
        self._live().update(self._task, description="  ".join(numbers), epoch=min(self._done + 1, self.epochs))
        self._draw()

    @_never_ends_a_run
    def on_fit_end(self, trainer: Trained) -> None:
        if self._bar is not None:
            self._bar.update(self._task, epoch=self._done)
            self._bar.stop()

    def _live(self) -> Bar:
        assert self._bar is not None
        return self._bar

    def _draw(self, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._drawn > _PAUSE:
            self._live().refresh()
            self._drawn = time.monotonic()

    def leave_terminal(self) -> None:
        """Give back the streams and the cursor that rich has taken, as far as that works."""
        for give_back in (lambda: self._live().stop(), lambda: self._live().console.show_cursor(True)):
            with suppress(Exception, SystemExit):
                give_back()


def _raise() -> None:
    """Raise the error that is being handled."""
    raise


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # no terminal's stream, or closed
        return False
