"""Signals between chunks, so that no step is left half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType


class DeferredSignals:
    """Inside `with`, these signals are noted instead of acted on: `number` is the first that came, or 0.

    A second SIGINT raises KeyboardInterrupt at once.  Only in the main thread, and only signals that have the meaning they
    have when Python starts; others, ignored ones among them, are left to whoever gave them another.
    """

    def __init__(self, *numbers: int) -> None:
        self.numbers, self.number = numbers, 0
        self._previous: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        import signal  # here and below: `import dlcore` is quicker without
        import threading

        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            ours = [n for n in self.numbers if signal.getsignal(n) in (signal.SIG_DFL, signal.default_int_handler)]
            self._previous = {number: signal.signal(number, self._note) for number in ours}
        return self

    def __exit__(self, *exception: object) -> None:
        import signal

        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        import signal

        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number

    def check(self) -> None:
        """Raise KeyboardInterrupt if one came."""
        if self.number:
            raise KeyboardInterrupt


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Inside, the first SIGINT waits until the given function is called, or for the end; a second one interrupts at once."""
    import signal

    with DeferredSignals(signal.SIGINT) as signals:
        yield signals.check
    signals.check()
